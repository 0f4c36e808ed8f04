"""Quilts as people photograph them, drawn small: on a wall, a floor or a lawn, askew, from near, in any light.

For a start to go on with before it meets real ones. To random features of real quilts at 64x64 they are far nearer than
those of small_quilts.py, which fill the picture and lie flat (docs/gan-transfer.md); nothing in them is taken from one.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from demo.drawing.blocks import BLOCKS
from demo.drawing.fabric import TILE, tile
from demo.drawing.palettes import PALETTES
from demo.drawing.quilts import LAYOUTS, Setting, flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL = 256  # pixels a side of the photograph, which is then made small
HELD = 900_000  # where the seeds of held-out pictures begin
SCRAPPY = (0.4, 0.45, 0.15)  # how often all blocks are of the same cloths, each of others, each patch of another
GRAIN = 12.0  # grey levels, the standard deviation at most
VIEWS = ("filling", "whole", "near")  # the quilt is the picture; is seen with what lies around it; only in part
GROUNDS = (
    (236, 233, 226), (205, 210, 214), (225, 215, 200), (150, 150, 155),  # walls
    (170, 134, 98), (92, 84, 80), (60, 55, 52), (120, 142, 88),  # boards, floors, a lawn
)  # fmt: skip


def pictures(count: int, side: int, *, held: bool = False) -> NDArray[np.uint8]:
    """(count, side, side, 3), the same ones every time; `held` draws from other seeds than training does."""
    first = HELD if held else 0
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return np.stack(list(pool.map(partial(quilt, side=side), range(first, first + count), chunksize=32)))


def quilt(seed: int, side: int) -> NDArray[np.uint8]:
    """One photograph, (side, side, 3)."""
    rng = np.random.default_rng([7, seed])
    names = list(BLOCKS)
    block = BLOCKS[names[rng.integers(len(names))]]
    other = BLOCKS[names[rng.integers(len(names))]] if rng.random() < 0.35 else block
    palette = list(PALETTES.values())[rng.integers(len(PALETTES))]
    whole = flat(rng, _setting(rng, max(block.cells, other.cells)), block, other, palette, 2 * FULL, printed=2.0)
    image = _lit(rng, placed(rng, whole))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    small = np.asarray(image.resize((side, side), Image.Resampling.LANCZOS), np.float32)
    grain = rng.normal(0, rng.uniform(0, GRAIN), small.shape)  # of what is too fine to be drawn: quilting, small prints
    return np.clip(small + grain, 0, 255).astype(np.uint8)


def placed(rng: np.random.Generator, whole: Image.Image) -> Image.Image:
    """The quilt before whatever is behind it, FULL pixels a side, as a camera sees it that is held by hand."""
    view = VIEWS[rng.choice(len(VIEWS), p=[0.5, 0.4, 0.1])]
    low, high = {"filling": (0.98, 1.08), "whole": (0.65, 0.98), "near": (1.1, 1.6)}[view]
    longest, shortest = max(whole.size), min(whole.size)
    scale = FULL * rng.uniform(low, high) / (longest if view == "whole" else shortest)
    size = np.array(whole.size) * scale
    if view == "filling":
        angle, skew, free = rng.normal(0, 0.03), 0.01, 0.2
    else:
        angle, skew, free = (rng.normal(0, 0.06) if rng.random() < 0.9 else rng.uniform(-0.8, 0.8)), 0.03, 0.8
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = FULL / 2 + rng.uniform(-1, 1, 2) * free * abs(FULL - size) / 2
    ends = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    corners = (ends * size) @ spin + rng.normal(0, skew * size.min() / 2, (4, 2)) + centre
    there = _perspective(corners, (ends + 0.5) * whole.size)
    shown = whole.convert("RGBA").transform((FULL, FULL), Image.Transform.PERSPECTIVE, there, Image.Resampling.BICUBIC)
    around = _around(rng)
    around.paste(shown, mask=shown.getchannel("A"))
    return around


def _setting(rng: np.random.Generator, cells: int) -> Setting:
    """From one block with its borders, a medallion, to sixteen, whose patches are plain at 64 pixels; or up to 56."""
    if rng.random() < 0.3:
        columns = int(rng.integers(3, 8))
    else:
        few = np.arange(1, max(2, min(4, 12 // cells)) + 1)
        likely = np.array([0.1, 0.35, 0.35, 0.2])[: few.size]
        columns = int(rng.choice(few, p=likely / likely.sum()))
    layout = LAYOUTS[rng.choice(len(LAYOUTS), p=[0.55, 0.1, 0.2, 0.15])] if columns > 1 else "straight"
    rows = columns + int(rng.choice([-1, 0, 0, 1])) if columns > 2 else columns
    sash = float(rng.uniform(0.08, 0.2)) if layout == "sashed" else 0.0
    borders = tuple(rng.uniform(0.06, 0.2, rng.choice([0, 1, 2, 3], p=[0.25, 0.4, 0.25, 0.1])) * columns / 2)
    scraps = str(rng.choice(["", "block", "patch"], p=SCRAPPY))
    return Setting(layout, rows, columns, sash, borders, scraps)


def _perspective(corners: NDArray[np.float64], source: NDArray[np.float64]) -> list[float]:
    """PIL's eight coefficients, which lead from each of four `corners` (4, 2) to that of the `source`."""
    rows = []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return [float(one) for one in np.linalg.solve(np.array(rows), source.reshape(-1))]


def _around(rng: np.random.Generator) -> Image.Image:
    """One cloth or colour, or a wall above a floor."""
    wall = _ground(rng)
    if rng.random() < 0.3:
        edge = int(FULL * rng.uniform(0.6, 0.95))
        wall[edge:] = _ground(rng)[edge:]
    return Image.fromarray(wall)


def _ground(rng: np.random.Generator) -> NDArray[np.uint8]:
    colour = np.clip(np.array(GROUNDS[rng.integers(len(GROUNDS))], float) + rng.normal(0, 14, 3), 0, 255)
    return np.tile(tile(rng, colour, float(rng.choice([0, 0.3, 1]))), (FULL // TILE, FULL // TILE, 1))


def _lit(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """In some light: pale or strong colours, a cast, dark or bright, from one side, with folds and grain."""
    pixels = np.asarray(image).astype(np.float32)
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * np.float32(rng.uniform(0.5, 1.2))
    pixels = 128 + (pixels - 128) * np.float32(rng.uniform(0.75, 1.15))
    pixels *= (1 + rng.normal(0, 0.05, 3)).astype(np.float32) * np.float32(rng.uniform(0.66, 1.0))
    y, x = np.mgrid[0:FULL, 0:FULL].astype(np.float32) / FULL - np.float32(0.5)
    folds = sum(
        np.sin(x * np.float32(rng.uniform(2, 25)) + y * np.float32(rng.uniform(-25, 25)) + np.float32(phase))
        for phase in rng.uniform(0, 6, 3)
    )
    across, down = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    light = 1 + across * x + down * y + np.float32(rng.choice([0, 0.02, 0.05])) * folds
    grain = rng.normal(0, 3, (FULL, FULL, 1)).astype(np.float32)
    return Image.fromarray(np.clip(pixels * light[..., None] + grain, 0, 255).astype(np.uint8))
