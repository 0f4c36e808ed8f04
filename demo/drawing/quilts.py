"""Patchwork quilts: blocks set side by side, on point, sashed or bordered, in the cloth of one palette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from demo.drawing.blocks import ROLES, Block
from demo.drawing.canvas import ZOOM, expose
from demo.drawing.fabric import TILE, tile
from demo.drawing.palettes import Palette, cloth, scraps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Side = tuple[float, float]
Polygon = tuple[int, "NDArray[np.float64]"]  # a fabric, and corners (N, 2) in blocks from the quilt's upper left
BACKDROP = 0
VARIANTS = 3  # a scrappy quilt has several cloths a role, close to each other ...
SCRAPS = 8  # ... or so many of all colours, when it is sewn of what was left
TURNS = {  # quarter turns of the four blocks around a corner; the pattern repeats
    "as they come": ((0, 0), (0, 0)),
    "in turn": ((0, 1), (1, 0)),
    "round a centre": ((0, 1), (3, 2)),
    "in rows": ((0, 0), (2, 2)),
}
LAYOUTS = ("straight", "alternate", "sashed", "on point")


@dataclass(frozen=True)
class Setting:
    """How the blocks of one quilt are put together; lengths are in blocks."""

    layout: str
    rows: int
    columns: int
    sash: float
    borders: tuple[float, ...]
    scraps: str = ""  # what is cut from another cloth each time: "block", "patch", or nothing

    @property
    def size(self) -> tuple[float, float]:
        """Width and height without borders."""
        step = 1 + self.sash
        return self.columns * step + self.sash, self.rows * step + self.sash

    @property
    def border(self) -> float:
        """The width of all borders together."""
        return sum(self.borders)


def flat(
    rng: np.random.Generator,
    setting: Setting,
    block: Block,
    other: Block,
    palette: Palette,
    longest: int,
    printed: float = 1.0,
) -> Image.Image:
    """A quilt by itself, edge to edge; its longer side has `longest` pixels, prints are at most `printed` strong."""
    width, height = np.array(setting.size) + 2 * setting.border
    scale = longest * ZOOM / max(width, height)
    image = Image.new("L", (int(width * scale) // ZOOM * ZOOM, int(height * scale) // ZOOM * ZOOM))
    pen = ImageDraw.Draw(image)
    for fabric, points in (*_top(rng, setting, block, other), *_edges(rng, setting)):
        pen.polygon([*map(tuple, (points + setting.border) * scale)], fill=fabric)
    return Image.fromarray(_sew(rng, np.asarray(image), palette, printed, scraps=bool(setting.scraps)))


def draw(rng: np.random.Generator, block: Block, other: Block, palette: Palette) -> Image.Image:
    """A quilt in which `block` and `other`, which may be the same, take turns, photographed from the front."""
    setting = _setting(rng, max(block.cells, other.cells))
    polygons = [*_top(rng, setting, block, other), *_edges(rng, setting)]
    labels = _photograph(rng, setting, polygons, side=int(rng.integers(272, 385)))
    return expose(rng, _sew(rng, labels, palette))


def _setting(rng: np.random.Generator, cells: int) -> Setting:
    most = max(2, min(4, 12 // cells))  # patches stay large enough to be seen at 32 pixels
    choices = np.arange(2, most + 1)
    columns = int(rng.choice(choices, p=choices**-2.0 / (choices**-2.0).sum()))  # large blocks more often than small
    layout = LAYOUTS[rng.choice(len(LAYOUTS), p=[0.5, 0.12, 0.2, 0.18] if columns > 2 else [0.6, 0, 0.2, 0.2])]
    rows = columns + int(rng.choice([0, 0, 0, 1])) if columns > 2 else columns
    sash = float(rng.uniform(0.08, 0.2)) if layout == "sashed" else 0.0
    borders = tuple(rng.uniform(0.06, 0.22, rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2])) * columns / 2)
    return Setting(layout, rows, columns, sash, borders)


def _top(rng: np.random.Generator, setting: Setting, block: Block, other: Block) -> Iterator[Polygon]:
    """The patches of the quilt's top, the ground first."""
    turn = list(TURNS.values())[rng.integers(len(TURNS))]
    scrappy, swap = rng.random() < 0.35 or bool(setting.scraps), rng.random() < 0.4
    variants = SCRAPS if setting.scraps else VARIANTS
    ground = _fabric("a" if setting.sash == 0 else "e", 0)
    width, height = setting.size
    yield ground, _rectangle(0, 0, width, height)
    for i, j, corner, along, down in _places(setting):
        if setting.layout == "alternate" and (i + j) % 2:
            yield _fabric("d", 0), corner + _rectangle(0, 0, 1, 1)
            continue
        roles = _swapped(rng, scrappy=scrappy, swap=bool(swap and (i + j) % 2))
        variant = int(rng.integers(variants)) if scrappy else 0
        for patch in (block if (i + j) % 2 == 0 else other).patches:
            if setting.scraps == "patch":
                variant = int(rng.integers(variants))
            points = _turned(np.array(patch.corners), turn[i % 2][j % 2])
            yield _fabric(roles[patch.role], variant), corner + points @ np.array([along, down])


