"""Sheets of pictures, and their standard deviation."""

from __future__ import annotations

import io
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

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


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
