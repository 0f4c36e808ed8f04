"""A trained generator, loaded from its files, and new pictures from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from torch import Tensor, nn

from gan.nets import networks, presets
from gan.pictures import batches, grids
from scrapbag.errors import MissingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gan.nets.presets import Values
    from scrapbag.layout import Run

_DAMAGED = "{} is damaged; move it away and run make train, which goes on from the last checkpoint"


@dataclass(frozen=True)
class Generator:
    """A generator as checkpoint.write_generator left it."""

    net: nn.Module
    values: Values
    size: int  # side of the pictures it was trained on
    field: tuple[int, int]  # (h, w) of the latents of such a picture
    grows: int  # pixels a latent, on a side
    images_seen: int


def load(path: Path, *, seamless: bool = False) -> Generator:
    """The generator at `path` (safetensors, its JSON beside it), for inference; `seamless` gives it circular padding.

    Raises MissingError when there is none, UsageError when it is damaged.
    """
    beside = path.with_suffix(".json")
    try:
        text, weights = beside.read_bytes(), path.read_bytes()
    except FileNotFoundError:
        raise MissingError(f"there is no generator {path}; run make train first") from None
    try:
        generator = _build(json.loads(text), f"{beside} [values]", seamless=seamless)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        raise UsageError(_DAMAGED.format(beside)) from None
    try:
        generator.net.load_state_dict(from_safetensors(weights))
    except (RuntimeError, SafetensorError):
        raise UsageError(_DAMAGED.format(path)) from None
    return generator


@torch.no_grad()
def draw(generator: Generator, count: int, seed: int) -> Tensor:
    """(count, 3, size, size) in [-1, 1]; picture i depends on (seed, i) alone, whatever `count` is."""
    z = torch.cat([batches.latents(generator.values, 1, _chance(seed, i), generator.field) for i in range(count)])
    return torch.cat([generator.net(part).float() for part in torch.split(z, 32)])


def write(run: Run, count: int, seed: int) -> Path:
    """A sheet of `count` new pictures under RUN/samples/; returns where it is."""
    path = run.samples / f"seed{seed}-{count}.png"
    grids.save(path, draw(load(run.generator), count, seed))
    return path


def _build(config: dict[str, Any], where: str, *, seamless: bool) -> Generator:
    """The generator of a JSON, with fresh weights."""
    net = networks.build(networks.circular(config["layers"]) if seamless else config["layers"])
    height, width = config["latents"]["field"]
    return Generator(
        net=net.eval().requires_grad_(False),
        values=presets.restore(config["values"], where),
        size=config["size"],
        field=(height, width),
        grows=config["latents"]["grows"],
        images_seen=config["images_seen"],
    )


def _chance(seed: int, number: int) -> torch.Generator:
    return batches.chance(seed, number, "latents")