def _places(setting: Setting) -> Iterator[tuple[int, int, NDArray[np.float64], Side, Side]]:
    """Row, column, upper left corner and the two sides of every block; on point they stand on a corner."""
    if setting.layout == "on point":
        n, side = setting.rows + setting.columns + 1, 1 / np.sqrt(2)
        for i in range(-n, n):
            for j in range(n):
                corner = np.array([(j - i) * side, (i + j) * side - side])
                if (corner < [setting.columns + 1, setting.rows]).all() and (corner > [-1, -2]).all():
                    yield i, j, corner, (side, side), (-side, side)
        return
    step = 1 + setting.sash
    for i in range(setting.rows):
        for j in range(setting.columns):
            yield i, j, np.array([j * step + setting.sash, i * step + setting.sash]), (1, 0), (0, 1)


def _edges(rng: np.random.Generator, setting: Setting) -> Iterator[Polygon]:
    """The borders from the inside out, then whatever lies behind the quilt."""
    (width, height), inset = setting.size, 0.0
    for role, border in zip(rng.permutation(list("bce")), setting.borders, strict=False):
        yield from _frame(_fabric(str(role), 0), width, height, inset, inset + border)
        inset += border
    yield from _frame(BACKDROP, width, height, inset, inset + 2 * max(width, height))


def _photograph(
    rng: np.random.Generator, setting: Setting, polygons: Iterable[Polygon], side: int
) -> NDArray[np.uint8]:
    """Which fabric every pixel shows; the camera is a little askew, and `side` is the shorter one, in pixels."""
    size = np.array(setting.size) + 2 * setting.border
    margin = rng.choice([-0.02, 0.0, 0.06], p=[0.3, 0.4, 0.3]) * rng.uniform(0.5, 1.0) * size.min()
    view = size + 2 * margin
    scale = side * ZOOM / view.min()
    width, height = (int(v) // ZOOM * ZOOM for v in view * scale)
    angle = rng.normal(0, 0.025) if margin >= 0 else rng.normal(0, 0.012)
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    tilt = rng.normal(0, 0.012, 2) / view.min()
    image = Image.new("L", (width, height))
    pen = ImageDraw.Draw(image)
    for fabric, points in polygons:
        centred = points - np.array(setting.size) / 2
        away = 1 + centred @ tilt  # the far edge is smaller
        pen.polygon([*map(tuple, (centred @ spin) / away[:, None] + (width / 2, height / 2))], fill=fabric)
    return np.asarray(image)


def _sew(
    rng: np.random.Generator,
    labels: NDArray[np.uint8],
    palette: Palette,
    most: float = 1.0,
    *,
    scraps: bool = False,
) -> NDArray[np.uint8]:
    """The cloth that the labels stand for, with seams, at the true size."""
    printed = float(rng.uniform(0.2 * most, most))
    colours = cloth(rng, palette)
    left = scraps_of(rng, palette, len(ROLES) * SCRAPS) if scraps else None
    tiles = np.zeros((1 + len(ROLES) * SCRAPS, TILE, TILE, 4), np.uint8)  # four bytes, to be fetched as one number
    for fabric in np.flatnonzero(np.bincount(labels.ravel())):
        role, variant = divmod(int(fabric) - 1, SCRAPS)
        dyed = colours[role] + rng.normal(0, 14 * variant, 3) if left is None or not role else left[int(fabric) - 1]
        tiles[fabric, ..., :3] = tile(rng, _wall(rng), 0.3) if fabric == BACKDROP else tile(rng, dyed, printed)
    y, x = np.ogrid[0 : labels.shape[0], 0 : labels.shape[1]]
    pixels = tiles.view(np.uint32)[labels, y % TILE, x % TILE].view(np.uint8)[..., :3]
    seam = np.zeros(labels.shape, bool)
    seam[1:] |= labels[1:] != labels[:-1]
    seam[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    pixels[seam] = pixels[seam] // 4 * 3
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).reduce(ZOOM))


def _fabric(role: str, variant: int) -> int:
    return 1 + ROLES.index(role) * SCRAPS + variant


def _swapped(rng: np.random.Generator, *, scrappy: bool, swap: bool) -> dict[str, str]:
    """Which role's cloth each role of a block is cut from."""
    colours = "".join(rng.permutation(list("bcde"))) if scrappy else ("cbde" if swap else "bcde")
    return dict(zip(ROLES, "a" + colours, strict=True))


def _turned(points: NDArray[np.float64], quarters: int) -> NDArray[np.float64]:
    for _ in range(quarters):
        points = np.stack([1 - points[:, 1], points[:, 0]], axis=1)
    return points


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float64]:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def _frame(fabric: int, width: float, height: float, inner: float, outer: float) -> Iterator[Polygon]:
    """Four strips around the quilt's top, from `inner` to `outer` beyond it."""
    yield fabric, _rectangle(-outer, -outer, width + outer, -inner)
    yield fabric, _rectangle(-outer, height + inner, width + outer, height + outer)
    yield fabric, _rectangle(-outer, -inner, -inner, height + inner)
    yield fabric, _rectangle(width + inner, -inner, width + outer, height + inner)


def _wall(rng: np.random.Generator) -> NDArray[np.float64]:
    """A wall, a floor or a lawn behind the quilt."""
    walls = ((236, 233, 226), (205, 210, 214), (170, 134, 98), (120, 142, 88), (92, 84, 80))
    return np.array(walls[rng.integers(len(walls))], float)
