"""Bags, shoes and plain fabric, as shops photograph them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from demo.drawing.canvas import Canvas, expose, leather, shaded, studio, vivid
from demo.drawing.fabric import TILE, tile

if TYPE_CHECKING:
    from collections.abc import Callable


def tote(rng: np.random.Generator) -> Image.Image:
    sheet, colour = studio(rng), leather(rng)
    c = sheet.bottom / 2 + 0.1
    w, h = rng.uniform(0.24, 0.34), rng.uniform(0.22, 0.32)
    sheet.shadow(0.5 - w, c + h - 0.05, 0.5 + w, c + h + 0.05)
    for dx, factor in ((0.03, 0.7), (0.0, 0.85)):
        sheet.arc(
            0.5 - w / 2 + dx, c - h - 0.2, 0.5 + w / 2 + dx, c - h + 0.2, shaded(colour, factor), 0.022, (180, 360)
        )
    flare = rng.uniform(-0.06, 0.06)
    sheet.polygon([(0.5 - w - flare, c - h), (0.5 + w + flare, c - h), (0.5 + w, c + h), (0.5 - w, c + h)], colour)
    sheet.box(0.5 - w - flare, c - h, 0.5 + w + flare, c - h + 0.03, shaded(colour, 0.85))
    if rng.random() < 0.5:
        sheet.oval(0.44, c - 0.06, 0.56, c + 0.06, shaded(colour, 1.35))
    return sheet.finish()


def satchel(rng: np.random.Generator) -> Image.Image:
    sheet, colour = studio(rng), leather(rng)
    c = sheet.bottom / 2 + 0.06
    w, h = rng.uniform(0.28, 0.36), rng.uniform(0.18, 0.24)
    metal = ((212, 175, 55), (190, 190, 195))[rng.integers(2)]
    sheet.shadow(0.5 - w, c + h - 0.05, 0.5 + w, c + h + 0.05)
    sheet.arc(0.5 - w, c - h - 0.32, 0.5 + w, c + h, shaded(colour, 0.75), 0.014, (190, 350))
    sheet.arc(0.4, c - h - 0.09, 0.6, c - h + 0.09, shaded(colour, 0.7), 0.028, (180, 360))
    sheet.box(0.5 - w, c - h, 0.5 + w, c + h, colour, 0.04)
    sheet.box(0.5 - w, c - h, 0.5 + w, c + h * 0.25, shaded(colour, 0.86), 0.05)
    for x in (0.5 - w / 2, 0.5 + w / 2):
        sheet.box(x - 0.02, c - h, x + 0.02, c + h * 0.5, shaded(colour, 0.7))
        sheet.box(x - 0.025, c + h * 0.25, x + 0.025, c + h * 0.4, metal)
    return sheet.finish()


def clutch(rng: np.random.Generator) -> Image.Image:
    sheet, colour = studio(rng), leather(rng)
    c = sheet.bottom / 2
    w, h = rng.uniform(0.32, 0.4), rng.uniform(0.14, 0.2)
    sheet.shadow(0.5 - w, c + h - 0.04, 0.5 + w, c + h + 0.05)
    sheet.box(0.5 - w, c - h, 0.5 + w, c + h, colour, 0.025)
    sheet.polygon([(0.5 - w, c - h), (0.5 + w, c - h), (0.5, c + h * rng.uniform(0.1, 0.6))], shaded(colour, 0.84))
    sheet.oval(0.475, c, 0.525, c + 0.05, (212, 175, 55))
    return sheet.finish()


def bucket(rng: np.random.Generator) -> Image.Image:
    sheet, colour = studio(rng), leather(rng)
    c = sheet.bottom / 2 + 0.08
    w, h = rng.uniform(0.2, 0.26), rng.uniform(0.22, 0.3)
    sheet.shadow(0.5 - w, c + h - 0.05, 0.5 + w, c + h + 0.06)
    sheet.arc(0.5 - w, c - h - 0.3, 0.5 + w, c - h + 0.3, shaded(colour, 0.7), 0.018, (180, 360))
    sheet.blob([(0.5 - w, c - h), (0.5 + w, c - h), (0.5 + w * 1.3, c + h), (0.5 - w * 1.3, c + h)], colour)
    sheet.oval(0.5 - w, c - h - 0.03, 0.5 + w, c - h + 0.05, shaded(colour, 0.55))
    sheet.line([(0.46, c - h + 0.05), (0.44, c - h + 0.22)], shaded(colour, 0.6), 0.012)
    sheet.line([(0.54, c - h + 0.05), (0.55, c - h + 0.2)], shaded(colour, 0.6), 0.012)
    return sheet.finish()


def backpack(rng: np.random.Generator) -> Image.Image:
    sheet, colour = studio(rng, 1.0, 1.3), leather(rng)
    c = sheet.bottom / 2
    w, h = rng.uniform(0.22, 0.27), rng.uniform(0.3, 0.36)
    sheet.shadow(0.5 - w, c + h - 0.05, 0.5 + w, c + h + 0.06)
    for x in (0.5 - w, 0.5 + w):
        sheet.arc(x - 0.08, c - h * 0.5, x + 0.08, c + h, shaded(colour, 0.6), 0.03)
    sheet.arc(0.44, c - h - 0.07, 0.56, c - h + 0.07, shaded(colour, 0.6), 0.02, (180, 360))
    sheet.box(0.5 - w, c - h, 0.5 + w, c + h, colour, 0.16)
    sheet.box(0.5 - w * 0.75, c + h * 0.1, 0.5 + w * 0.75, c + h * 0.85, shaded(colour, 0.82), 0.05)
    sheet.line([(0.5 - w * 0.8, c - h * 0.2), (0.5 + w * 0.8, c - h * 0.2)], shaded(colour, 0.55), 0.01)
    return sheet.finish()


def sneaker(rng: np.random.Generator) -> Image.Image:
    sheet, colour, base = _shelf(rng)
    sole = ((250, 250, 250), (235, 225, 205), (40, 40, 40))[rng.integers(3)]
    upper = [(0.13, base - 0.3), (0.3, base - 0.34), (0.42, base - 0.26), (0.6, base - 0.18), (0.88, base - 0.1)]
    sheet.blob([*upper, (0.9, base), (0.12, base), (0.1, base - 0.16)], colour)
    sheet.box(0.1, base - 0.06, 0.91, base, sole, 0.03)
    for k in range(4):
        x = 0.42 + 0.05 * k
        sheet.line([(x, base - 0.25 + 0.03 * k), (x - 0.05, base - 0.17 + 0.02 * k)], sole, 0.012)
    sheet.blob([(0.3, base - 0.1), (0.62, base - 0.13), (0.35, base - 0.05)], shaded(sole, 0.9))
    return _either_way(rng, sheet.finish())


def heel(rng: np.random.Generator) -> Image.Image:
    sheet, colour, base = _shelf(rng)
    top = rng.uniform(0.3, 0.4)
    sheet.polygon([(0.12, base - top), (0.24, base - top + 0.05), (0.17, base), (0.145, base)], shaded(colour, 0.7))
    foot = [(0.11, base - top - 0.1), (0.24, base - top + 0.02), (0.5, base - 0.14), (0.68, base - 0.13)]
    sheet.blob(
        [*foot, (0.92, base - 0.06), (0.9, base), (0.66, base), (0.4, base - 0.1), (0.16, base - top + 0.06)], colour
    )
    sheet.line([(0.9, base), (0.68, base), (0.5, base - 0.06)], shaded(colour, 0.5), 0.012)
    return _either_way(rng, sheet.finish())


def boot(rng: np.random.Generator) -> Image.Image:
    sheet, colour, base = _shelf(rng, 1.0, 1.3)
    shaft = rng.uniform(0.45, 0.62)
    sheet.polygon(
        [(0.22, base - shaft), (0.5, base - shaft), (0.51, base - 0.24), (0.4, base - 0.02), (0.22, base - 0.02)],
        colour,
    )
    sheet.blob([(0.22, base - 0.26), (0.52, base - 0.26), (0.84, base - 0.14), (0.86, base), (0.2, base)], colour)
    sheet.box(0.2, base - 0.03, 0.83, base, shaded(colour, 0.45))
    sheet.box(0.2, base, 0.34, base + 0.05, shaded(colour, 0.45))
    sheet.box(0.22, base - shaft, 0.5, base - shaft + 0.04, shaded(colour, 0.8))
    return _either_way(rng, sheet.finish())


def loafer(rng: np.random.Generator) -> Image.Image:
    sheet, colour, base = _shelf(rng)
    sheet.blob(
        [
            (0.1, base - 0.2),
            (0.32, base - 0.2),
            (0.44, base - 0.14),
            (0.6, base - 0.2),
            (0.9, base - 0.1),
            (0.9, base),
            (0.1, base),
        ],
        colour,
    )
    sheet.blob([(0.14, base - 0.19), (0.34, base - 0.19), (0.42, base - 0.14), (0.2, base - 0.13)], shaded(colour, 0.4))
    sheet.box(0.11, base - 0.025, 0.9, base + 0.01, shaded(colour, 0.5), 0.01)
    sheet.line([(0.5, base - 0.17), (0.58, base - 0.06)], shaded(colour, 0.7), 0.035)
    return _either_way(rng, sheet.finish())


def sandal(rng: np.random.Generator) -> Image.Image:
    """A sole and one broad band over the toes."""
    sheet, colour, base = _shelf(rng)
    sheet.box(0.1, base - 0.08, 0.92, base, (222, 202, 172), 0.04)
    sheet.box(0.1, base - 0.04, 0.92, base, shaded(colour, 0.5), 0.02)
    sheet.blob(
        [(0.46, base - 0.08), (0.52, base - 0.27), (0.74, base - 0.23), (0.9, base - 0.05), (0.7, base - 0.03)], colour
    )
    sheet.oval(0.5, base - 0.19, 0.56, base - 0.08, shaded(colour, 0.4))
    return _either_way(rng, sheet.finish())


def bolt(rng: np.random.Generator) -> Image.Image:
    """Cloth wound on a board, standing up."""
    sheet, colour = studio(rng, 1.0, 1.4), vivid(rng)
    w, h, c = rng.uniform(0.16, 0.26), rng.uniform(0.34, 0.44), sheet.bottom / 2
    sheet.shadow(0.5 - w, c + h - 0.04, 0.5 + w + 0.1, c + h + 0.05)
    sheet.box(0.5 - w, c - h, 0.5 + w, c + h, colour, 0.03)
    for k in range(1, 4):
        x = 0.5 - w + 2 * w * k / 4 + rng.uniform(-0.02, 0.02)
        sheet.line([(x, c - h + 0.01), (x, c + h - 0.01)], shaded(colour, 0.9), 0.006)
    sheet.polygon(
        [(0.5 + w, c - h), (0.5 + w + 0.07, c - h + 0.05), (0.5 + w + 0.07, c + h), (0.5 + w, c + h)],
        shaded(colour, 0.7),
    )
    sheet.box(0.5 - w * 0.5, c - h - 0.03, 0.5 + w * 0.5, c - h + 0.01, (222, 205, 170))
    return sheet.finish()


def pile(rng: np.random.Generator) -> Image.Image:
    """Folded lengths of cloth, one on the other."""
    sheet = studio(rng)
    count = int(rng.integers(3, 8))
    thick = min(0.14, 0.75 * sheet.bottom / count)
    y = sheet.bottom * 0.92
    sheet.shadow(0.12, y - 0.05, 0.88, y + 0.05)
    for _ in range(count):
        colour, left, right = vivid(rng), rng.uniform(0.12, 0.2), rng.uniform(0.8, 0.88)
        sheet.box(left, y - thick, right, y - 0.004, colour, thick / 2)
        sheet.line([(left + 0.06, y - thick / 2), (right, y - thick / 2)], shaded(colour, 0.7), 0.006)
        y -= thick
    return sheet.finish()


def swatch(rng: np.random.Generator) -> Image.Image:
    """Plain cloth from edge to edge, one print at most."""
    width, height = (int(v) for v in rng.integers(256, 384, 2))
    cloth = tile(rng, np.array(vivid(rng), np.float32), strength=float(rng.choice([0.0, 0.4, 1.0])))
    y, x = np.ogrid[0:height, 0:width]
    zoom = int(rng.integers(1, 3))
    return expose(rng, cloth[y // zoom % TILE, x // zoom % TILE], strength=2.5)


def drape(rng: np.random.Generator) -> Image.Image:
    """Cloth that hangs in folds."""
    width, height = int(rng.integers(256, 384)), int(rng.integers(256, 384))
    y, x = np.mgrid[0:height, 0:width] / width
    phase = x * rng.uniform(18, 40) + np.sin(y * rng.uniform(1, 4) + rng.uniform(0, 6)) * rng.uniform(0.5, 3)
    fold = 0.82 + 0.18 * np.sin(phase) + 0.06 * np.sin(2.3 * phase + 1)
    pixels = np.array(vivid(rng, value=(0.35, 0.95)))[None, None] * fold[..., None]
    return expose(rng, np.clip(pixels, 0, 255).astype(np.uint8))


def rolls(rng: np.random.Generator) -> Image.Image:
    """Rolls of cloth in a shelf, seen from their ends."""
    sheet = Canvas(rng, 320, int(rng.integers(260, 360)), (134, 104, 74))
    n = int(rng.integers(3, 6))
    for i in range(int(n * sheet.bottom) + 1):
        for j in range(n):
            colour, x, y, r = vivid(rng), (j + 0.5) / n, (i + 0.5) / n, rng.uniform(0.4, 0.47) / n
            sheet.oval(x - r, y - r, x + r, y + r, colour)
            for share in (0.7, 0.45):
                sheet.arc(x - r * share, y - r * share, x + r * share, y + r * share, shaded(colour, 0.7), 0.005)
            sheet.oval(x - r * 0.2, y - r * 0.2, x + r * 0.2, y + r * 0.2, (226, 210, 180))
    return sheet.finish()


def _shelf(
    rng: np.random.Generator, low: float = 0.75, high: float = 1.1
) -> tuple[Canvas, tuple[int, int, int], float]:
    """A canvas with a shoe's shadow, the shoe's colour, and how far down its sole is."""
    sheet, colour = studio(rng, low, high), leather(rng)
    base = sheet.bottom * rng.uniform(0.72, 0.82)
    sheet.shadow(0.1, base - 0.03, 0.92, base + 0.05)
    return sheet, colour, base


def _either_way(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image


PRODUCTS: dict[str, dict[str, Callable[[np.random.Generator], Image.Image]]] = {
    "bag": {f.__name__: f for f in (tote, satchel, clutch, bucket, backpack)},
    "shoe": {f.__name__: f for f in (sneaker, heel, boot, loafer, sandal)},
    "fabric": {f.__name__: f for f in (bolt, pile, swatch, drape, rolls)},
}
