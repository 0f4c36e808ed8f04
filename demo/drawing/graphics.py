"""Logos, banners of text, and pictures of nothing: what a shop's pages are strewn with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from demo.drawing.canvas import Canvas, Colour, vivid

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = ("Willow", "Thimble & Co", "Bobbin", "Selvage", "Hearthside", "Calico", "Tuppence", "Needle", "Ravel", "Hem")
_LINES = (
    "SALE", "FREE SHIPPING", "NEW IN", "20% OFF", "Size chart", "How to wash it", "Thank you!", "Gift cards",
    "Sold out", "Back in stock", "Summer fair", "Read our story", "Meet the maker", "Only today", "Made by hand",
)  # fmt: skip


def emblem(rng: np.random.Generator) -> Image.Image:
    """A round mark with initials."""
    sheet, ink = _sheet(rng)
    c = sheet.bottom / 2
    sheet.oval(0.2, c - 0.3, 0.8, c + 0.3, ink)
    sheet.arc(0.24, c - 0.26, 0.76, c + 0.26, _paper(sheet), 0.012)
    sheet.write(0.5, c, "".join(chr(65 + int(k)) for k in rng.integers(0, 26, 2)), _paper(sheet), 0.22)
    return sheet.finish(0)


def wordmark(rng: np.random.Generator) -> Image.Image:
    """A shop's name, underlined."""
    sheet, ink = _sheet(rng)
    c = sheet.bottom / 2
    sheet.write(0.5, c, _NAMES[rng.integers(len(_NAMES))], ink, rng.uniform(0.14, 0.2))
    sheet.line([(0.25, c + 0.14), (0.75, c + 0.14)], vivid(rng), 0.012)
    return sheet.finish(0)


def shield(rng: np.random.Generator) -> Image.Image:
    sheet, ink = _sheet(rng)
    c = sheet.bottom / 2
    sheet.blob([(0.2, c - 0.34), (0.8, c - 0.34), (0.8, c + 0.1), (0.5, c + 0.42), (0.2, c + 0.1)], ink)
    spikes = 2 * int(rng.integers(5, 7))
    angles = np.arange(spikes) * 2 * np.pi / spikes
    reach = np.where(np.arange(spikes) % 2 == 0, 0.16, 0.07)
    sheet.polygon([(0.5 + r * np.sin(a), c - r * np.cos(a)) for a, r in zip(angles, reach, strict=True)], _paper(sheet))
    return sheet.finish(0)


def rings(rng: np.random.Generator) -> Image.Image:
    """Overlapping circles, as banks and bicycle makers like them."""
    sheet, _ = _sheet(rng)
    c, n = sheet.bottom / 2, int(rng.integers(2, 5))
    for k in range(n):
        x = 0.5 + (k - (n - 1) / 2) * 0.17
        sheet.arc(x - 0.15, c - 0.15, x + 0.15, c + 0.15, vivid(rng), rng.uniform(0.02, 0.05))
    return sheet.finish(0)


def banner(rng: np.random.Generator) -> Image.Image:
    """One or two large lines on a colour."""
    ground = vivid(rng)
    sheet = Canvas(rng, int(rng.integers(340, 400)), int(rng.integers(256, 290)), ground)
    ink: Colour = (255, 255, 255) if sum(ground) < 420 else (24, 24, 28)
    first, second = rng.choice(len(_LINES), 2, replace=False)
    sheet.write(0.5, sheet.bottom * 0.38, _LINES[first], ink, 0.17)
    sheet.write(0.5, sheet.bottom * 0.68, _LINES[second].lower(), ink, 0.08)
    return sheet.finish(0)


def letter(rng: np.random.Generator) -> Image.Image:
    """A page of small print under a heading."""
    sheet, ink = _sheet(rng)
    sheet.write(0.5, 0.1, _LINES[rng.integers(len(_LINES))], ink, 0.08)
    y = 0.2
    while y < sheet.bottom - 0.06:
        words = " ".join(_NAMES[k].lower() for k in rng.integers(0, len(_NAMES), int(rng.integers(3, 6))))
        sheet.write(0.5, y, words, (70, 70, 74), 0.042)
        y += 0.055
    return sheet.finish(0)


def price_list(rng: np.random.Generator) -> Image.Image:
    """Two columns with lines between the rows."""
    sheet, ink = _sheet(rng)
    y, step = 0.1, rng.uniform(0.09, 0.13)
    while y < sheet.bottom - 0.04:
        sheet.write(0.3, y, _NAMES[rng.integers(len(_NAMES))], ink, 0.055)
        sheet.write(0.8, y, f"{rng.integers(5, 200)}.00", ink, 0.055)
        sheet.line([(0.06, y + step / 2), (0.94, y + step / 2)], (190, 190, 190), 0.004)
        y += step
    return sheet.finish(0)


def one_colour(rng: np.random.Generator) -> Image.Image:
    colour = ((255, 255, 255), (0, 0, 0), (128, 128, 128), vivid(rng))[rng.integers(4)]
    return Image.new("RGB", (int(rng.integers(256, 400)), int(rng.integers(256, 400))), colour)


def gradient(rng: np.random.Generator) -> Image.Image:
    """One colour that runs slowly into another."""
    start, end = np.array(vivid(rng), float), np.array(vivid(rng), float)
    share = np.linspace(0, 1, 320)[:, None, None] * np.ones((1, int(rng.integers(256, 400)), 1))
    pixels = (start * (1 - share) + end * share).astype(np.uint8)
    return Image.fromarray(pixels if rng.random() < 0.5 else np.ascontiguousarray(pixels.transpose(1, 0, 2)))


def no_picture(rng: np.random.Generator) -> Image.Image:
    """The grey stand-in of a shop that lost a picture."""
    sheet = Canvas(rng, 300, int(rng.integers(256, 340)), (226, 228, 230))
    c = sheet.bottom / 2
    sheet.box(0.36, c - 0.12, 0.64, c + 0.08, (190, 194, 198), 0.02)
    sheet.polygon(
        [(0.38, c + 0.06), (0.47, c - 0.05), (0.53, c + 0.02), (0.57, c - 0.02), (0.62, c + 0.06)], (226, 228, 230)
    )
    sheet.write(0.5, c + 0.18, "no picture yet", (160, 164, 168), 0.05)
    return sheet.finish(0)


def _sheet(rng: np.random.Generator) -> tuple[Canvas, Colour]:
    """White or pale paper, and a dark ink; or the other way round."""
    pale, dark = vivid(rng, saturation=(0, 0.12), value=(0.9, 1.0)), vivid(rng, value=(0.1, 0.6))
    paper, ink = (pale, dark) if rng.random() < 0.8 else (dark, pale)
    return Canvas(rng, int(rng.integers(256, 380)), int(rng.integers(256, 340)), paper), ink


def _paper(sheet: Canvas) -> Colour:
    red, green, blue = sheet.image.crop((0, 0, 1, 1)).tobytes()
    return red, green, blue


GRAPHICS: dict[str, dict[str, Callable[[np.random.Generator], Image.Image]]] = {
    "logo": {f.__name__: f for f in (emblem, wordmark, shield, rings)},
    "text": {f.__name__: f for f in (banner, letter, price_list)},
    "blank": {f.__name__: f for f in (one_colour, gradient, no_picture)},
}
