"""What can be said of a picture without a classifier: sharp or blurred, full or empty, one or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

SIDE = 256  # pixels of the shorter side at which everything is measured; smaller pictures are measured as they are
_RING_SIDE = 64
_SAME = 14  # grey levels of 255 that still count as the border's own colour


@dataclass(frozen=True)
class Quality:
    """One picture's quality columns, as in `curate.rows.Row`."""

    blur: float
    entropy: float
    brightness: float
    border_uniform: float
    panels: int


def shrink(image: Image.Image) -> NDArray[np.uint8]:
    """The picture as (H, W, 3) with SIDE pixels on its shorter side, or as it is when it is smaller."""
    scale = SIDE / min(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return np.asarray(image)


def measure(pixels: NDArray[np.uint8], grey: NDArray[np.uint8]) -> Quality:
    """Measure a shrunken picture, given in colour (H, W, 3) and in grey (H, W)."""
    counts = np.bincount(grey.ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    return Quality(
        blur=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        entropy=float(-(shares * np.log2(shares)).sum()) + 0.0,
        brightness=float((counts @ np.arange(256)) / (255 * grey.size)),
        border_uniform=_border_uniform(pixels),
        panels=_panels(grey),
    )


def _border_uniform(pixels: NDArray[np.uint8]) -> float:
    small = cv2.resize(pixels, (_RING_SIDE, _RING_SIDE), interpolation=cv2.INTER_AREA)
    ring = np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]]).astype(np.int16)
    return float((np.abs(ring - np.median(ring, axis=0)).max(axis=1) <= _SAME).mean())


def _panels(grey: NDArray[np.uint8]) -> int:
    """1 + the straight, empty gutters that run through the whole picture, across or down; the larger count."""
    across, down = (_gutters(grey, axis) for axis in (0, 1))
    return (1 + across) * (1 + down)


def _gutters(grey: NDArray[np.uint8], axis: int) -> int:
    """Runs of lines of one flat colour, away from the edges, with a busy picture on either side."""
    flat = grey.max(axis=axis).astype(np.int16) - grey.min(axis=axis) <= 10
    length = flat.size
    if length < 32:
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.view(np.int8), [0]])))
    found = 0
    for start, end in edges.reshape(-1, 2):
        inside = start > length * 0.1 and end < length * 0.9 and end - start <= length * 0.12
        if inside and not flat[max(0, start - length // 12) : start].any():
            found += int(not flat[end : end + length // 12].any())
    return found
