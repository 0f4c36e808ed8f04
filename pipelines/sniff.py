"""What a picture's bytes are: its format by signature, its size by its header, and whether it is whole."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from pipelines.jpeg import is_whole

# Our own table, not Pillow's: Image.open names no format for a header that is broken behind its signature
_SIGNATURES = (  # where, what, our extension, Pillow's format
    (0, b"\xff\xd8\xff", "jpg", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "png", "PNG"),
    (0, b"GIF87a", "gif", "GIF"),
    (0, b"GIF89a", "gif", "GIF"),
    (8, b"WEBP", "webp", "WEBP"),
    (0, b"BM", "bmp", "BMP"),
    (0, b"II*\x00", "tif", "TIFF"),
    (0, b"MM\x00*", "tif", "TIFF"),
    (4, b"ftypavif", "avif", "AVIF"),
    (4, b"ftypavis", "avif", "AVIF"),
)
_FORMATS = {extension: format_ for _, _, extension, format_ in _SIGNATURES}


class TooManyPixelsError(Exception):
    """A header announces more pixels than may be decoded."""


@dataclass(frozen=True)
class Sniffed:
    """What the bytes are. `problem` is '' for a whole picture, else not_image, unreadable or truncated."""

    extension: str
    width: int | None = None
    height: int | None = None
    problem: str = ""


def filter_warnings() -> None:
    """Make Pillow's warning of a bomb an error and its others silent, in the whole process: filters know no threads."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def extension(body: bytes) -> str:
    """A picture's extension from its signature, 'bin' for bytes that are no picture."""
    return next((name for at, mark, name, _ in _SIGNATURES if body.startswith(mark, at)), "bin")


def look(body: bytes, max_pixels: int) -> Sniffed:
    """See whether `body` is a whole picture, as cheaply as its format allows. Raises TooManyPixelsError.

    A JPEG's markers are followed to its end, a PNG's checksums are checked, other formats are decoded.
    """
    name = extension(body)
    if name == "bin":
        return Sniffed(name, problem="not_image")
    try:
        image = Image.open(io.BytesIO(body), formats=[_FORMATS[name]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixelsError(str(error)) from None
    except Exception:  # noqa: BLE001  (decoders of hostile bytes raise whatever they like; it is one row)
        return Sniffed(name, problem="unreadable")
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels")
    return Sniffed(name, width, height, _problem(image, name, body))


def _problem(image: Image.Image, name: str, body: bytes) -> str:
    if name == "jpg":
        return "" if is_whole(body) else "truncated"
    try:
        if name == "png":
            image.verify()
        else:
            image.load()
    except Exception as error:  # noqa: BLE001  (as above)
        return "truncated" if "truncated" in str(error) else "unreadable"
    return ""
