"""Sheets of pictures, their standard deviation, and the film of a run."""

from __future__ import annotations

import io
import logging
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from gan.pictures.batches import to_bytes
from scrapbag.disk import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from gan.pictures.packing import Pixels
    from scrapbag.layout import Run

FRAMES = 120  # of the film, at most
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
log = logging.getLogger(__name__)


def sheet(pixels: Pixels, columns: int = 0) -> Image.Image:
    """(N, H, W, 3) in rows of `columns` (0: nearly square); pictures under 64 pixels are enlarged by a whole factor."""
    count, height, width, _ = pixels.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    full = np.full((rows * columns, height, width, 3), 255, np.uint8)
    full[:count] = pixels
    image = full.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4).reshape(rows * height, -1, 3)
    factor = max(1, 64 // max(height, width))
    picture = Image.fromarray(image)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def save(path: Path, pictures: Tensor | Pixels, columns: int = 0) -> None:
    """Write a sheet as PNG, from a tensor (N, 3, H, W) in [-1, 1] or from bytes (N, H, W, 3)."""
    pixels = to_bytes(pictures) if isinstance(pictures, Tensor) else pictures
    buffer = io.BytesIO()
    sheet(pixels, columns).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def pixel_std(pictures: Tensor) -> float:
    """The standard deviation of each pixel over (N, 3, H, W) pictures, averaged: 0 when all are the same."""
    return float(pictures.float().std(0).mean())


def film(run: Run) -> Path:
    """progress.gif of a run's grids, in order; the last one stays for two seconds. Returns its path."""
    paths = list(run.grids())
    step = max(1, math.ceil(len(paths) / FRAMES))
    frames = [frame for path in [*paths[:-1:step], *paths[-1:]] if (frame := _frame(path))]
    if frames:
        buffer = io.BytesIO()
        pauses = [200] * (len(frames) - 1) + [2000]
        frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=pauses, loop=0)
        write_bytes(run.film, buffer.getvalue())
    return run.film


def _frame(path: Path) -> Image.Image | None:
    """A grid as a frame; one that cannot be read is left out, as a film is no reason to end a run with an error."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return image.convert("P", palette=Image.Palette.ADAPTIVE)
    except UNREADABLE:
        log.warning("%s cannot be read; the film goes without it", path)
        return None
