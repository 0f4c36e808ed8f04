"""A picture's file, opened once and safely: upright, RGB, no larger than it needs to be."""

from __future__ import annotations

import struct
import threading
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from curate.look import heap
from scrapbag import recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from scrapbag.layout import Data

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # EPS, for one, would start Ghostscript
_PLUGINS = [name for name in FORMATS if name != "MPO"]  # MPO has no opener of its own: JPEG's becomes it

# What Pillow's decoders raise at broken files. Any other exception is a mistake of ours and must be seen.
BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, RuntimeError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)

_TRANSPOSE = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WIDE = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}  # more than 8 bits a pixel; Pillow's convert would clip them
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
    """A file gives no picture; `args[0]` is the reason: unreadable, not_image or too_large."""


def max_pixels(data: Data) -> int:
    """The most pixels that a picture of this dataset may have: [scrape] max_pixels where its recipe has raised that.

    A recipe that lowers it asks for smaller downloads, and does not forget the larger pictures that are there.
    """
    settings = data.settings_of("scrape")
    asked = recipe.load(settings).scrape.max_pixels if settings.exists() else 0
    return max(asked, recipe.Scrape.max_pixels)


def strict(max_pixels: int = recipe.Scrape.max_pixels) -> None:
    """For this process: refuse pictures of more than `max_pixels`, and leave Pillow's other warnings unprinted."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", module=r"PIL\.")


def load(path: Path, at_least: int | None = None) -> Opened:
    """The picture in `path`, upright. A JPEG is decoded at 1/2, 1/4 or 1/8 where its shorter side stays >= `at_least`.

    Raises UnusableError. What counts as too large is for `strict` to say.
    """
    Image.init()  # or the formats that are not loaded yet would be called broken
    try:
        with Image.open(path, formats=_PLUGINS) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or recipe.Scrape.max_pixels):
                raise UnusableError("too_large")
            orientation = _orientation(image)
            width, height = image.size if orientation < 5 else image.size[::-1]
            name = image.format or ""
            if at_least and name in {"JPEG", "MPO"}:
                image.draft(None, (at_least, at_least))
            with _one_at_a_time() if image.width * image.height > _HUGE_PIXELS else nullcontext():
                upright, alpha = _rgb(image)
                if orientation in _TRANSPOSE:
                    how = _TRANSPOSE[orientation]
                    upright, alpha = upright.transpose(how), alpha and alpha.transpose(how)
            return Opened(upright, alpha, name, width, height)
    except UnidentifiedImageError:
        raise UnusableError("unreadable" if _known(path) else "not_image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusableError("too_large") from None
    except FileNotFoundError:
        raise UnusableError("unreadable") from None
    except BROKEN as error:
        raise UnusableError("unreadable") from error


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _HUGE:
        heap.give_back()
        yield


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except BROKEN:  # a broken EXIF block does not spoil the pixels
        return 1


def _rgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The first frame as RGB on white, and its alpha channel where it has one; 16-bit greys are scaled, not clipped."""
    image.load()  # a file that lacks its end fails here
    if image.mode in _WIDE:
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB"), None
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        coloured = image.convert("RGBA")
        alpha = coloured.getchannel("A")
        white = Image.new("RGB", coloured.size, "white")
        white.paste(coloured, mask=alpha)
        return white, alpha
    return image if image.mode == "RGB" else image.convert("RGB"), None


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Greys as 8 bits: 16 bits by 257; 32 bits, whose range no header tells, from their minimum to their maximum."""
    values = np.nan_to_num(pixels.astype(np.float32))
    if pixels.dtype.itemsize == 2:
        return (values / 257).round().astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if pixels.dtype.kind == "i" and low >= 0 and high <= 65_535:  # Pillow's "I" mostly holds 16-bit greys
        low, high = 0.0, 65_535.0 if high > 255 else 255.0
    return ((values - low) * (255 / max(high - low, 1e-9))).round().astype(np.uint8)


def _known(path: Path) -> bool:
    """Whether the file begins like a picture, so that it is a broken one rather than something else."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return True
    starts = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
    return head.startswith(starts) or head[4:8] == b"ftyp"
