"""From a picture's number to the bytes that the shop serves: drawn, encoded, and spoilt where it should be."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from demo.drawing.blocks import BLOCKS
from demo.drawing.palettes import PALETTES
from demo.drawing.quilts import draw as draw_quilt
from demo.drawing.stock import FORMS

if TYPE_CHECKING:
    from demo.drawing.stock import DrawnPicture

SEED = 20261122
_REGRETS = b"<!doctype html><title>Moved</title><p>This picture has moved to our new shop. Sorry!</p>\n"
_TURNED = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
_ORIENTATION = 0x0112  # the EXIF tag


def draw(picture: DrawnPicture, seed: int = SEED) -> Image.Image:
    """What a picture shows, RGB; one that repeats another shows the same."""
    rng = np.random.default_rng([seed, picture.number if picture.like is None else picture.like])
    if picture.group == "quilt":
        block, other, palette = picture.words
        return draw_quilt(rng, BLOCKS[block], BLOCKS[other], PALETTES[palette])
    return FORMS[picture.group][picture.words[0]](rng)


def develop(picture: DrawnPicture, pictures: tuple[DrawnPicture, ...], seed: int = SEED) -> bytes:
    """The body that the shop sends for a picture; empty for one that is gone."""
    if picture.flaw in ("empty", "gone"):
        return b""
    if picture.flaw == "html":
        return _REGRETS
    if picture.flaw == "copy" and picture.like is not None:
        return develop(pictures[picture.like], pictures, seed)
    rng = np.random.default_rng([seed, picture.number, 1])
    image = draw(picture, seed)
    if picture.flaw == "near":
        return _jpeg(_retouched(rng, image), int(rng.integers(45, 70)))
    if picture.flaw == "misnamed":
        return _png(image)
    if picture.flaw == "tiny":
        image.thumbnail((24, 24))
    body = _encode(rng, image, picture.path.endswith(".png"))
    return body[: int(len(body) * rng.uniform(0.3, 0.7))] if picture.flaw == "truncated" else body


def _encode(rng: np.random.Generator, image: Image.Image, png: bool) -> bytes:
    """Mostly plain JPEGs; some on their side with an EXIF tag, some grey, some PNGs with see-through corners."""
    if png:
        return _png(_rounded(image) if rng.random() < 0.4 else image)
    quality, chance = int(rng.integers(78, 93)), rng.random()
    if chance < 0.04:
        orientation = int(rng.choice(list(_TURNED)))
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        return _jpeg(image.transpose(_TURNED[orientation]), quality, exif)
    return _jpeg(image.convert("L") if chance < 0.06 else image, quality)


def _retouched(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    width, height = image.size
    cut = rng.uniform(0.005, 0.02)
    image = image.crop((int(width * cut), int(height * cut), int(width * (1 - cut)), int(height * (1 - cut))))
    share = rng.uniform(0.7, 0.9)
    image = image.resize((int(width * share), int(height * share)), Image.Resampling.BICUBIC)
    return ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.93, 1.07)))


def _rounded(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, image.width - 1, image.height - 1), radius=image.width // 10, fill=255
    )
    image.putalpha(mask)
    return image


def _jpeg(image: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **({"exif": exif} if exif else {}))
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return out.getvalue()
