"""A picture's file, opened once and safely: upright, RGB, no larger than it needs to be."""

from __future__ import annotations

import io
import struct
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from curate.look.colours import ON_ITS_SIDE, TURNS, orientation, raw_mode, rgb
from scrapbag import recipe
from scrapbag.catalog import NO_DECODER
from scrapbag.computer import memory
from scrapbag.formats import jpeg, png
from scrapbag.formats.heif import can_decode
from scrapbag.formats.memory import blame
from scrapbag.formats.quiet import quiet
from scrapbag.formats.signatures import HEIC, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.layout import Data

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")  # EPS, for one, would start Ghostscript

# What Pillow's decoders raise at broken files. Any other exception is a mistake of ours and must be seen.
BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, RuntimeError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)

_HUGE_PIXELS = 8_000_000
_HUGE = threading.Lock()  # held to decode a larger picture: some need 400 MB on the way, so one at a time


@dataclass(frozen=True)
class Opened:
    """An upright RGB picture, perhaps scaled down on the way, and what its header says."""

    image: Image.Image  # what is transparent is white
    alpha: Image.Image | None
    format: str
    width: int  # upright, at full size
    height: int


class UnusableError(Exception):
    """A file gives no picture; `args[0]` is the reason: unreadable, not_image, too_large or no_decoder."""


def max_pixels(data: Data) -> int:
    """The most pixels that a picture of this dataset may have: [scrape] max_pixels where its recipe has raised that.

    A recipe that lowers it asks for smaller downloads, and does not forget the larger pictures that are there.
    """
    settings = data.settings_of("scrape")
    asked = recipe.load(settings).scrape.max_pixels if settings.exists() else 0
    return max(asked, recipe.Scrape.max_pixels)


def strict(max_pixels: int = recipe.Scrape.max_pixels) -> None:
    """For this process: refuse pictures of more than `max_pixels`, and leave decoders' other warnings unprinted."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    quiet()


def waits(path: Path) -> bool:
    """Whether a stored picture needs a decoder that is not installed: nothing can be said of it yet."""
    return path.suffix == f".{HEIC.extension}" and not can_decode(HEIC.pillow)


def load(path: Path, at_least: int | None = None) -> Opened:
    """The picture in `path`, upright and in sRGB.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where its shorter side stays >= `at_least`.
    Raises UnusableError for what the bytes are, and OSError where the disk does not give them: that is a fact of now,
    and says nothing of the picture. What counts as too large is for `strict` to say.
    """
    body = path.read_bytes()
    found = format_of(body)
    if found is None or found.pillow not in FORMATS:
        raise UnusableError("not_image")
    if not can_decode(found.pillow):
        raise UnusableError(NO_DECODER)
    try:
        return _decoded(body, found.pillow, at_least)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusableError("too_large") from None
    except UnusableError:
        raise
    except BROKEN as error:
        blame(error, Image.MAX_IMAGE_PIXELS or recipe.Scrape.max_pixels)
        if not (mended := png.essential(body) or jpeg.ended(body)):
            raise UnusableError("unreadable") from error
    try:
        return _decoded(mended, found.pillow, at_least)
    except BROKEN as error:
        blame(error, Image.MAX_IMAGE_PIXELS or recipe.Scrape.max_pixels)
        raise UnusableError("unreadable") from error


def _decoded(body: bytes, name: str, at_least: int | None) -> Opened:
    Image.init()  # or the formats that are not loaded yet would be called broken
    with Image.open(io.BytesIO(body), formats=[name]) as image:
        if image.width * image.height > (Image.MAX_IMAGE_PIXELS or recipe.Scrape.max_pixels):
            raise UnusableError("too_large")
        raw = raw_mode(image)  # asked first: looking for the orientation may load the picture
        size, turn = image.size, orientation(image)
        if at_least and name == "JPEG":
            image.draft(None, (at_least, at_least))
        with _one_at_a_time() if image.width * image.height > _HUGE_PIXELS else nullcontext():
            image.load()  # a file that lacks its end fails here
            if turn in TURNS and orientation(image) not in TURNS:  # Pillow has turned it: it does so with a TIFF
                size, turn = image.size, 1
            upright, alpha = rgb(image, raw)
            if turn in TURNS:
                upright, alpha = upright.transpose(TURNS[turn]), alpha and alpha.transpose(TURNS[turn])
        width, height = size[::-1] if turn in ON_ITS_SIDE else size
        return Opened(upright, alpha, image.format or name, width, height)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _HUGE:
        memory.give_back()
        yield
