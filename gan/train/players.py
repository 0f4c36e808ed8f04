"""G, D, the averaged G and their optimisers: made, stepped, captured and given back."""

from __future__ import annotations

import copy
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan.nets import networks, teacher
from gan.pictures import batches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gan.nets.presets import Values

State = dict[str, Any]
SETTLING = 16  # batches


@dataclass(frozen=True)
class Machine:
    """What the run computes on; kept in settings.toml, because another one would round otherwise."""

    device: str = "cpu"
    threads: int = 1
    bf16: bool = False
    channels_last: bool = True


@dataclass(frozen=True)
class Players:
    g: nn.Module
    d: nn.Module
    ema: nn.Module
    opt_g: torch.optim.Optimizer
    opt_d: torch.optim.Optimizer


def ready(machine: Machine) -> None:
    """Threads; and on a GPU only kernels that give the same bits each time, as what resumes exactly must have."""
    torch.set_num_threads(machine.threads)
    if machine.device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # torch's notes on reproducibility
        torch.use_deterministic_algorithms(mode=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs time


def make(values: Values, size: int, seed: int, machine: Machine) -> Players:
    """New ones, from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        g, d = (
            networks.build(spec) for spec in (networks.generator(values, size), networks.discriminator(values, size))
        )
        networks.initialise(g, normed=values.norm_g != "none")
        networks.initialise(d, normed=values.norm_d == "batch")
        teacher.load(d, bf16=machine.bf16)
    layout = torch.channels_last if machine.channels_last else torch.contiguous_format
    g, d = (net.to(machine.device).to(memory_format=layout) for net in (g, d))
    betas = (values.beta1, values.beta2)
    return Players(
        g=g,
        d=d,
        ema=copy.deepcopy(g).eval().requires_grad_(False),
        opt_g=torch.optim.Adam(g.parameters(), values.lr_g, betas, fused=True),
        opt_d=torch.optim.Adam(d.parameters(), values.lr_d, betas, fused=True),
    )


def capture(players: Players) -> State:
    """A copy of everything that the next step depends on."""
    return {name: _clone(getattr(players, name).state_dict()) for name in _PARTS}


def give_back(players: Players, state: State) -> None:
    """The inverse of `capture`, in place."""
    for name in _PARTS:
        getattr(players, name).load_state_dict(_clone(state[name]))


def digest(state: State) -> str:
    """SHA-256 over every weight and buffer of G, D and EMA."""
    sha = hashlib.sha256()
    for part in ("g", "d", "ema"):
        for name, tensor in sorted(state[part].items()):
            sha.update(f"{part}.{name}".encode())
            sha.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


@torch.no_grad()
def average(g: nn.Module, ema: nn.Module, values: Values, images_seen: int) -> None:
    """Pull EMA towards G: half of what it knew is forgotten after `ema_kimg`, sooner while the run is young."""
    half_life = min(1000 * values.ema_kimg, 0.08 * images_seen)
    keep = 0.5 ** (values.batch / half_life) if half_life else 0.0
    both = list(zip(ema.state_dict().values(), g.state_dict().values(), strict=True))
    floats = [pair for pair in both if pair[0].is_floating_point()]
    torch._foreach_lerp_([old for old, _ in floats], [new for _, new in floats], 1 - keep)
    for old, new in both:
        if not old.is_floating_point():
            old.copy_(new)


@torch.no_grad()
def settled(ema: nn.Module, values: Values, field: tuple[int, int]) -> nn.Module:
    """The averaged G as it is shown and kept: a copy whose batch norms were measured on its own pictures.

    Averaged weights make other statistics than the ones that G had, and wrong ones give all pictures a cast.
    """
    net = copy.deepcopy(ema)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    if values.settle and norms:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over the batches
        device = str(next(net.parameters()).device)
        rng = batches.chance(0, 0, "latents", device)
        net.train()
        for _ in range(SETTLING):
            net(batches.latents(values, max(values.batch, 16), rng, field))
    net.eval()
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
