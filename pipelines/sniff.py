"""What a picture's bytes are: its format by signature, its size by its header, and whether it is whole."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from scrapbag.catalog import NO_DECODER
from scrapbag.formats import jpeg, png
from scrapbag.formats.heif import can_decode
from scrapbag.formats.memory import blame
from scrapbag.formats.signatures import HEIC, format_of

if TYPE_CHECKING:
    import sqlite3

    from scrapbag.layout import Data


class TooManyPixelsError(Exception):
    """A header announces more pixels than may be decoded."""


@dataclass(frozen=True)
class Sniffed:
    """What the bytes are. `problem` is '' for a whole picture, else not_image, unreadable, truncated or no_decoder."""

    extension: str
    width: int | None = None
    height: int | None = None
    problem: str = ""


def extension(body: bytes) -> str:
    """A picture's extension from its signature, 'bin' for bytes that are no picture."""
    found = format_of(body)
    return found.extension if found else "bin"


def look(body: bytes, max_pixels: int) -> Sniffed:
    """See whether `body` is a whole picture, as cheaply as its format allows. Raises TooManyPixelsError.

    A JPEG's markers are followed to its end, a PNG's checksums are checked, other formats are decoded. Damage beside
    the pixels (a text's checksum, a missing end marker) is none.
    """
    found = format_of(body)
    if found is None:
        return Sniffed("bin", problem="not_image")
    name = found.extension
    if not can_decode(found.pillow):
        return Sniffed(name, problem=NO_DECODER)
    try:
        image = _open(body, found.pillow)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixelsError(str(error)) from None
    except Exception as error:  # noqa: BLE001  (decoders of hostile bytes raise whatever they like; it is one row)
        blame(error, max_pixels)
        return Sniffed(name, problem="unreadable")
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels")
    return Sniffed(name, width, height, _problem(image, name, body, max_pixels))


def size(body: bytes) -> tuple[int, int] | None:
    """Width and height by the header of a picture that can be decoded; None where that is broken."""
    found = format_of(body)
    try:
        return _open(body, found.pillow).size if found and can_decode(found.pillow) else None
    except Exception:  # noqa: BLE001  (as above)
        return None


def _open(body: bytes, format_: str) -> Image.Image:
    """Read the header; of a PNG whose texts spoil it, without them."""
    try:
        return Image.open(io.BytesIO(body), formats=[format_])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception:  # as above
        if not (kept := png.essential(body)):
            raise
        return Image.open(io.BytesIO(kept), formats=[format_])


def _problem(image: Image.Image, name: str, body: bytes, max_pixels: int) -> str:
    if name == "jpg":
        return "" if jpeg.is_whole(body) or jpeg.ended(body) else "truncated"
    try:
        if name == "png":
            _verify(image, body)
        else:
            image.load()
    except Exception as error:  # noqa: BLE001  (as above)
        blame(error, max_pixels)
        return "truncated" if "truncated" in str(error) else "unreadable"
    return ""


def _verify(image: Image.Image, body: bytes) -> None:
    """Check a PNG's checksums; where one fails, decode it without what lies beside the pixels."""
    try:
        image.verify()
    except Exception:  # noqa: BLE001  (as above)
        Image.open(io.BytesIO(png.essential(body)), formats=["PNG"]).load()


def look_again(connection: sqlite3.Connection, data: Data) -> None:
    """Let the pictures that came where no decoder of theirs was installed be looked at, once one is; asks no host."""
    if not can_decode(HEIC.pillow):
        return
    query = "select sha256, extension from picture where problem = ?"
    for sha256, extension in connection.execute(query, (NO_DECODER,)).fetchall():
        path = data.image(sha256, extension)
        width, height = (path.exists() and size(path.read_bytes())) or (None, None)
        values = ("", width, height, sha256)  # a broken one is for whoever decodes it to say
        connection.execute("update picture set problem = ?, width = ?, height = ? where sha256 = ?", values)
