"""Small patchwork quilts in a hurry, the same everywhere from a seed: the pictures that benchmarks.quality trains on.

quilts.py draws a shop's photographs of some 300 pixels in four times as long. The figures of docs/gan-records.md rest
on these pixels, to the bit (a test holds them), so both stay.
"""

from __future__ import annotations

import colorsys
import hashlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable

Labels = NDArray[np.uint8]  # of the fabrics: 0 the ground, 1 to 4 the colours
ZOOM = 4  # drawn so many times larger, then made small
TRAIN, HELD = 1000, 900_000  # where the seeds of either set begin
HUES = ((0, 0.03, -0.04, 0.08), (0, 0.5, 0.45, 0.55), (0, 0.33, 0.66, 0.1), (0, 0.08, 0.5, 0.58))
GROUNDS = ((245, 240, 228), (250, 248, 245), (235, 225, 205), (40, 42, 60), (225, 230, 235))


def pictures(count: int, side: int, *, held: bool = False) -> NDArray[np.uint8]:
    """(count, side, side, 3); `held` draws from other seeds than training does. 32 are means of 2x2 of the 64s."""
    first = HELD if held else TRAIN
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        drawn = np.stack(list(pool.map(partial(quilt, side=64), range(first, first + count), chunksize=64)))
    if side == 64:
        return drawn
    halves = drawn.reshape(count, 32, 2, 32, 2, 3).mean((2, 4))
    return np.asarray(halves.round().astype(np.uint8))


def sha256(drawn: NDArray[np.uint8]) -> str:
    """16 digits over the pixels, so that two machines know whether they speak of the same pictures."""
    return hashlib.sha256(drawn.tobytes()).hexdigest()[:16]


def quilt(seed: int, side: int) -> NDArray[np.uint8]:
    """One quilt: two to four blocks a side, of one kind or of two in turn, with or without sashes and a border."""
    rng = np.random.default_rng(seed)
    full = side * ZOOM
    ground, colours = _palette(rng)
    blocks = int(rng.choice([2, 3, 4]))
    border = int(rng.choice([0, 0.06, 0.09]) * full)
    sash = rng.choice([0, 0.03])
    inner = full - 2 * border
    cell = inner // blocks
    sash = int(sash * inner)
    kind = KINDS[rng.integers(len(KINDS))]
    other = KINDS[rng.integers(len(KINDS))] if rng.random() < 0.35 else kind
    fabrics = [_fabric(rng, full, colour) for colour in (ground, *colours)]
    roles = np.array([0, *(1 + rng.permutation(4))], np.uint8)
    turning = int(rng.integers(3))

    labels = np.full((full, full), 3 if border else 0, np.uint8)
    labels[border : full - border, border : full - border] = 4 if sash else 0
    start = border + (inner - cell * blocks) // 2 + sash // 2
    for i in range(blocks):
        for j in range(blocks):
            shape = kind if (i + j) % 2 == 0 else other
            patch = roles[shape(cell - sash)]
            turns = (0, (i + j) % 2, ((0, 3), (1, 2))[i % 2][j % 2])[turning]
            y, x = start + i * cell, start + j * cell
            labels[y : y + cell - sash, x : x + cell - sash] = np.rot90(patch, turns)
    cloth = np.zeros((3, full, full), np.float32)
    for role, fabric in enumerate(fabrics):
        np.copyto(cloth, fabric, where=labels == role)
    return _photograph(rng, cloth, side, colours[2] if border else ground)


def _palette(rng: np.random.Generator) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """A ground, mostly light, and four colours whose hues lie beside or against each other."""
    hue = rng.random()
    colours = []
    for offset in HUES[rng.integers(4)]:
        strength, light = rng.uniform(0.35, 0.85), rng.uniform(0.35, 0.9)
        colours.append(tuple(int(255 * c) for c in colorsys.hsv_to_rgb((hue + offset) % 1, strength, light)))
    return GROUNDS[rng.choice(5, p=[0.35, 0.25, 0.2, 0.1, 0.1])], colours


