"""New pictures from a trained generator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gan import batches, grids, networks, presets
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from gan.presets import Values
    from scrapbag.layout import Run


@dataclass(frozen=True)
class Generator:
    """A generator as it was written: its layers, values, and the field of latents that its training size comes from."""

    net: nn.Module
    values: Values
    size: int
    field: tuple[int, int]
    grows: int  # pixels a latent
    images_seen: int


def load(path: Path, *, seamless: bool = False) -> Generator:
    """The generator at `path` (safetensors, with its JSON beside it); `seamless` wraps it round at the borders.

    Raises MissingError when there is none.
    """
    try:
        config: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        weights = load_file(path)
    except FileNotFoundError:
        raise MissingError(f"there is no generator {path}; run make train first") from None
    layers = networks.circular(config["layers"]) if seamless else config["layers"]
    net = networks.build(layers)
    net.load_state_dict(weights)
    height, width = config["latents"]["field"]
    return Generator(
        net=net.eval().requires_grad_(False),
        values=presets.restore(config["values"]),
        size=config["size"],
        field=(height, width),
        grows=config["latents"]["grows"],
        images_seen=config["images_seen"],
    )


@torch.no_grad()
def draw(generator: Generator, count: int, seed: int) -> Tensor:
    """(count, 3, size, size) in [-1, 1]; the first pictures of a seed stay the same when more are asked for."""
    z = torch.cat([batches.latents(generator.values, 1, _chance(seed, i), generator.field) for i in range(count)])
    return torch.cat([generator.net(part).float() for part in torch.split(z, 32)])


def write(run: Run, count: int, seed: int) -> Path:
    """A sheet of `count` new pictures under RUN/samples/; returns where it is."""
    path = run.root / "samples" / f"seed{seed}-{count}.png"
    grids.save(path, draw(load(run.generator), count, seed))
    return path


def _chance(seed: int, number: int) -> torch.Generator:
    return batches.chance(seed, number, "latents")
