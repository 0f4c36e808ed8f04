"""A trained generator, loaded from its files, and new pictures from it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from torch import Tensor, nn
from tqdm import tqdm

from gan.nets import networks, presets
from gan.pictures import batches, grids
from scrapbag.disk import sync
from scrapbag.errors import MissingError, UsageError, never_full

if TYPE_CHECKING:
    from pathlib import Path

    from gan.nets.values import Values
    from scrapbag.layout import Run

_BATCH = 256  # pictures held at a time
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


def load(path: Path, *, seamless: bool = False, truncation: float = 1.0) -> Generator:
    """The generator at `path` (safetensors, its JSON beside it), for inference; `seamless` gives it circular padding.

    For `truncation` see `truncate`. Raises MissingError when there is none, UsageError when it is damaged.
    """
    beside = path.with_suffix(".json")
    try:
        text, weights = beside.read_bytes(), path.read_bytes()
    except FileNotFoundError:
        raise MissingError(f"there is no generator {path}; run make train first") from None
    try:
        generator = _build(json.loads(text), f"{beside} [values]", seamless=seamless)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        never_full(error)
        raise UsageError(_DAMAGED.format(beside)) from None
    try:
        generator.net.load_state_dict(from_safetensors(weights))
    except (RuntimeError, SafetensorError) as error:
        never_full(error)
        raise UsageError(_DAMAGED.format(path)) from None
    if truncation != 1:
        truncate(generator, truncation)
    return generator


def truncate(generator: Generator, share: float) -> None:
    """Bring all latents nearer to their mean, which is 0: `share`, 0 to 1, of the distance stays.

    Samples get more usual and less various (arXiv 1812.04948, section 3.1, does it after the mapping network, which
    these generators have not). A G that first normalises its latents, whose length then says nothing, is given shorter
    ones after that. Raises UsageError for textures.
    """
    if generator.values.latent == "field":
        raise UsageError("a texture's latents are a field; write STD=0.7 instead of TRUNCATION, with PIXELS")
    norm = next((one for one in generator.net.modules() if isinstance(one, nn.RMSNorm)), None)
    if norm is None:
        generator.net.register_forward_pre_hook(lambda _, latents: (latents[0] * share,))
    else:
        norm.register_forward_hook(lambda _module, _latents, unit: unit * share)


@torch.no_grad()
def draw(generator: Generator, count: int, seed: int, start: int = 0) -> Tensor:
    """(count, 3, size, size) in [-1, 1]: pictures `start` and on; picture i depends on (seed, i) alone."""
    z = latents(generator, count, seed, start)
    return torch.cat([generator.net(part).float() for part in torch.split(z, 32)])


def latents(generator: Generator, count: int, seed: int, start: int = 0) -> Tensor:
    """What `draw` makes pictures of."""
    numbers = range(start, start + count)
    return torch.cat([batches.latents(generator.values, 1, _chance(seed, i), generator.field) for i in numbers])


def write(run: Run, count: int, seed: int, truncation: float = 1.0) -> Path:
    """A sheet of `count` new pictures under RUN/samples/; returns where it is."""
    path = run.samples / f"seed{seed}-{count}{suffix(truncation)}.png"
    grids.save(path, draw(load(run.generator, truncation=truncation), count, seed))
    return path


def write_each(run: Run, count: int, seed: int, truncation: float = 1.0) -> Path:
    """`count` new pictures as a PNG each, in a folder under RUN/samples/, which is there once it is whole.

    The same pictures as on a sheet of that seed, for tools that read folders (FID, precision and recall).
    """
    generator = load(run.generator, truncation=truncation)
    folder = run.samples / f"seed{seed}-{count}{suffix(truncation)}"
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for start in tqdm(range(0, count, _BATCH), desc="sample", unit_scale=_BATCH, unit="picture", disable=None):
        pixels = batches.to_bytes(draw(generator, min(_BATCH, count - start), seed, start))
        for number, one in enumerate(pixels, start):
            Image.fromarray(one).save(part / f"{number:06d}.png")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    sync(folder.parent)
    return folder


def suffix(truncation: float) -> str:
    """What the name of a file says of it; nothing of 1."""
    return "" if truncation == 1 else f"-t{truncation:g}"


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
