"""Pictures for the page, decoded and encoded anew: a browser never sees a file's own bytes."""

from __future__ import annotations

import io
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageOps, ImageSequence

from scrapbag.errors import UsageError
from scrapbag.formats.signatures import format_of
from scrapbag.recipe import Scrape
from show.known import files

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Run

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
FILMS = (".mp4", ".gif")
FRAMES = 600  # of a film, at most
_SMALL = 320  # thumbnails up to this side are remembered
TILES = 3  # a side: enough to see each of the four seams
_ENLARGED = 384  # a single sample is enlarged by a whole factor up to this side
_decoders = threading.BoundedSemaphore(2)  # of which each may hold 40 million pixels


def opened(path: Path, at_least: int = 0) -> Image.Image:
    """The picture in `path`, upright, RGB on white; a JPEG perhaps smaller, its sides at least `at_least`.

    Raises one of files.UNUSABLE.
    """
    body = files.content(path)
    found = format_of(body[:512])
    if found is None or found.pillow not in FORMATS:
        raise UsageError(f"{path} is no picture")
    with _decoders, Image.open(io.BytesIO(body), formats=[found.pillow]) as image:
        if image.width * image.height > Scrape.max_pixels:
            raise UsageError(f"{path} has too many pixels")
        if at_least and found.pillow == "JPEG":
            image.draft(None, (at_least, at_least))
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            clear = upright.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        return upright.convert("RGB")


def thumbnail(path: Path, side: int) -> bytes:
    """JPEG bytes, at most `side` pixels a side; see `opened`."""
    draw = _thumbnail if side <= _SMALL else _thumbnail.__wrapped__
    return draw(path, files.stamp(path), side)


@lru_cache(2_000)
def _thumbnail(path: Path, _: tuple[int, int, int], side: int) -> bytes:
    image = opened(path, side)
    image.thumbnail((side, side))
    return _encoded(image, "JPEG")


def whole(path: Path) -> bytes:
    """PNG bytes of the whole picture."""
    return _encoded(opened(path), "PNG")


def shape(run: Run, grid: Path) -> tuple[int, int]:
    """How many samples a grid has in a row and in a column. Raises one of files.UNUSABLE."""
    width, height = _size(grid)
    side = _drawn(run, width)[0]
    return width // side, height // side


def cell(run: Run, grid: Path, number: int) -> Image.Image:
    """Sample `number` of a grid, at the size that G draws. Raises UsageError where there is none."""
    image = opened(grid)
    side, size = _drawn(run, image.width)
    across = image.width // side
    x, y = number % across * side, number // across * side
    if number < 0 or y + side > image.height:
        raise UsageError(f"{grid} has no sample {number}")
    return image.crop((x, y, x + side, y + side)).resize((size, size), Image.Resampling.NEAREST)


def _drawn(run: Run, width: int) -> tuple[int, int]:
    """The side of a sample on a grid of `width` pixels, as training draws it, and of the sample itself.

    Samples under 64 pixels are enlarged by a whole factor. Raises UsageError where the run does not say its size.
    """
    size = files.toml(run.settings).get("size")
    if not isinstance(size, int) or not 1 <= size * max(1, 64 // max(size, 1)) <= width:
        raise UsageError(f"{run.settings} does not say the size of its samples")
    return size * max(1, 64 // size), size


@files.remembered(256)
def _size(grid: Path) -> tuple[int, int]:
    """Of a grid that can be read to its end."""
    return opened(grid).size


def enlarged(image: Image.Image) -> bytes:
    """PNG bytes, every pixel a square of whole pixels."""
    factor = max(1, _ENLARGED // max(image.size))
    return _encoded(image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST), "PNG")


def tiled(image: Image.Image) -> bytes:
    """PNG bytes of the picture laid three by three, edge to edge; at most 2,048 pixels a side."""
    small = image.copy()
    small.thumbnail((682, 682))
    pixels = np.tile(np.asarray(small), (TILES, TILES, 1))
    factor = max(1, 2 * _ENLARGED // max(pixels.shape[:2]))
    laid = Image.fromarray(pixels)
    return _encoded(laid.resize((laid.width * factor, laid.height * factor), Image.Resampling.NEAREST), "PNG")


@files.remembered(3)
def frames(path: Path) -> tuple[bytes, ...]:
    """Every frame of a film as JPEG. Browsers play no MPEG-4 Part 2, which is what OpenCV writes everywhere."""
    if path.suffix == ".gif":
        if format_of(files.content(path)[:512]) is None:
            raise UsageError(f"{path} is no film")
        with Image.open(path, formats=["GIF"]) as image:
            found = (
                frame.convert("RGB") for frame, _ in zip(ImageSequence.Iterator(image), range(FRAMES), strict=False)
            )
            return tuple(_encoded(_small(one), "JPEG") for one in found)
    if files.content(path)[4:8] != b"ftyp":  # FFmpeg would follow a playlist to other files
        raise UsageError(f"{path} is no film")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        pixels: list[bytes] = []
        while len(pixels) < FRAMES and (read := capture.read())[0]:
            pixels.append(_encoded(_small(Image.fromarray(read[1][..., ::-1])), "JPEG"))
    finally:
        capture.release()
    if not pixels:
        raise UsageError(f"{path} is no film that can be read")
    return tuple(pixels)


def _small(image: Image.Image) -> Image.Image:
    image.thumbnail((1_024, 1_024))
    return image


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 88} if kind == "JPEG" else {}))
    return file.getvalue()