def _fabric(rng: np.random.Generator, side: int, colour: tuple[int, ...]) -> NDArray[np.float32]:
    """(3, side, side): rough, striped, dotted or plain."""
    base, along = np.array(colour, np.float32)[:, None, None], np.arange(side)
    weave = rng.integers(4)
    if weave == 0:
        return (base + rng.normal(0, 5, (side, side))).astype(np.float32).clip(0, 255)
    where = np.zeros((side, side), bool)
    other = base
    if weave == 1:
        step = rng.integers(6, 12)
        where, base, other = (along + along[:, None]) // (step // 2) % 2 == 1, base - 10, base + 10
    elif weave == 2:
        step = rng.integers(8, 14)
        apart = (along % step - step / 2) ** 2
        where, other = apart + apart[:, None] < (step * 0.22) ** 2, base * 0.5 + 127
    cloth: NDArray[np.float32] = np.where(where, other.clip(0, 255), base.clip(0, 255))
    return cloth


def _photograph(
    rng: np.random.Generator, cloth: NDArray[np.float32], side: int, around: tuple[int, ...]
) -> NDArray[np.uint8]:
    """(3, full, full) -> (side, side, 3): light from somewhere, now and then a little askew."""
    full = cloth.shape[1]
    cloth *= rng.uniform(0.92, 1.04)
    along = np.arange(full) / full - 0.5
    across = 1 + rng.uniform(-0.08, 0.08) * along
    cloth *= across + rng.uniform(-0.08, 0.08) * along[:, None]
    image = Image.fromarray(np.ascontiguousarray(cloth.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)))
    if rng.random() < 0.3:
        image = image.rotate(rng.uniform(-2, 2), Image.Resampling.BILINEAR, fillcolor=around)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


class _Patch:
    """A block being laid out; corners in shares of its side."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._image = Image.fromarray(np.zeros((side, side), np.uint8))
        self._pen = ImageDraw.Draw(self._image)

    def square(self, left: float, top: float, right: float, bottom: float, role: int) -> None:
        n = self._side
        box = (round(left * n), round(top * n), round(right * n) - 1, round(bottom * n) - 1)
        self._pen.rectangle(box, fill=role)

    def triangle(self, *corners: tuple[float, float], role: int) -> None:
        self._pen.polygon([(round(x * self._side), round(y * self._side)) for x, y in corners], fill=role)

    @property
    def labels(self) -> Labels:
        return np.array(self._image)


def nine_patch(side: int) -> Labels:
    patch = _Patch(side)
    for i in range(3):
        for j in range(3):
            patch.square(i / 3, j / 3, (i + 1) / 3, (j + 1) / 3, 1 if (i + j) % 2 == 0 else 0)
    patch.square(1 / 3, 1 / 3, 2 / 3, 2 / 3, 2)
    return patch.labels


def log_cabin(side: int) -> Labels:
    patch = _Patch(side)
    low, high, log = 0.0, 1.0, 1 / 7
    for ring in range(3):
        dark, light = 1 + ring % 2, 0 if ring % 2 == 0 else 3
        patch.square(low, low, high, low + log, dark)
        patch.square(low, low, low + log, high, dark)
        patch.square(low, high - log, high, high, light)
        patch.square(high - log, low, high, high, light)
        low, high = low + log, high - log
    patch.square(low, low, high, high, 4)
    return patch.labels


def flying_geese(side: int) -> Labels:
    patch = _Patch(side)
    for row in range(4):
        for x in (0, 0.5):
            y = row / 4
            role = 1 + row % 2 if x == 0 else 2 - row % 2
            patch.triangle((x, y + 0.25), (x + 0.25, y), (x + 0.5, y + 0.25), role=role)
    return patch.labels


def pinwheel(side: int) -> Labels:
    patch = _Patch(side)
    for turn, (x, y) in enumerate(((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5))):
        a, b, c, d = (x, y), (x + 0.5, y), (x + 0.5, y + 0.5), (x, y + 0.5)
        patch.triangle(*((a, b, d), (a, b, c), (b, c, d), (a, c, d))[turn], role=1 + turn % 2)
    return patch.labels


def star(side: int) -> Labels:
    patch = _Patch(side)
    patch.square(0.25, 0.25, 0.75, 0.75, 1)
    for near, far in ((0.25, 0), (0.75, 1)):
        for across in (0.25, 0.75):
            patch.triangle((across, near), (across, far), (0.5, near), role=2)
            patch.triangle((near, across), (far, across), (near, 0.5), role=2)
    patch.square(0.375, 0.375, 0.625, 0.625, 3)
    return patch.labels


def half_square(side: int) -> Labels:
    patch = _Patch(side)
    patch.triangle((0, 0), (1, 0), (0, 1), role=1)
    return patch.labels


KINDS: tuple[Callable[[int], Labels], ...] = (nine_patch, log_cabin, flying_geese, pinwheel, star, half_square)
