"""The squares that are nearest to a sample, pixel by pixel: shrunk to 32 pixels a side, mirror images included.

Pixels see copies and near copies, and colours first; `make evaluate` compares by features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import INDEX, Pack
from show.gallery import pictures
from show.known import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scrapbag.layout import Data

SIDE = 32  # pixels that are compared
SHOWN = 6
MOST = 20_000  # squares that are compared with, evenly spaced over all
_AT_ONCE = 2_048

Small = NDArray[np.uint8]  # (N, 32, 32, 3)


@dataclass(frozen=True)
class Near:
    """A square, and how far it is: the root of the mean squared difference of their pixels, in grey levels of 255."""

    square: str
    distance: float


@dataclass(frozen=True, eq=False)
class Compared:
    """The squares that a sample is compared with, made small; `total` is how many there are."""

    names: tuple[str, ...]
    pixels: Small
    total: int


def reals(data: Data, names: tuple[str, ...]) -> Compared:
    """The squares of these names, of the pack where there is one of them. Raises one of files.UNUSABLE."""
    if not names:
        raise MissingError(f"{data.curated} has no squares to compare with")
    return _reals(data, names, (data.curated.stat().st_ino, data.curated.stat().st_mtime_ns))


@lru_cache(2)
def _reals(data: Data, names: tuple[str, ...], _: tuple[int, int]) -> Compared:
    chosen = names[:: math.ceil(len(names) / MOST)]
    found = _packed(data, chosen)
    if found is None:
        loaded = [_shrunk(pictures.opened(data.curated / name, SIDE)) for name in chosen]
        found = np.stack(loaded)
    return Compared(chosen, found, len(names))


def find(image: Image.Image, among: Compared) -> list[Near]:
    """The nearest six, nearest first."""
    return _find(_shrunk(image).tobytes(), among)


@lru_cache(128)
def _find(pixels: bytes, among: Compared) -> list[Near]:
    one = np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE, 3).astype(np.float32)
    asked = np.stack([one, one[:, ::-1]]).reshape(2, -1)
    apart = np.concatenate([_apart(asked, part) for part in _parts(among.pixels)])
    order = np.argsort(apart, kind="stable")[:SHOWN]
    return [Near(among.names[i], float(np.sqrt(apart[i]))) for i in order]


def _parts(pixels: Small) -> list[Small]:
    return [pixels[at : at + _AT_ONCE] for at in range(0, len(pixels), _AT_ONCE)]


def _apart(asked: NDArray[np.float32], part: Small) -> NDArray[np.float32]:
    """(N,) mean squared differences to the nearer of the two rows that are asked about."""
    flat = part.reshape(len(part), -1).astype(np.float32)
    squared = (flat**2).sum(1)[:, None] - 2 * flat @ asked.T + (asked**2).sum(1)
    found: NDArray[np.float32] = squared.min(1).clip(0) / flat.shape[1]
    return found


def _packed(data: Data, names: Sequence[str]) -> Small | None:
    """The squares from a pack that has them all, at one size; None where there is none."""
    try:
        folders = [path for path in data.packed.iterdir() if (path / INDEX).is_file()]
        for folder in folders:
            index = files.json_table(Pack(folder).index)
            place = {name: i for i, name in enumerate(index["names"])}
            shapes = {tuple(shape) for shape in index["shapes"]}
            if len(shapes) == 1 and place.keys() >= set(names):
                return _read(Pack(folder).pixels, shapes.pop(), [place[name] for name in names], len(place))
    except files.UNUSABLE:
        pass  # curated/ itself is there still
    return None


def _read(path: Path, shape: tuple[int, ...], places: list[int], count: int) -> Small:
    height, width = shape[:2]
    files.stamp(path)
    pixels = np.memmap(path, np.uint8, "r")
    if pixels.size != count * height * width * 3:
        raise UsageError(f"{path} is not whole")
    every = pixels.reshape(count, height, width, 3)
    return np.stack([_shrunk(Image.fromarray(every[i])) for i in places])


def _shrunk(image: Image.Image) -> Small:
    if image.size == (SIDE, SIDE):
        return np.asarray(image)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))
