"""A film that wanders from one sample to the next and back to the first."""

from __future__ import annotations

import io
import math
import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from gan import batches, grids, sample
from scrapbag.layout import sync_folder, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gan.data import Pixels
    from gan.sample import Generator
    from scrapbag.layout import Run

FPS = 24
STOPS = 6  # samples that each picture of the sheet passes


def write(run: Run, count: int, seconds: float, seed: int) -> Path:
    """`count` pictures side by side for so many seconds under RUN/samples/: mp4, or GIF where none can be written."""
    frames = [np.asarray(grids.sheet(pixels)) for pixels in walk(sample.load(run.generator), count, seconds, seed)]
    path = run.root / "samples" / f"interpolate-seed{seed}-{count}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    if _mp4(path, frames):
        return path
    buffer = io.BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=round(1000 / FPS), loop=0)
    write_bytes(path.with_suffix(".gif"), buffer.getvalue())
    return path.with_suffix(".gif")


@torch.no_grad()
def walk(generator: Generator, count: int, seconds: float, seed: int) -> Iterator[Pixels]:
    """(count, H, W, 3) a frame; the last frame leads back to the first."""
    values = generator.values
    stops = [batches.latents(values, count, batches.chance(seed, k, "latents"), generator.field) for k in range(STOPS)]
    frames = max(STOPS, round(seconds * FPS))
    for i in tqdm(range(frames), desc="interpolate", unit="frame", disable=None, leave=False):
        at, part = divmod(i * STOPS / frames, 1.0)
        z = between(stops[int(at)], stops[(int(at) + 1) % STOPS], part)
        yield batches.to_bytes(generator.net(z))


def between(first: Tensor, last: Tensor, part: float) -> Tensor:
    """From one latent to another over the sphere, as long as both all the way: a straight line would pass dull ones."""
    a, b = first.flatten(1), last.flatten(1)
    cos = torch.nn.functional.cosine_similarity(a, b).clamp(-0.9999, 0.9999)
    angle = cos.acos()[:, None]
    mixed = ((1 - part) * angle).sin() / angle.sin() * a + (part * angle).sin() / angle.sin() * b
    return mixed.view_as(first)


def _mp4(path: Path, frames: list[Pixels]) -> bool:
    """Whether OpenCV could write it. Sides are made even, as most players want."""
    height, width = (math.floor(side / 2) * 2 for side in frames[0].shape[:2])
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
        if not writer.isOpened():
            return False
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[:height, :width, ::-1]))
        writer.release()
        if not part.exists() or part.stat().st_size == 0:
            return False
        part.replace(path)
        sync_folder(path.parent)
        return True
    finally:
        part.unlink(missing_ok=True)
