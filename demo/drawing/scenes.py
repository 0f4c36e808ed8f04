"""People and rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.drawing.canvas import Canvas, Colour, shaded, studio, vivid

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from PIL import Image

_SKINS: tuple[Colour, ...] = ((255, 219, 186), (232, 184, 142), (198, 140, 96), (141, 92, 60), (88, 56, 40))
_HAIRS: tuple[Colour, ...] = (
    (34, 26, 22),
    (92, 58, 36),
    (176, 128, 70),
    (224, 196, 140),
    (150, 150, 152),
    (140, 52, 30),
)


def portrait(rng: np.random.Generator) -> Image.Image:
    sheet = studio(rng, 1.0, 1.35)
    _head(sheet, 0.5, sheet.bottom * 0.4, rng.uniform(0.17, 0.22), vivid(rng))
    return sheet.finish()


def figure(rng: np.random.Generator) -> Image.Image:
    """Somebody who stands, head to foot."""
    sheet = studio(rng, 1.15, 1.45)
    x, floor = rng.uniform(0.42, 0.58), sheet.bottom * 0.94
    sheet.shadow(x - 0.2, floor - 0.03, x + 0.2, floor + 0.03)
    _standing(sheet, x, floor, sheet.bottom * rng.uniform(0.8, 0.88))
    return sheet.finish()


def crowd(rng: np.random.Generator) -> Image.Image:
    """Several people before a wall or out of doors."""
    sheet = _outside(rng)
    for k in range(int(rng.integers(3, 6))):
        _standing(sheet, 0.14 + 0.18 * k + rng.uniform(-0.03, 0.03), sheet.bottom * 0.95, rng.uniform(0.5, 0.72))
    return sheet.finish()


def selfie(rng: np.random.Generator) -> Image.Image:
    """A face close up, out of doors."""
    sheet = _outside(rng)
    _head(sheet, rng.uniform(0.4, 0.6), sheet.bottom * 0.45, rng.uniform(0.24, 0.3), vivid(rng))
    return sheet.finish()


def sofa(rng: np.random.Generator) -> Image.Image:
    sheet, floor = _walls(rng)
    colour = vivid(rng, saturation=(0.1, 0.6), value=(0.3, 0.8))
    top, left, right = floor - 0.16, rng.uniform(0.08, 0.2), rng.uniform(0.8, 0.92)
    _painting(sheet, rng.uniform(0.35, 0.65), top - 0.3)
    sheet.shadow(left, floor + 0.1, right, floor + 0.18)
    sheet.box(left, top - 0.05, right, floor + 0.1, colour, 0.04)
    sheet.box(left - 0.03, top + 0.06, left + 0.09, floor + 0.13, shaded(colour, 0.85), 0.03)
    sheet.box(right - 0.09, top + 0.06, right + 0.03, floor + 0.13, shaded(colour, 0.85), 0.03)
    sheet.box(left + 0.09, floor, right - 0.09, floor + 0.1, shaded(colour, 1.15), 0.02)
    for x in (left + 0.12, right - 0.24):
        sheet.box(x, top + 0.04, x + 0.12, top + 0.15, vivid(rng), 0.02)
    return sheet.finish()


def bedroom(rng: np.random.Generator) -> Image.Image:
    """A bed under a plain cover: the nearest thing to a quilt that is none."""
    sheet, floor = _walls(rng)
    wood, cover = shaded((150, 104, 66), rng.uniform(0.6, 1.2)), vivid(rng, saturation=(0.05, 0.6), value=(0.4, 0.95))
    _window(sheet, rng.uniform(0.05, 0.7), floor - 0.52)
    sheet.box(0.2, floor - 0.3, 0.8, floor + 0.05, wood, 0.02)
    for x in (0.25, 0.53):
        sheet.box(x, floor - 0.14, x + 0.22, floor, (246, 244, 240), 0.04)
    sheet.polygon([(0.2, floor - 0.02), (0.8, floor - 0.02), (0.9, sheet.bottom), (0.1, sheet.bottom)], cover)
    sheet.polygon(
        [(0.2, floor - 0.02), (0.8, floor - 0.02), (0.82, floor + 0.05), (0.18, floor + 0.05)], shaded(cover, 1.2)
    )
    return sheet.finish()


def kitchen(rng: np.random.Generator) -> Image.Image:
    sheet, floor = _walls(rng)
    front = vivid(rng, saturation=(0.05, 0.5), value=(0.4, 0.95))
    for k in range(4):
        x = 0.02 + k * 0.245
        sheet.box(x, floor - 0.55, x + 0.225, floor - 0.35, front, 0.005)
        sheet.box(x, floor - 0.14, x + 0.225, floor + 0.12, front, 0.005)
        for y in (floor - 0.4, floor - 0.11):
            sheet.box(x + 0.1, y, x + 0.13, y + 0.02, (70, 70, 72))
    sheet.box(0, floor - 0.18, 1, floor - 0.14, (86, 80, 76))
    for _ in range(3):
        x = rng.uniform(0.05, 0.9)
        sheet.box(x, floor - 0.26, x + 0.07, floor - 0.18, vivid(rng), 0.01)
    return sheet.finish()


def hall(rng: np.random.Generator) -> Image.Image:
    """An empty room, a door, a lamp."""
    sheet, floor = _walls(rng)
    _window(sheet, rng.uniform(0.05, 0.3), floor - 0.5)
    sheet.box(0.62, floor - 0.55, 0.85, floor, shaded((168, 130, 90), rng.uniform(0.6, 1.3)))
    sheet.oval(0.81, floor - 0.3, 0.84, floor - 0.27, (212, 175, 55))
    sheet.line([(0.45, 0), (0.45, 0.16)], (50, 50, 50), 0.006)
    sheet.polygon([(0.4, 0.2), (0.5, 0.2), (0.47, 0.14), (0.43, 0.14)], vivid(rng))
    return sheet.finish()


def _head(sheet: Canvas, x: float, y: float, r: float, clothes: Colour) -> None:
    """A face with hair, neck and shoulders; `r` is half its width."""
    rng = sheet.rng
    skin, hair = _SKINS[rng.integers(len(_SKINS))], _HAIRS[rng.integers(len(_HAIRS))]
    if rng.random() < 0.5:
        sheet.blob(
            [
                (x - 1.4 * r, y - 1.3 * r),
                (x + 1.4 * r, y - 1.3 * r),
                (x + 1.3 * r, y + 1.9 * r),
                (x - 1.3 * r, y + 1.9 * r),
            ],
            hair,
        )
    shoulders = y + 2.0 * r
    sheet.blob(
        [
            (x - 2.4 * r, sheet.bottom + r),
            (x - 2.0 * r, shoulders - 0.3 * r),
            (x + 2.0 * r, shoulders - 0.3 * r),
            (x + 2.4 * r, sheet.bottom + r),
        ],
        clothes,
    )
    sheet.box(x - 0.42 * r, y + 0.7 * r, x + 0.42 * r, y + 1.7 * r, shaded(skin, 0.88), 0.3 * r)
    sheet.oval(x - r, y - 1.25 * r, x + r, y + 1.3 * r, hair)
    sheet.oval(x - 0.88 * r, y - 0.85 * r, x + 0.88 * r, y + 1.25 * r, skin)
    for side in (-1, 1):
        ex = x + side * 0.36 * r
        sheet.oval(ex - 0.13 * r, y - 0.08 * r, ex + 0.13 * r, y + 0.1 * r, (250, 250, 250))
        sheet.oval(ex - 0.07 * r, y - 0.07 * r, ex + 0.07 * r, y + 0.09 * r, (52, 40, 34))
        sheet.line([(ex - 0.18 * r, y - 0.24 * r), (ex + 0.18 * r, y - 0.26 * r)], hair, 0.07 * r)
    sheet.line(
        [(x, y + 0.1 * r), (x - 0.1 * r, y + 0.45 * r), (x + 0.06 * r, y + 0.45 * r)], shaded(skin, 0.75), 0.04 * r
    )
    sheet.arc(x - 0.35 * r, y + 0.4 * r, x + 0.35 * r, y + 0.85 * r, (176, 70, 70), 0.07 * r, (20, 160))


def _standing(sheet: Canvas, x: float, floor: float, height: float) -> None:
    """A whole person, `height` tall."""
    rng = sheet.rng
    skin, hair = _SKINS[rng.integers(len(_SKINS))], _HAIRS[rng.integers(len(_HAIRS))]
    shirt, trousers, u = vivid(rng), vivid(rng, value=(0.15, 0.6)), height / 8
    top = floor - height
    for side in (-1, 1):
        sheet.line([(x + side * 0.35 * u, floor - 4 * u), (x + side * 0.5 * u, floor - 0.2 * u)], trousers, 0.62 * u)
        sheet.oval(x + side * 0.5 * u - 0.35 * u, floor - 0.4 * u, x + side * 0.5 * u + 0.5 * u, floor, (40, 36, 34))
        bend = rng.uniform(0.9, 1.6)
        sheet.line([(x + side * 0.85 * u, top + 1.8 * u), (x + side * bend * u, top + 4.2 * u)], shirt, 0.42 * u)
        sheet.oval(x + side * bend * u - 0.22 * u, top + 4.0 * u, x + side * bend * u + 0.22 * u, top + 4.5 * u, skin)
    if rng.random() < 0.4:  # a skirt
        sheet.polygon(
            [
                (x - 0.7 * u, top + 3.6 * u),
                (x + 0.7 * u, top + 3.6 * u),
                (x + 1.3 * u, top + 6.2 * u),
                (x - 1.3 * u, top + 6.2 * u),
            ],
            trousers,
        )
    sheet.box(x - 0.95 * u, top + 1.4 * u, x + 0.95 * u, top + 4.1 * u, shirt, 0.35 * u)
    sheet.box(x - 0.2 * u, top + u, x + 0.2 * u, top + 1.6 * u, shaded(skin, 0.88))
    sheet.oval(x - 0.5 * u, top - 0.1 * u, x + 0.5 * u, top + 1.1 * u, hair)
    sheet.oval(x - 0.42 * u, top + 0.12 * u, x + 0.42 * u, top + 1.2 * u, skin)


def _outside(rng: np.random.Generator) -> Canvas:
    """Sky over grass, with a tree or a house."""
    sheet = Canvas(rng, int(rng.integers(280, 384)), int(rng.integers(256, 340)), (150, 196, 232))
    horizon = sheet.bottom * rng.uniform(0.45, 0.65)
    sheet.box(-0.1, horizon, 1.1, sheet.bottom + 0.1, vivid(rng, saturation=(0.2, 0.5), value=(0.4, 0.7)))
    x = rng.uniform(0.1, 0.8)
    if rng.random() < 0.5:
        sheet.box(x, horizon - 0.2, x + 0.04, horizon + 0.04, (98, 68, 44))
        sheet.oval(x - 0.13, horizon - 0.42, x + 0.17, horizon - 0.12, (64, 118, 58))
    else:
        sheet.box(
            x - 0.15, horizon - 0.26, x + 0.2, horizon + 0.05, vivid(rng, saturation=(0.05, 0.4), value=(0.6, 0.9))
        )
        sheet.polygon(
            [(x - 0.18, horizon - 0.26), (x + 0.23, horizon - 0.26), (x + 0.03, horizon - 0.4)], (128, 60, 50)
        )
    return sheet


def _walls(rng: np.random.Generator) -> tuple[Canvas, float]:
    """An empty room, and how far down its floor begins."""
    wall = vivid(rng, saturation=(0.02, 0.35), value=(0.6, 0.97))
    sheet = Canvas(rng, int(rng.integers(300, 390)), int(rng.integers(256, 320)), wall)
    floor = sheet.bottom * rng.uniform(0.62, 0.74)
    boards = shaded((172, 132, 92), rng.uniform(0.5, 1.2))
    sheet.box(-0.1, floor, 1.1, sheet.bottom + 0.1, boards)
    for k in range(-6, 18):
        sheet.line([(0.5 + (k - 5.5) * 0.08, floor), (0.5 + (k - 5.5) * 0.2, sheet.bottom)], shaded(boards, 0.9), 0.003)
    sheet.box(-0.1, floor - 0.02, 1.1, floor, (244, 242, 238))
    return sheet, floor


def _window(sheet: Canvas, x: float, y: float) -> None:
    sheet.box(x, y, x + 0.26, y + 0.34, (246, 246, 244))
    for dx, dy in ((0.015, 0.015), (0.135, 0.015), (0.015, 0.175), (0.135, 0.175)):
        sheet.box(x + dx, y + dy, x + dx + 0.11, y + dy + 0.15, (176, 208, 232))


def _painting(sheet: Canvas, x: float, y: float) -> None:
    sheet.box(x - 0.14, y - 0.02, x + 0.14, y + 0.2, (70, 52, 40))
    sheet.box(x - 0.12, y, x + 0.12, y + 0.18, vivid(sheet.rng, saturation=(0.1, 0.5), value=(0.5, 0.9)))
    sheet.oval(x - 0.05, y + 0.03, x + 0.04, y + 0.12, vivid(sheet.rng))


SCENES: dict[str, dict[str, Callable[[np.random.Generator], Image.Image]]] = {
    "person": {f.__name__: f for f in (portrait, figure, crowd, selfie)},
    "room": {f.__name__: f for f in (sofa, bedroom, kitchen, hall)},
}
