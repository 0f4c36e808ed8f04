"""A PNG whose damage lies beside its pixels, written anew without it (W3C PNG, third edition, section 5)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"tRNS"}  # decide what the pixels are
_COLOURS = {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf"}  # how they are shown: kept where they are whole
_MOST_PROFILE = 1 << 20  # bytes of a colour profile: larger ones are refused by Pillow


def essential(body: bytes) -> bytes:
    """The PNG in `body` with the chunks that a picture needs, ended by IEND; b'' where it is no PNG.

    Texts, whatever their size and checksum, are left out, and a last IDAT that lacks its checksum gets one. Whether the
    pixels are whole remains for a decoder to say: zlib has a checksum of its own over them.
    """
    if not body.startswith(_SIGNATURE):
        return b""
    parts = [_SIGNATURE]
    for kind, data, whole in _chunks(body):
        cut = kind == b"IDAT" and len(data) > 0 and whole is None
        if kind in _PIXELS and (whole or cut):
            parts.append(_chunk(kind, data))
        elif kind in _PIXELS and kind != b"tRNS":
            return b""  # damage of the pixels
        elif kind in _COLOURS and whole and (kind != b"iCCP" or _small(data)):
            parts.append(_chunk(kind, data))
    return b"".join([*parts, _chunk(b"IEND", b"")])


def is_whole(body: bytes) -> bool:
    """Whether every chunk up to IEND is there, and every checksum agrees; the pixels are not decoded."""
    chunks = [whole for _, _, whole in _chunks(body)]
    return body.startswith(_SIGNATURE) and all(chunks) and len(chunks) > 1 and body.endswith(_chunk(b"IEND", b""))


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes, bool | None]]:
    """Every chunk up to IEND: its type, its data, and whether its checksum agrees; None where the file ends within."""
    at = len(_SIGNATURE)
    while at + 8 <= len(body):
        length, kind = struct.unpack_from(">I4s", body, at)
        data, checksum = body[at + 8 : at + 8 + length], body[at + 8 + length : at + 12 + length]
        if kind == b"IEND":
            return
        yield kind, data, None if len(checksum) < 4 else zlib.crc32(data, zlib.crc32(kind)) == _number(checksum)
        at += 12 + length


def _small(profile: bytes) -> bool:
    """Whether an iCCP chunk (name, 0, 0, deflated profile) inflates to something that Pillow reads."""
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(profile[profile.find(b"\0") + 2 :], _MOST_PROFILE)
    except zlib.error:
        return False
    return inflate.eof


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
