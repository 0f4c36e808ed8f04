"""What a decoder hands over, as a person would see it: upright, eight bits, sRGB, on white."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import ImageFile

_EXIF_ORIENTATION = 0x0112
TURNS = {  # EXIF orientation -> what undoes it; other numbers mean nothing (Exif 2.32, 4.6.4)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_ITS_SIDE = {5, 6, 7, 8}  # width and height are exchanged
_DEEP = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}  # more than 8 bits a pixel; Pillow's convert would clip them
_ALPHA = {"RGBA", "LA", "PA", "RGBa", "La"}
# A PNG's header has its transparent colour at the file's depth (W3C PNG, 11.3.1); Pillow scales the pixels alone
_SCALE = {"L;2": 85, "L;4": 17, "RGB;16B": 1 / 256}
_LCMS = {"L": "L", "RGB": "RGB", "CMYK": "CMYK", "LAB": "LAB"}  # modes to which a profile may be applied
_GRID = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(-1, 18, 3)
_UNSEEN = 2  # grey levels by which a profile may move a colour and still be called sRGB


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none or the block is broken: that does not spoil the pixels."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  Pillow's parsers raise whatever a hostile block makes them raise
        return 1


def raw_mode(image: ImageFile.ImageFile) -> str:
    """How the file holds its samples, in Pillow's words (`L;4`, `RGB;16B`), of a picture that is not loaded yet."""
    args = image.tile[0][3] if image.tile else ""
    return args if isinstance(args, str) else ""


def rgb(image: Image.Image, raw: str = "") -> tuple[Image.Image, Image.Image | None]:
    """The first frame of a loaded picture as RGB in sRGB, on white, and its alpha channel where it has one.

    `raw` is what `raw_mode` said before. 16-bit greys are scaled, not clipped; an ICC profile is applied and then
    forgotten (ICC.1:2022).
    """
    profile, alpha = image.info.get("icc_profile"), _alpha(image, raw)
    if image.mode in _DEEP:
        flat = Image.fromarray(_eight_bits(np.asarray(image)))
    elif image.mode in _LCMS:
        flat = image
    elif image.mode in {"1", "LA", "La"}:
        flat = image.convert("L")
    else:
        flat = image.convert("RGB")
    coloured = _in_srgb(flat, profile) if profile else flat.convert("RGB")
    if alpha is None:
        return coloured, None
    white = Image.new("RGB", coloured.size, "white")
    white.paste(coloured, mask=alpha)
    return white, alpha


def _alpha(image: Image.Image, raw: str) -> Image.Image | None:
    """The alpha channel, from the pixels or from a colour that the header calls transparent."""
    if image.mode not in _ALPHA and image.info.get("transparency") is None:
        return None
    if image.mode in {"L", "RGB"} | _DEEP:
        pixels = np.asarray(image)
        clear = _SCALE.get(raw, 1) * np.asarray(image.info["transparency"])
        differs = pixels != clear.astype(np.int64)
        shown = differs.any(axis=-1) if differs.ndim == 3 else differs
        return Image.fromarray(np.where(shown, 255, 0).astype(np.uint8))
    return image.convert("RGBA").getchannel("A")


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Greys as 8 bits: 16 bits by 257; 32 bits, whose range no header tells, from their minimum to their maximum."""
    values = np.nan_to_num(pixels.astype(np.float32))
    if pixels.dtype.itemsize == 2:
        return (values / 257).round().astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if pixels.dtype.kind == "i" and low >= 0 and high <= 65_535:  # Pillow's "I" mostly holds 16-bit greys
        low, high = 0.0, 65_535.0 if high > 255 else 255.0
    return ((values - low) * (255 / max(high - low, 1e-9))).round().astype(np.uint8)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """`image` (L, RGB, CMYK or LAB) in sRGB; its own values where the profile is broken or of other channels."""
    how = _transform(profile, image.mode)
    if how is None:
        return image.convert("RGB")
    return ImageCms.applyTransform(image, how) or image


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From `profile` to sRGB, perceptual; None for one that is sRGB in all but name, or that cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        how = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode != "RGB":
        return how
    grid = Image.fromarray(_GRID)
    moved = np.asarray(ImageCms.applyTransform(grid, how), dtype=np.int16) - _GRID
    return None if np.abs(moved).max() <= _UNSEEN else how
