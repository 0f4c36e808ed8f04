"""Textures of any size from a field of latents: seamless, or from one type of texture to another."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor, nn

from gan.pictures import batches
from gan.sample import sample
from scrapbag.disk import write_bytes
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gan.nets.values import Values
    from gan.sample.sample import Generator
    from scrapbag.layout import Run

MOST = 40_000_000  # pixels of one picture


def write(
    run: Run, pixels: str, std: float, kinds: str, *, seamless: bool, seed: int, count: int = 1
) -> tuple[Path, ...]:
    """`count` textures under RUN/samples/; `pixels` is 2048x512, `kinds` is 3 or 3..7 or empty; returns where they are.

    Texture i depends on (seed, i) alone.
    """
    generator = sample.load(run.generator, seamless=True)
    width, height = parse_size(pixels)
    name = f"texture-{width}x{height}-seed{seed}"
    name += f"-std{std:g}" if std != 1 else ""
    name += f"-type{kinds}" if kinds else ""
    name += "-seamless" if seamless else ""
    paths = tuple(run.samples / f"{name}{f'-{number}' if number else ''}.png" for number in range(count))
    for number, path in enumerate(paths):
        made = tile(generator, (height, width), std, parse_kinds(kinds), seamless=seamless, seed=seed, number=number)
        buffer = io.BytesIO()
        Image.fromarray(batches.to_bytes(made)[0]).save(buffer, "PNG")
        write_bytes(path, buffer.getvalue())
    return paths


@torch.no_grad()
def tile(
    generator: Generator,
    shape: tuple[int, int],
    std: float,
    kinds: tuple[int, ...],
    *,
    seamless: bool,
    seed: int,
    number: int = 0,
) -> Tensor:
    """(1, 3, *shape) in [-1, 1], from a generator loaded as seamless; without `seamless` a margin is cut off.

    `std` multiplies the local latents, `kinds` are the seeds of one type or two. Raises UsageError for a generator, a
    size or a type that cannot be.
    """
    values, grows = generator.values, generator.grows
    if values.latent != "field":
        raise UsageError("this generator makes pictures of one size; PIXELS, STD and TYPE need PRESET=texture or psgan")
    if kinds and not values.types:
        raise UsageError("this generator knows one texture; TYPE needs PRESET=psgan")
    if math.isnan(std):
        raise UsageError("STD is nan; write a number, such as 1.4")
    if seamless and any(isinstance(layer, nn.ConvTranspose2d) for layer in generator.net.modules()):
        raise UsageError("this generator cannot wrap round; SEAMLESS needs one that was trained with up=nearest")
    margin = 0 if seamless else 1
    rows, columns = (-(-side // grows) + 2 * margin for side in shape)
    if rows * columns * grows**2 > MOST:
        raise UsageError(
            f"{shape[1]}x{shape[0]} is over {MOST // 10**6} megapixels with its margins; "
            "lay a smaller seamless tile edge to edge"
        )
    if seamless and any(side % grows for side in shape):
        near = "x".join(str(max(grows, round(side / grows) * grows)) for side in reversed(shape))
        raise UsageError(f"a seamless tile's sides are multiples of {grows}; write PIXELS={near}")
    net, z = field(generator, (rows, columns), std, kinds, seamless=seamless, seed=seed, number=number)
    start = margin * grows
    made: Tensor = net(z)
    return made[:, :, start : start + shape[0], start : start + shape[1]]


def field(
    generator: Generator,
    shape: tuple[int, int],
    std: float,
    kinds: tuple[int, ...],
    *,
    seamless: bool,
    seed: int,
    number: int = 0,
) -> tuple[nn.Module, Tensor]:
    """The convolutions of G and the field (1, C, *shape) that they read, its waves computed.

    Rolling this field rolls the picture, to the bit, where `seamless`.
    """
    values = generator.values
    z = batches.latents(values, 1, batches.chance(seed, number, "latents"), shape, std)
    if kinds:
        z[:, values.z : values.z + values.types] = _mixed(values, kinds, shape[1], seamless=seamless)
    layers = list(generator.net.children())
    if values.waves:
        return nn.Sequential(*layers[1:]), layers[0](z)
    return generator.net, z


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of 2048x512. Raises UsageError."""
    if not (found := re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)) or 0 in (size := (int(found[1]), int(found[2]))):
        raise UsageError(f"PIXELS is {text!r}; write width x height, such as 2048x512")
    return size


def parse_kinds(text: str) -> tuple[int, ...]:
    """The seeds of one type or two: 3, or 3..7. Raises UsageError."""
    if text and not re.fullmatch(r"\d{1,9}(\.\.\d{1,9})?", text):
        raise UsageError(f"TYPE is {text!r}; write the number of a type, such as 3, or of two, such as 3..7")
    return tuple(int(part) for part in text.split("..")) if text else ()


def _mixed(values: Values, kinds: tuple[int, ...], width: int, *, seamless: bool) -> Tensor:
    """(types, 1, width): from the first type on the left to the last on the right; where seamless, and back again."""
    first, last = (torch.randn(values.types, generator=batches.chance(k, 0, "latents")) for k in (kinds[0], kinds[-1]))
    x = torch.arange(width) / (width if seamless else max(1, width - 1))
    t = (1 - torch.cos(2 * math.pi * x)) / 2 if seamless else x
    mixed = first[:, None] * (1 - t) + last[:, None] * t
    scale = (
        1.0 if kinds[0] == kinds[-1] else ((1 - t).square() + t.square()).sqrt()
    )  # keeps the variance at 1 all the way
    return (mixed / scale)[:, None, :]
