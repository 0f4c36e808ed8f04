"""The format of a picture by its first bytes; names and addresses often say another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format that this program knows: our extension, and Pillow's name for it."""

    extension: str
    pillow: str


AVIF, HEIC = Format("avif", "AVIF"), Format("heic", "HEIF")
# Our own table, not Pillow's: Image.open names no format for a header that is broken behind its signature
_SIGNATURES = (  # where, what
    (0, b"\xff\xd8\xff", Format("jpg", "JPEG")),
    (0, b"\x89PNG\r\n\x1a\n", Format("png", "PNG")),
    (0, b"GIF87a", Format("gif", "GIF")),
    (0, b"GIF89a", Format("gif", "GIF")),
    (8, b"WEBP", Format("webp", "WEBP")),
    (0, b"BM", Format("bmp", "BMP")),
    (0, b"II*\x00", Format("tif", "TIFF")),
    (0, b"MM\x00*", Format("tif", "TIFF")),
    (0, b"II+\x00", Format("tif", "TIFF")),  # BigTIFF: 64-bit offsets
    (0, b"MM\x00+", Format("tif", "TIFF")),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_MOST_BRANDS = 64


def format_of(body: bytes) -> Format | None:
    """The format of a picture that begins with `body` (the first 512 bytes are enough), None for anything else."""
    found = next((name for at, mark, name in _SIGNATURES if body.startswith(mark, at)), None)
    return found or _boxed(body)


def _boxed(body: bytes) -> Format | None:
    """AVIF or HEIC: an ISO base media file, whose `ftyp` box lists brands (ISO/IEC 14496-12, 4.3).

    The first brand may be that of the container alone (mif1, msf1, miaf), so every compatible brand is asked.
    """
    if body[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(body[:4], "big"), 16 + 4 * _MOST_BRANDS, len(body))
    brands = {body[8:12], *(body[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return AVIF
    return HEIC if brands & _HEIC_BRANDS else None
