"""Test-time augmentation: scores averaged over five views of a picture, the whole and four quarters of its middle.

The quarters overlap. Scoring takes five times as long; `docs/review.md` has what it gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.model.passes import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from curate.model.transform import Prepare

_QUARTER = 0.6  # side of a quarter, as a share of the middle square's side


def five(prepare: Prepare) -> Prepare:
    """`prepare` for all five views: an upright RGB picture -> (5, 3, H, W) uint8, the whole first."""

    def prepared(image: Image.Image, size: tuple[int, int] | None = None, /) -> NDArray[np.uint8]:
        return np.stack([prepare(image, size), *map(prepare, _quarters(image))])

    return prepared


@dataclass
class Averaged:
    """An embedder that runs `embed` on the views that `five` made and averages over them."""

    embed: Any

    @property
    def width(self) -> int:
        return int(self.embed.width)

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(B, 5, 3, H, W) -> mean features (B, F) and mean logits (B, classes)."""
        count, views = pixels.shape[:2]
        flat = pixels.reshape(count * views, *pixels.shape[2:])
        parts = [self.embed(flat[start : start + BATCH]) for start in range(0, len(flat), BATCH)]
        features, logits = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return features.reshape(count, views, -1).mean(axis=1), logits.reshape(count, views, -1).mean(axis=1)


def _quarters(image: Image.Image) -> list[Image.Image]:
    side = min(image.size)
    part = max(1, round(_QUARTER * side))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    far = side - part
    corners = [(left, top), (left + far, top), (left, top + far), (left + far, top + far)]
    return [image.crop((x, y, x + part, y + part)) for x, y in corners]
