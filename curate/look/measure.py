"""One look at one file: the model's input, the hashes and the quality columns, from a single decode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from curate.look import decode, hashes, quality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PROBLEMS = ("", "unreadable", "not_image", "too_large")  # a shard holds the position; add at the end only
COLUMNS = {  # of a shard, besides sha256, hashes and what the model saw
    "problem": np.uint8,
    "format": np.uint8,  # position in decode.FORMATS
    "width": np.uint32,
    "height": np.uint32,
    "blur": np.float32,
    "entropy": np.float32,
    "brightness": np.float32,
    "border_uniform": np.float32,
    "panels": np.uint8,
}


Paper = tuple[float, float, float]  # a colour, 0 to 255
_STRIP = 64  # rows
_MARGIN = 3  # by how much a JPEG stays larger than the model needs; at 2, a fine pattern changed its score by 0.4


@dataclass(frozen=True)
class Look:
    """What a file showed; all zero but for `problem` when it gave no picture."""

    problem: str
    facts: dict[str, float]
    hashes: NDArray[np.uint64]
    pixels: NDArray[np.uint8] | None = None  # the model's input; None when there is no model or no picture


def look(path: Path, prepare: Callable[[Image.Image], NDArray[np.uint8]] | None, side: int, paper: Paper) -> Look:
    """Decode `path` to at least three times `side` pixels, the model's own scale, and measure it.

    The model sees what is transparent as `paper`, its own mean colour, which says nothing; all else sees white.
    """
    try:
        opened = decode.load(path, at_least=max(_MARGIN * side, quality.SIDE))
    except decode.UnusableError as error:
        return Look(error.args[0], {}, np.zeros(hashes.COLUMNS, dtype=np.uint64))
    pixels = quality.shrink(opened.image)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    measured = quality.measure(pixels, grey)
    facts = {
        "format": decode.FORMATS.index(opened.format),
        "width": opened.width,
        "height": opened.height,
        **vars(measured),
    }
    seen = (
        prepare(opened.image if opened.alpha is None else _on(paper, opened.image, opened.alpha)) if prepare else None
    )
    return Look("", facts, hashes.phashes(grey), seen)


def _on(paper: Paper, image: Image.Image, alpha: Image.Image) -> Image.Image:
    """A picture on white as if it lay on `paper`, a strip at a time: as one, 40 megapixels would take 3 GB."""
    pixels, cover = np.array(image), np.asarray(alpha)
    for top in range(0, len(pixels), _STRIP):
        strip = slice(top, top + _STRIP)
        clear = 1 - cover[strip].astype(np.float32)[..., None] / 255
        pixels[strip] = (pixels[strip] - clear * (255 - np.array(paper))).clip(0, 255).round()
    return Image.fromarray(pixels)


def columns(looks: Sequence[Look]) -> dict[str, NDArray[np.generic]]:
    """Looks as the arrays of a shard."""
    problems = np.array([PROBLEMS.index(one.problem) for one in looks], dtype=np.uint8)
    facts = {
        name: np.array([one.facts.get(name, 0) for one in looks], dtype=kind)
        for name, kind in COLUMNS.items()
        if name != "problem"
    }
    return {"problem": problems, **facts, "hashes": np.stack([one.hashes for one in looks])}
