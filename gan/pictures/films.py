"""The films of a run, progress.gif and progress.mp4: its grids in their order, in one palette, under 8 MB."""

from __future__ import annotations

import errno
import io
import logging
import math
import os
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from gan.pictures.grids import UNREADABLE
from scrapbag.disk import sync, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gan.pictures.packing import Pixels
    from scrapbag.layout import Run

FRAMES = 120  # of the film, at most
LIMIT = 8_000_000  # bytes: what chats and most social sites take
SIDE = 1024  # of a frame, at most
PAUSE_MS, LAST_MS = 200, 2000  # how long a frame stays, and the last one
_LOOKED_AT = 2_000_000  # pixels of the film that the palette is made from
_LEAST = 64  # side of a frame that is not made smaller still
log = logging.getLogger(__name__)


def write(run: Run, limit: int = LIMIT) -> Path:
    """progress.gif and, where OpenCV has a codec, progress.mp4 of a run's grids; returns the path of the GIF.

    All frames share one palette and nothing is dithered, so what does not change in a grid does not flicker in the
    film. Where a film would be larger than `limit` bytes its frames are made smaller.
    """
    paths = list(run.grids())
    step = max(1, math.ceil(len(paths) / FRAMES))
    readable = [path for path in [*paths[:-1:step], *paths[-1:]] if _opened(path)]
    if not readable:
        return run.film
    with Image.open(readable[-1]) as last:
        size = last.size
    write_bytes(run.film, _gif(readable, size, limit))
    side = float(min(SIDE, max(size)))
    while mp4(run.video, _moving(readable, _shrunk(size, side)), 1000 // PAUSE_MS):
        if (much := run.video.stat().st_size) <= limit or side <= _LEAST:
            break
        side *= min(0.9, math.sqrt(limit / much))
    return run.film


def mp4(path: Path, frames: Iterator[Pixels], fps: int) -> bool:
    """Whether OpenCV could write `frames`, (H, W, 3) each, as `path`. Sides are made even, as most players want.

    Raises OSError when fewer frames can be read back than were written: OpenCV itself says nothing of a full disk.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # it is read once, with the first film
    first = next(frames)
    height, width = (math.floor(side / 2) * 2 for side in first.shape[:2])
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
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


def _gif(paths: list[Path], size: tuple[int, int], limit: int) -> bytes:
    side = float(min(SIDE, max(size)))
    colours = _palette(paths, size)
    pauses = [PAUSE_MS] * (len(paths) - 1) + [LAST_MS]
    while True:
        small = _shrunk(size, side)
        frames = [_frame(path, small).quantize(palette=colours, dither=Image.Dither.NONE) for path in paths]
        buffer = io.BytesIO()
        frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=pauses, loop=0)
        if (much := buffer.tell()) <= limit or side <= _LEAST:
            return buffer.getvalue()
        side *= min(0.9, math.sqrt(limit / much))


def _palette(paths: list[Path], size: tuple[int, int]) -> Image.Image:
    """256 colours that fit the whole film: of every n-th pixel of all frames."""
    step = math.ceil(math.sqrt(len(paths) * size[0] * size[1] / _LOOKED_AT))
    frames = [np.asarray(_frame(path, size))[::step, ::step] for path in paths]
    return Image.fromarray(np.concatenate(frames)).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _shrunk(size: tuple[int, int], side: float) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _moving(paths: list[Path], size: tuple[int, int]) -> Iterator[Pixels]:
    """The frames of the mp4; the last one as often as it takes to stay."""
    for path in [*paths[:-1], *paths[-1:] * (LAST_MS // PAUSE_MS)]:
        yield np.asarray(_frame(path, size))


def _frame(path: Path, size: tuple[int, int]) -> Image.Image:
    with Image.open(path, formats=("PNG",)) as image:
        frame = image.convert("RGB")
    return frame if frame.size == size else frame.resize(size, Image.Resampling.BOX)


def _opened(path: Path) -> bool:
    """Whether a grid can be read; one that cannot is left out, as a film is no reason to end a run with an error."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
    except UNREADABLE:
        log.warning("%s cannot be read; the film goes without it", path)
        return False
    return True


def _readable(path: Path) -> int:
    """How many frames of a film can be read."""
    capture = cv2.VideoCapture(str(path))
    return sum(1 for _ in iter(capture.grab, False))
