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
_RING_SIDE = 64  # pixels of the side at which the border is measured
_FLAT = 10  # most grey levels between the lightest and the darkest pixel of a gutter
_OTHER = 16  # grey levels by which a pixel must differ from the gutter to be none of it
_SAME = 14  # grey levels of 255 by which a pixel may differ from the border's median colour and still be of it


@dataclass(frozen=True)
class Quality:
    """One picture's quality columns; units as in `curate.rows.Row`."""

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
        whole = max(1, int(1 / scale))  # by a whole number first, which is cheap and blends just as well
        return cv2.resize(np.asarray(image.reduce(whole)), size, interpolation=cv2.INTER_AREA).astype(
            np.uint8, copy=False
        )
    return np.asarray(image)


def measure(pixels: NDArray[np.uint8], grey: NDArray[np.uint8]) -> Quality:
    """Measure a picture as `shrink` returns it, in RGB (H, W, 3) and in grey (H, W), both 0 to 255."""
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
    """How many pictures seem to be set side by side or one above the other, by the straight gutters between them."""
    return (1 + _gutters(grey)) * (1 + _gutters(grey.T))


def _gutters(lines: NDArray[np.uint8]) -> int:
    """How many runs of rows of one colour, away from the edges, separate two pictures.

    They do where most of the next row on either side is of another colour: a picture begins all along its edge, an
    object on a plain ground only here and there.
    """
    length = len(lines)
    flat = lines.max(axis=1).astype(np.int16) - lines.min(axis=1) <= _FLAT
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.view(np.int8), [0]])))
    found = 0
    for start, end in edges.reshape(-1, 2):
        if start > length * 0.1 and end < length * 0.9 and end - start <= length * 0.12:
            ground = np.median(lines[start:end])
            beside = lines[[start - 2, end + 1]].astype(np.float32)  # one further than next, which may be blended
            busy = np.ptp(beside, axis=1).min() > 4 * _FLAT  # stripes have flat rows on either side of a flat row
            found += int(busy and (np.abs(beside - ground) > _OTHER).mean(axis=1).min() > 0.6)
    return found
