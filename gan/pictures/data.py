"""Curated pictures, checked and packed once into one memory-mapped file; which are held out, and their levels."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gan.pictures import packing
from scrapbag.errors import UsageError
from scrapbag.layout import METADATA

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from gan.pictures.packing import Pixels

HELD_ENOUGH = 64  # pictures that are held out where there are four times as many; of fewer, figures are rough
TRAIN_LEAST = 16  # pictures to train on, at least
LEAST = HELD_ENOUGH + TRAIN_LEAST  # squares that a run needs


class Deals(Protocol):
    """Where a step's pictures come from, when they are not on this computer."""

    def reals(self, seed: int, step: int, count: int, pool: int) -> Pixels:
        """What batches.reals gives: (count, side, side, 3) of the first `pool` training pictures."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run. `train` and `held` are in the order of levels: `upto[k]` are of level k or less."""

    key: str  # a hash of their content
    names: tuple[str, ...]  # file names: those of `train`, then those of `held`
    train: list[Pixels]  # (H, W, 3) each
    held: list[Pixels]  # held out; where there are few, large pictures these are strips of them
    upto: tuple[int, int, int, int]  # of `train`
    held_upto: tuple[int, int, int, int] | None = None  # of `held`; None where nobody knows
    side: int = 0  # of the squares; 0 when crops are taken
    squares: Pixels | None = None  # (N, side, side, 3): every square of the packed file ...
    chosen: NDArray[np.intp] | None = None  # ... and the indices of `train` among them
    dealer: Deals | None = None  # on another computer; then `train` and `held` are what was kept of them to measure by

    @property
    def counts(self) -> tuple[int, int]:
        """How many pictures there are to learn from, and how many are held out."""
        return self.upto[-1], len(self.held) if self.held_upto is None else self.held_upto[-1]


def load(curated: Path, packed: Path, crop: int = 0) -> Pictures:
    """The pictures of `curated`, packed under `packed` when their content is not there yet.

    `crop` is the side of the crops that will be taken, 0 when whole squares are trained on. The
    arrays are mapped into memory. Raises UsageError, in one sentence, for pictures that cannot be trained on.
    """
    pack = packing.packed(curated, packed)
    index = json.loads(pack.index.read_text())
    flat = np.memmap(pack.pixels, dtype=np.uint8, mode="r")
    shapes = [tuple(shape) for shape in index["shapes"]]
    if not crop:
        _squares_only(index["names"], shapes)
    pictures = _divide(pack.root.name, index["names"], index["levels"], _cut(flat, shapes), crop)
    if _all_the_same(pictures.train, crop):
        raise UsageError(f"all that {curated} has to learn from is one picture, or one colour; choose others")
    return pictures


def held_of(count: int) -> int:
    """How many of so many pictures are held out: a tenth; 64 where that is less; never more than a quarter."""
    return max(-(-count // 10), min(HELD_ENOUGH, count // 4))


def chosen_by(curated: Path) -> str:
    """The name of the model that chose the pictures, by their metadata.csv; "" where none did, or none is named."""
    try:
        with (curated / METADATA).open(newline="", encoding="utf-8-sig") as file:
            name = next((row.get("model") or "" for row in csv.DictReader(file)), "")
    except (OSError, ValueError, csv.Error):
        return ""
    return "" if name == "none" else name


def _squares_only(names: list[str], shapes: list[Any]) -> None:
    side = max(set(shapes), key=shapes.count)[0]
    for name, (height, width) in zip(names, shapes, strict=True):
        if height != width or height != side:
            raise UsageError(
                f"{name} is {width}x{height} and not a square of {side} as others; "
                "run make curate with FIT=auto, or train a texture (PRESET=texture)"
            )


def _cut(flat: Pixels, shapes: list[Any]) -> list[Pixels]:
    ends = np.cumsum([height * width * 3 for height, width in shapes])
    return [
        flat[end - height * width * 3 : end].reshape(height, width, 3)
        for end, (height, width) in zip(ends, shapes, strict=True)
    ]


def _divide(key: str, names: list[str], levels: list[int], pictures: list[Pixels], crop: int) -> Pictures:
    """Hold out `held_of` them, chosen by a hash of the name; where there are too few to crop, a strip of each."""
    fit = [i for i, picture in enumerate(pictures) if min(picture.shape[:2]) >= crop]
    count = len(fit)
    if crop and count < LEAST:
        return _strips(key, names, levels, pictures, crop)
    if count < LEAST:
        raise UsageError(
            f"{count} squares are too few: a run needs {LEAST} or more, and 1,500 are a good start; keep more of what "
            "came (make report says what was dropped and why) or scrape more"
        )
    held_count = held_of(count)
    order = sorted(fit, key=lambda i: hashlib.sha256(os.fsencode(names[i])).digest())
    held, train = sorted(order[:held_count]), sorted(order[held_count:])
    return Pictures(
        key=key,
        names=tuple(names[i] for i in train + held),
        train=[pictures[i] for i in train],
        held=[pictures[i] for i in held],
        upto=_upto([levels[i] for i in train]),
        held_upto=_upto([levels[i] for i in held]),
        side=0 if crop else pictures[0].shape[0],
        squares=None if crop else _squares(pictures),
        chosen=np.asarray(train),
    )


def _all_the_same(pictures: list[Pixels], crop: int) -> bool:
    """Whether all pictures are equal; to be cropped, one picture is enough unless it has one colour only."""
    first = pictures[0]
    alike = all(np.array_equal(first, other) for other in pictures[1:])
    return alike and (not crop or bool((first == first[0, 0]).all()))


def _squares(pictures: list[Pixels]) -> Pixels:
    """One (N, side, side, 3) view of all squares, as they are contiguous in the file; nothing is read yet."""
    first = pictures[0]
    shape, strides = (len(pictures), *first.shape), (first.nbytes, *first.strides)
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)


def _strips(key: str, names: list[str], levels: list[int], pictures: list[Pixels], crop: int) -> Pictures:
    """Hold out the right tenth of each picture, at least a crop wide."""
    train, held, kept = [], [], []
    for i, picture in enumerate(pictures):
        height, width, _ = picture.shape
        strip = max(crop, -(-width // 10))
        if height < crop or width < strip + crop:
            continue
        train.append(picture[:, : width - strip])
        held.append(picture[:, width - strip :])
        kept.append(i)
    if not kept:
        raise UsageError(
            f"a picture must be at least {2 * crop} wide and {crop} high, for crops to train on and "
            "to hold out; use a larger one, or SET=crop=64"
        )
    inside = tuple(names[i] for i in kept)
    upto = _upto([levels[i] for i in kept])
    return Pictures(key=key, names=inside + inside, train=train, held=held, upto=upto, held_upto=upto)


def _upto(levels: list[int]) -> tuple[int, int, int, int]:
    counts = [sum(level <= k for level in levels) for k in range(4)]
    return counts[0], counts[1], counts[2], counts[3]
