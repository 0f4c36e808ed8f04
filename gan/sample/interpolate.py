"""A film that interpolates from one sample to the next and back to the first."""

from __future__ import annotations

import errno
import io
import math
import os
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan.pictures import batches, grids
from gan.sample import sample
from scrapbag.disk import sync, write_bytes
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gan.pictures.data import Pixels
    from gan.sample.sample import Generator
    from scrapbag.layout import Run

FPS = 24
STOPS = 6  # samples that each picture of the sheet passes through


def write(run: Run, count: int, seconds: float, seed: int) -> Path:
    """`count` pictures side by side for so many seconds under RUN/samples/: mp4, or GIF where OpenCV has no codec.

    Returns the path. Raises UsageError for seconds that are NaN, OSError when the disk is full.
    """
    if math.isnan(seconds):
        raise UsageError("--seconds is nan; write a number, such as 12")
    generator = sample.load(run.generator)
    path = run.samples / f"interpolate-seed{seed}-{count}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    if _mp4(path, (np.asarray(grids.sheet(pixels)) for pixels in walk(generator, count, seconds, seed))):
        return path
    buffer = io.BytesIO()
    frames = (grids.sheet(pixels) for pixels in walk(generator, count, seconds, seed))
    next(frames).save(buffer, "GIF", save_all=True, append_images=frames, duration=round(1000 / FPS), loop=0)
    write_bytes(path.with_suffix(".gif"), buffer.getvalue())
    return path.with_suffix(".gif")


@torch.no_grad()
def walk(generator: Generator, count: int, seconds: float, seed: int) -> Iterator[Pixels]:
    """A (count, H, W, 3) uint8 array a frame; the frame after the last would be the first."""
    values = generator.values
    stops = [batches.latents(values, count, batches.chance(seed, k, "latents"), generator.field) for k in range(STOPS)]
    frames = max(STOPS, round(seconds * FPS))
    for i in tqdm(range(frames), desc="interpolate", unit="frame", disable=None, leave=False):
        at, part = divmod(i * STOPS / frames, 1.0)
        z = between(stops[int(at)], stops[(int(at) + 1) % STOPS], part)
        yield batches.to_bytes(generator.net(z))


def between(first: Tensor, last: Tensor, part: float) -> Tensor:
    """Spherical interpolation (arXiv 1609.04468) of latents (N, C, h, w), `part` from 0 to 1: norms stay typical."""
    a, b = first.flatten(1), last.flatten(1)
    cos = torch.nn.functional.cosine_similarity(a, b).clamp(-0.9999, 0.9999)
    angle = cos.acos()[:, None]
    mixed = ((1 - part) * angle).sin() / angle.sin() * a + (part * angle).sin() / angle.sin() * b
    return mixed.view_as(first)


def _mp4(path: Path, frames: Iterator[Pixels]) -> bool:
    """Whether OpenCV can write one. Sides are made even, as most players want.

    Raises OSError when fewer frames can be read back than were written: OpenCV itself says nothing of a full disk.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # it is read once, with the first film
    first = next(frames)
    height, width = (math.floor(side / 2) * 2 for side in first.shape[:2])
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
        if not writer.isOpened():
            return False
        written = 0
        for frame in chain([first], frames):
            writer.write(np.ascontiguousarray(frame[:height, :width, ::-1]))
            written += 1
        writer.release()
        if _readable(part) < written:
            raise OSError(errno.EIO, "the film is not whole", str(path))
        part.replace(path)
        sync(path.parent)
        return True
    finally:
        part.unlink(missing_ok=True)


def _readable(path: Path) -> int:
    """How many frames of a film can be read."""
    capture = cv2.VideoCapture(str(path))
    return sum(1 for _ in iter(capture.grab, False))
