"""All that is taken from a file, by decoding it once: the model's input, the hashes and the quality columns."""

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

PROBLEMS = ("", "unreadable", "not_image", "too_large", "no_decoder")  # a shard holds the position; add at the end only
COLUMNS = {  # of a shard, besides sha256, hashes and the model's output
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

Paper = tuple[float, float, float]  # an RGB colour, 0 to 255
_STRIP = 64  # rows that are blended at once
_MARGIN, _LEAST = 4, 700  # a JPEG is decoded at so many times a model's side, or so many pixels: benchmarks.exact large


@dataclass(frozen=True)
class Look:
    """What was taken from one file; `facts` is empty and the hashes are zero when it gave no picture."""

    problem: str  # '' or the reason why there is no picture
    facts: dict[str, float]  # by column of COLUMNS
    hashes: NDArray[np.uint64]  # (hashes.COLUMNS,)
    pixels: NDArray[np.uint8] | None = None  # the model's input; None without a model or a picture


def look(path: Path, prepare: Callable[..., NDArray[np.uint8]] | None, side: int, paper: Paper) -> Look:
    """Decode `path`, measure and hash it, and `prepare` it for a model that resizes shorter sides to `side` pixels.

    `prepare` gets the decoded picture and its full (width, height): curate.model.transform.Prepare.
    Where a picture is transparent the model sees `paper`, its mean colour, which becomes zeros; all else sees white.
    """
    try:
        opened = decode.load(path, at_least=max(_MARGIN * side, _LEAST if side else quality.SIDE))
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
    on_paper = opened.image if opened.alpha is None or not prepare else _on(paper, opened.image, opened.alpha)
    seen = prepare(on_paper, (opened.width, opened.height)) if prepare else None
    return Look("", facts, hashes.phashes(grey), seen)


def _on(paper: Paper, image: Image.Image, alpha: Image.Image) -> Image.Image:
    """A picture on white, laid on `paper` instead; a strip at a time, because at once 40 megapixels would take 3 GB."""
    pixels, cover = np.array(image), np.asarray(alpha)
    for top in range(0, len(pixels), _STRIP):
        strip = slice(top, top + _STRIP)
        clear = 1 - cover[strip].astype(np.float32)[..., None] / 255
        pixels[strip] = (pixels[strip] - clear * (255 - np.array(paper))).clip(0, 255).round()
    return Image.fromarray(pixels)


def columns(looks: Sequence[Look]) -> dict[str, NDArray[np.generic]]:
    """The columns of a shard for N looks, each of shape (N, ...)."""
    problems = np.array([PROBLEMS.index(one.problem) for one in looks], dtype=np.uint8)
    facts = {
        name: np.array([one.facts.get(name, 0) for one in looks], dtype=kind)
        for name, kind in COLUMNS.items()
        if name != "problem"
    }
    return {"problem": problems, **facts, "hashes": np.stack([one.hashes for one in looks])}
