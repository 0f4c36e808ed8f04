"""A sheet to draw things on that are no quilts: shapes in shares of its side, backdrops, shadows."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Colour = tuple[int, int, int]
ZOOM = 2  # drawings are made this much larger, so that edges come out smooth


class Canvas:
    """A picture whose coordinates run from 0 to 1 across, and from 0 to height / width down."""

    def __init__(self, rng: np.random.Generator, width: int, height: int, colour: Colour) -> None:
        self.rng = rng
        self.side = width * ZOOM
        self.bottom = height / width
        self.image = Image.new("RGB", (width * ZOOM, height * ZOOM), colour)
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        self.pen.polygon([(x * self.side, y * self.side) for x, y in points], fill=colour)

    def blob(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A closed curve near the points, for whatever has no corners (Chaikin's corner cutting)."""
        curve = np.array(points, float)
        for _ in range(4):
            after = np.roll(curve, -1, axis=0)
            curve = np.stack([0.75 * curve + 0.25 * after, 0.25 * curve + 0.75 * after], axis=1).reshape(-1, 2)
        self.polygon([(x, y) for x, y in curve], colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, radius: float = 0.0) -> None:
        self.pen.rounded_rectangle(self._scaled(x0, y0, x1, y1), radius=radius * self.side, fill=colour)

    def oval(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.pen.ellipse(self._scaled(x0, y0, x1, y1), fill=colour)

    def arc(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float, turn: tuple[int, int] = (0, 360)
    ) -> None:
        """Part of an oval's line; `turn` in degrees, clockwise from three o'clock."""
        self.pen.arc(self._scaled(x0, y0, x1, y1), *turn, fill=colour, width=max(1, round(width * self.side)))

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        scaled = [(x * self.side, y * self.side) for x, y in points]
        self.pen.line(scaled, fill=colour, width=max(1, round(width * self.side)), joint="curve")

    def write(self, x: float, y: float, text: str, colour: Colour, size: float) -> None:
        """Text whose middle is at (x, y), shrunk until it fits."""
        font = ImageFont.load_default(max(8, size * self.side))
        while font.getlength(text) > 0.94 * self.side and size > 0.02:
            size *= 0.9
            font = ImageFont.load_default(max(8, size * self.side))
        self.pen.text((x * self.side, y * self.side), text, fill=colour, font=font, anchor="mm")

    def shadow(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A soft dark oval; draw it before the thing that throws it."""
        mask = Image.new("L", (self.image.width // 8, self.image.height // 8))
        scaled = [v / 8 for v in self._scaled(x0, y0, x1, y1)]
        ImageDraw.Draw(mask).ellipse((scaled[0], scaled[1], scaled[2], scaled[3]), fill=110)
        mask = mask.filter(ImageFilter.GaussianBlur(3)).resize(self.image.size, Image.Resampling.BILINEAR)
        self.image.paste((30, 28, 26), mask=mask)

    def finish(self, strength: float = 1.0) -> Image.Image:
        """The picture at its true size, in some light; strength 0 is a flat graphic."""
        image = self.image.reduce(ZOOM)
        return expose(self.rng, np.asarray(image), strength) if strength else image

    def _scaled(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x0 * self.side, y0 * self.side, x1 * self.side, y1 * self.side


def expose(rng: np.random.Generator, pixels: NDArray[np.uint8], strength: float = 1.0) -> Image.Image:
    """A photograph of `pixels` (H, W, 3): light from one side, folds, a tint, grain."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    fold = np.sin(x * rng.uniform(3, 14) + y * rng.uniform(-6, 6) + rng.uniform(0, 6))
    light = rng.uniform(0.92, 1.05) + strength * (
        rng.uniform(-0.18, 0.18) * x + rng.uniform(-0.18, 0.18) * y + rng.uniform(0, 0.03) * fold
    )
    tint = 1 + rng.normal(0, 0.015, 3).astype(np.float32)
    grain = rng.normal(0, 2.0, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(pixels * light[..., None] * tint + grain, 0, 255).astype(np.uint8))


def studio(rng: np.random.Generator, low: float = 0.85, high: float = 1.3) -> Canvas:
    """A canvas before a photographer's plain backdrop, often white; height / width lies from `low` to `high`."""
    width = int(rng.integers(264, 360))
    height = int(np.clip(width * rng.uniform(low, high), 256, 400))
    pale = vivid(rng, saturation=(0.02, 0.25), value=(0.72, 0.98))
    backdrop = ((255, 255, 255), (246, 246, 244), pale, pale)[rng.integers(4)]
    sheet = Canvas(rng, width, height, backdrop)
    if rng.random() < 0.5:  # the table's edge
        sheet.box(-0.1, sheet.bottom * 0.8, 1.1, sheet.bottom, shaded(backdrop, 0.94))
    return sheet


def vivid(
    rng: np.random.Generator, saturation: tuple[float, float] = (0.25, 0.9), value: tuple[float, float] = (0.15, 0.95)
) -> Colour:
    """A colour of any hue."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    red, green, blue = (int(255 * part) for part in rgb)
    return red, green, blue


def leather(rng: np.random.Generator) -> Colour:
    """Browns, black, cream, or any dyed colour: what bags and shoes are made of."""
    browns = ((92, 56, 34), (150, 96, 56), (28, 26, 28), (205, 180, 148), (120, 30, 34), (40, 52, 82))
    return browns[rng.integers(len(browns))] if rng.random() < 0.55 else vivid(rng)


def shaded(colour: Colour, factor: float) -> Colour:
    """Darker under 1, lighter over 1."""
    red, green, blue = (int(min(255, max(0, part * factor))) for part in colour)
    return red, green, blue
