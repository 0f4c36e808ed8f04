"""Whether a JPEG is all there, by its markers (ITU-T T.81, annex B), and what to do where only its end marker lacks."""

from __future__ import annotations

import io
import re

from PIL import Image

_EOI = 0xD9
_ALONE = {0x01, 0xD8}  # TEM and SOI have no length
_NEXT = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in coded data, 0xFF is followed by 0x00 or is a restart
_MOST = 10_000  # segments; nobody writes so many, and no hostile file takes a second
_END = b"\xff\xd9"
_FILLERS = (b"\x55" * 4096, b"\xaa" * 4096)  # coded data that agree in no bit


def is_whole(body: bytes) -> bool:
    """Walk from SOI over every segment and scan to EOI; what follows EOI (previews, padding) does not matter.

    The lengths lead over a thumbnail's own EOI. What lies inside a scan is not looked at: any bytes decode there. It
    costs a twentieth of decoding.
    """
    at = 0
    for _ in range(_MOST):
        found = _NEXT.search(body, at)
        if found is None:
            return False
        marker, at = body[found.end() - 1], found.end()
        if marker == _EOI:
            return True
        if marker not in _ALONE:
            at += int.from_bytes(body[at : at + 2], "big")
    return False


def ended(body: bytes) -> bytes:
    """A JPEG that lacks only its end marker, with it; b'' where pixels are missing, too.

    A decoder that has all its coded data ignores more of them, so that the pixels are the same whatever follows; where
    some are missing, what follows becomes pixels. libjpeg's own warning about this is not to be had from Pillow. The
    picture is decoded three times, and must be no larger than may be decoded.
    """
    if not body.startswith(b"\xff\xd8\xff") or is_whole(body):
        return b""
    bare = body.rstrip(b"\xff")
    try:
        plain, *others = (_pixels(bare + filler + _END) for filler in (b"", *_FILLERS))
    except (OSError, SyntaxError, ValueError):
        return b""
    return bare + _END if all(other == plain for other in others) else b""


def _pixels(body: bytes) -> bytes:
    with Image.open(io.BytesIO(body), formats=["JPEG"]) as image:
        return image.tobytes()
