"""Which weights of a start fit a network of other shapes, and how a narrower generator becomes a wider one."""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gan.nets import networks, presets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gan.nets.values import Values
    from gan.train.job import Origin

_SHARE = (0.3, 0.7)  # of what a channel gave to the next layer: its copy's, drawn uniformly, and the rest its own
_NOISE = 0.02  # of the standard deviation of a layer's weights, on those of a copy, so that the two learn apart


def match(theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of `mine` to names of `theirs`: the longest runs of tensors of equal kinds and shapes, in order.

    Networks of another size have a layer more or less, so the names alone do not say which is which.
    """
    names, ours = sorted(theirs, key=_place), sorted(mine, key=_place)  # safetensors keeps no order
    one = [(name.rpartition(".")[2], tuple(theirs[name].shape)) for name in names]
    other = [(name.rpartition(".")[2], tuple(mine[name].shape)) for name in ours]
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return {ours[block.b + i]: names[block.a + i] for block in blocks for i in range(block.size)}


def part(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those of one of a start's networks."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in weights.items() if key.startswith(f"{name}.")}


def grows(theirs: Values, mine: Values) -> bool:
    """Whether G of `theirs` can become that of `mine` by more channels: a chain of convolutions, and of norms."""
    chain = all(one.block == "plain" and one.head == one.latent == "vector" for one in (theirs, mine))
    return chain and theirs.z == mine.z and theirs.width < mine.width


def wide(origin: Origin, values: Values, size: int) -> Origin:
    """The start with a G as wide as that of `values`, at `size` pixels; as it is where it cannot be widened."""
    own = presets.restore(origin.values, origin.name)
    if origin.size != size or not grows(own, values):
        return origin
    with torch.device("meta"):
        before, after = (networks.build(networks.generator(one, size)) for one in (own, values))
    found = {name: weights for name in ("g", "ema") if (weights := part(origin.weights, name))}
    kernels = {key: one.shape[2:] for key, one in after.state_dict().items()}
    shapes = {key: one.shape for key, one in before.state_dict().items()}
    if kernels != {key: one[2:] for key, one in shapes.items()}:
        return origin
    if any(shapes != {key: one.shape for key, one in weights.items()} for weights in found.values()):
        return origin
    more = {f"{name}.{key}": one for name in found for key, one in widened(found[name], after).items()}
    widths = {"width": values.width, "beside": own.beside or own.width}  # D stays as it is
    return replace(origin, values=origin.values | widths, weights={**origin.weights, **more})


def widened(theirs: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """`theirs`, a generator's weights, with as many channels as `net`, for which `grows` holds: Net2WiderNet.

    A channel more is a copy of one drawn by lot, and what the next layer makes of that one is divided among the two,
    so that the pictures stay as they were (arXiv 1511.05641, section 2.4). The same weights give the same result.
    """
    mine, out = net.state_dict(), dict(theirs)
    rng, copied, share = torch.Generator().manual_seed(0), torch.empty(0), torch.empty(0)
    for name, module in net.named_modules():
        own = {key: f"{name}.{key}" for key, _ in module.named_parameters(recurse=False)}
        own |= {key: f"{name}.{key}" for key, _ in module.named_buffers(recurse=False)}
        if isinstance(module, nn.BatchNorm2d):
            for key in own.values():
                if mine[key].shape != theirs[key].shape:
                    out[key] = theirs[key][copied]
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            up = isinstance(module, nn.ConvTranspose2d)
            weight = theirs[own["weight"]].float()
            weight = weight.transpose(0, 1) if up else weight  # (to, from, height, width)
            if weight.shape[1] < module.in_channels:
                weight = weight[:, copied] * share[:, None, None]
            if (count := len(weight)) < module.out_channels:
                copied, share = _copies(count, module.out_channels, rng)
                noise = _NOISE * weight.std() * torch.randn((len(copied) - count, *weight.shape[1:]), generator=rng)
                weight = torch.cat([weight, weight[copied[count:]] + noise])
                if "bias" in own:
                    out[own["bias"]] = theirs[own["bias"]][copied]
            out[own["weight"]] = (weight.transpose(0, 1) if up else weight).contiguous()
    return out


def _copies(count: int, wanted: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """For each of `wanted` channels whose copy it is, and the share of that one's weight in the next layer."""
    more = torch.cat([torch.randperm(count, generator=rng) for _ in range(-(-wanted // count))])[: wanted - count]
    copied, share = torch.cat([torch.arange(count), more]), torch.ones(wanted)
    for place, of in enumerate(more.tolist(), count):
        part = float(torch.empty(()).uniform_(*_SHARE, generator=rng))
        share[place], share[of] = share[of] * part, share[of] * (1 - part)
    return copied, share


def _place(name: str) -> list[tuple[int, str]]:
    """A key by which `9.weight` comes before `10.weight`, as the layers do."""
    return [(int(part) if part.isdecimal() else -1, part) for part in name.split(".")]
