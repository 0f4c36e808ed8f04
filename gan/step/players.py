"""G, D, the exponential moving average (EMA) of G and the optimisers: made, averaged, captured and restored."""

from __future__ import annotations

import copy
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim.swa_utils import get_ema_multi_avg_fn, update_bn

from gan.nets import networks, teacher
from gan.pictures import batches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gan.nets.values import Values

State = dict[str, Any]
SETTLING = 16  # batches that the batch norm statistics of the EMA are measured on


@dataclass(frozen=True)
class Machine:
    """What the run computes on; kept in settings.toml, because on another one results round differently."""

    device: str = "cpu"  # or "cuda"
    threads: int = 1  # of torch, on the CPU
    bf16: bool = False  # autocast to bfloat16
    channels_last: bool = True  # memory format of the networks
    graphs: bool = True  # on a GPU, replay recorded kernels where a row allows it
    processes: int = 1  # that divide each batch among them (gan/step/processes.py)

    def autocast(self, *, kept: bool = True) -> torch.autocast:
        """For every pass through G or D; where weights are `kept`, each is cast to bf16 once, not once a use."""
        return torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.bf16, cache_enabled=kept)


@dataclass(frozen=True)
class Players:
    """The networks and optimisers of a run; `average` updates `ema`, and `loop.play` the others, in place."""

    g: nn.Module
    d: nn.Module
    ema: nn.Module  # the EMA of G's parameters and buffers; takes no gradient
    opt_g: torch.optim.Optimizer
    opt_d: torch.optim.Optimizer


def ready(machine: Machine) -> None:
    """Set torch's threads, and on a GPU allow deterministic kernels only: a resumed run must be equal to the bit."""
    torch.set_num_threads(machine.threads)
    if machine.device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch's notes on reproducibility
        torch.use_deterministic_algorithms(mode=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs time


def make(values: Values, size: int, seed: int, machine: Machine) -> Players:
    """Players with fresh weights, drawn from `seed`; `size` is the side of the pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        g, d = (
            networks.build(spec) for spec in (networks.generator(values, size), networks.discriminator(values, size))
        )
        networks.initialise(g, normed=values.norm_g != "none")
        networks.initialise(d, normed=values.norm_d == "batch")
        teacher.load(d, bf16=machine.bf16)
    freeze(d[1] if isinstance(d, teacher.Both) else d, values.frozen)
    layout = torch.channels_last if machine.channels_last else torch.contiguous_format
    g, d = (net.to(machine.device).to(memory_format=layout) for net in (g, d))
    betas = (values.beta1, values.beta2)
    return Players(
        g=g,
        d=d,
        ema=copy.deepcopy(g).eval().requires_grad_(False),
        opt_g=torch.optim.Adam(g.parameters(), values.lr_g, betas, fused=True),
        opt_d=torch.optim.Adam((p for p in d.parameters() if p.requires_grad), values.lr_d, betas, fused=True),
    )


def freeze(d: nn.Module, count: int) -> None:
    """Let the first `count` convolutions of D keep their weights, and the norms that follow them (arXiv 2002.10964)."""
    for module in d.modules():
        if isinstance(module, nn.Conv2d) and (count := count - 1) < 0:
            return
        if not list(module.children()) or isinstance(module, nn.Conv2d):
            module.requires_grad_(requires_grad=False)


def capture(players: Players) -> State:
    """A copy of every weight, buffer and optimiser state: what a step changes, a checkpoint's content."""
    return {name: _clone(getattr(players, name).state_dict()) for name in _PARTS}


def give_back(players: Players, state: State) -> None:
    """The inverse of `capture`, in place."""
    for name in _PARTS:
        getattr(players, name).load_state_dict(_clone(state[name]))


def digest(state: State) -> str:
    """SHA-256 (hex) over every weight and buffer of G, D and the EMA."""
    sha = hashlib.sha256()
    for part in ("g", "d", "ema"):
        for name, tensor in sorted(state[part].items()):
            sha.update(f"{part}.{name}".encode())
            sha.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


@torch.no_grad()
def average(g: nn.Module, ema: nn.Module, values: Values, images_seen: int) -> None:
    """Update the EMA in place; its half-life is `ema_kimg`, while the run is young 8 % of the images seen.

    `images_seen` are this run's. Those of its start count too, unless `ema_share` takes a share of its own instead.
    torch's AveragedModel would count updates, but this decay depends on images, and some steps do not update G.
    """
    most = values.ema_share * images_seen if values.ema_share else 0.08 * values.age(images_seen)
    half_life = min(1000 * values.ema_kimg, most)
    decay = 0.5 ** (values.batch / half_life) if half_life else 0.0
    both = list(zip(ema.state_dict().values(), g.state_dict().values(), strict=True))
    floats = [pair for pair in both if pair[0].is_floating_point()]
    get_ema_multi_avg_fn(decay)([old for old, _ in floats], [new for _, new in floats], None)
    for old, new in both:
        if not old.is_floating_point():
            old.copy_(new)


def settled(ema: nn.Module, values: Values, field: tuple[int, int]) -> nn.Module:
    """A copy of the EMA to show and keep, its batch norm statistics measured anew where `settle` says so.

    The statistics that G gathered do not fit averaged weights, and wrong ones give all pictures a cast. `field` is the
    (h, w) of the latents.
    """
    net = copy.deepcopy(ema)
    if values.settle:
        rng = batches.chance(0, 0, "latents", str(next(net.parameters()).device))
        count = max(values.batch, 16)
        update_bn((batches.latents(values, count, rng, field) for _ in range(SETTLING)), net)
    for module in list(net.modules()):
        if parametrize.is_parametrized(module, "weight"):  # a spectral norm: what is kept is the divided weight
            _divide(module)
    return net


def _divide(module: nn.Module) -> None:
    """As torch's remove_parametrizations, which would take the norm from every copy: they share a class."""
    weight = nn.Parameter(cast("Tensor", module.weight).detach(), requires_grad=False)
    kind = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    module.__class__ = kind
    module.register_parameter("weight", weight)


_PARTS = ("g", "d", "ema", "opt_g", "opt_d")


def _clone(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if hasattr(value, "items"):
        items: Mapping[Any, Any] = value
        return {key: _clone(one) for key, one in items.items()}
    return [_clone(one) for one in value] if isinstance(value, list | tuple) else value
