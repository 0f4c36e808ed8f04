"""A film that interpolates from one sample to the next and back to the first."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan.pictures import batches, films, grids
from gan.sample import sample
from scrapbag.disk import write_bytes
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gan.pictures.packing import Pixels
    from gan.sample.sample import Generator
    from scrapbag.layout import Run

FPS = 24
STOPS = 6  # samples that each picture of the sheet passes through


def write(run: Run, count: int, seconds: float, seed: int, seeds: tuple[int, ...] = ()) -> Path:
    """`count` pictures side by side for so many seconds under RUN/samples/: mp4, or GIF where OpenCV has no codec.

    With `seeds` it passes through the sheets of these, picture by picture. Returns the path. Raises UsageError for
    seconds that are NaN, OSError when the disk is full.
    """
    if math.isnan(seconds):
        raise UsageError("--seconds is nan; write a number, such as 12")
    generator = sample.load(run.generator)
    told = f"seeds{'-'.join(map(str, seeds))}" if seeds else f"seed{seed}"
    path = run.samples / f"interpolate-{told}-{count}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    if films.mp4(
        path, (np.asarray(grids.sheet(pixels)) for pixels in walk(generator, count, seconds, seed, seeds)), FPS
    ):
        return path
    buffer = io.BytesIO()
    frames = (grids.sheet(pixels) for pixels in walk(generator, count, seconds, seed, seeds))
    next(frames).save(buffer, "GIF", save_all=True, append_images=frames, duration=round(1000 / FPS), loop=0)
    write_bytes(path.with_suffix(".gif"), buffer.getvalue())
    return path.with_suffix(".gif")


def stops(text: str) -> tuple[int, ...]:
    """The seeds in `3,17,42`; () for ''. Raises UsageError."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if parts and (len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts)):
        raise UsageError(f"cannot pass through {text!r:.60}; write two seeds or more, such as SEEDS=3,17,42")
    return tuple(map(int, parts))


@torch.no_grad()
def walk(generator: Generator, count: int, seconds: float, seed: int, seeds: tuple[int, ...] = ()) -> Iterator[Pixels]:
    """A (count, H, W, 3) uint8 array a frame; the frame after the last would be the first."""
    if seeds:
        points = [sample.latents(generator, count, one) for one in seeds]
    else:
        chances = (batches.chance(seed, k, "latents") for k in range(STOPS))
        points = [batches.latents(generator.values, count, one, generator.field) for one in chances]
    frames = max(len(points), round(seconds * FPS))
    for i in tqdm(range(frames), desc="interpolate", unit="frame", disable=None, leave=False):
        at, part = divmod(i * len(points) / frames, 1.0)
        z = between(points[int(at)], points[(int(at) + 1) % len(points)], part)
        yield batches.to_bytes(generator.net(z))


def between(first: Tensor, last: Tensor, part: float) -> Tensor:
    """Spherical interpolation (arXiv 1609.04468) of latents (N, C, h, w), `part` from 0 to 1: norms stay typical."""
    a, b = first.flatten(1), last.flatten(1)
    cos = torch.nn.functional.cosine_similarity(a, b).clamp(-0.9999, 0.9999)
    angle = cos.acos()[:, None]
    mixed = ((1 - part) * angle).sin() / angle.sin() * a + (part * angle).sin() / angle.sin() * b
    return mixed.view_as(first)
