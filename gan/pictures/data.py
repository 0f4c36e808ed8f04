"""Curated pictures, checked and packed once into one memory-mapped file; which are held out, and their levels."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from scrapbag.disk import lock, sync, write_text
from scrapbag.errors import UsageError
from scrapbag.layout import METADATA, Pack

if TYPE_CHECKING:
    from pathlib import Path

Pixels = NDArray[np.uint8]  # of pictures: (N, H, W, 3) or (H, W, 3), RGB

HELD_ENOUGH = 64  # pictures that are held out where there are four times as many; of fewer, figures are rough
TRAIN_LEAST = 16  # pictures to train on, at least
LEAST = HELD_ENOUGH + TRAIN_LEAST  # squares that a run needs
FORMATS = ("PNG", "JPEG", "WEBP")
_VERSION = 2  # 2: of few pictures at most a quarter is held out


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run. `train` is in the order of levels, so that `upto[k]` of them are of level k or less."""

    key: str  # a hash of their content
    names: tuple[str, ...]  # file names: those of `train`, then those of `held`
    train: list[Pixels]  # (H, W, 3) each
    held: list[Pixels]  # held out; where there are few, large pictures these are strips of them
    upto: tuple[int, int, int, int]
    side: int = 0  # of the squares; 0 when crops are taken
    squares: Pixels | None = None  # (N, side, side, 3): every square of the packed file ...
    chosen: NDArray[np.intp] | None = None  # ... and the indices of `train` among them


def load(curated: Path, packed: Path, crop: int = 0) -> Pictures:
    """The pictures of `curated`, packed under `packed` when their content is not there yet.

    `crop` is the side of the crops that will be taken, 0 when whole squares are trained on. The
    arrays are mapped into memory. Raises UsageError, in one sentence, for pictures that cannot be trained on.
    """
    rows = _rows(curated)
    key = _key(curated, rows)
    pack = Pack(packed / key)
    if not pack.index.exists():
        with lock(packed, "pack"):
            if not pack.index.exists():  # nobody was quicker
                _pack(curated, rows, pack)
    index = json.loads(pack.index.read_text())
    flat = np.memmap(pack.pixels, dtype=np.uint8, mode="r")
    shapes = [tuple(shape) for shape in index["shapes"]]
    if not crop:
        _squares_only(index["names"], shapes)
    pictures = _divide(key, index["names"], index["levels"], _cut(flat, shapes), crop)
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


def _rows(curated: Path) -> list[tuple[str, int]]:
    """(file name, level) of every picture, sorted by level, then name."""
    if not curated.is_dir():
        raise UsageError(f"there are no squares in {curated}; run make curate first")
    table = curated / METADATA
    if table.exists():
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                rows = [(row["file_name"], _level(row.get("level"))) for row in csv.DictReader(file)]
        except (KeyError, ValueError, csv.Error) as error:
            raise UsageError(f"{table} cannot be read ({error}); run make curate again") from None
    else:
        rows = [(p.name, 0) for p in curated.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")]
    if not rows:
        raise UsageError(f"{curated} has no pictures; lower THRESH or scrape more")
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _level(text: str | None) -> int:
    """0 where none is said. Raises ValueError."""
    if (text or "0") not in ("0", "1", "2", "3"):
        raise ValueError(f"level {text!r:.20} is none of 0 to 3")
    return int(text or "0")


def _key(curated: Path, rows: list[tuple[str, int]]) -> str:
    digest = hashlib.sha256(f"pack {_VERSION}\n".encode())
    for name, level in rows:
        try:
            with (curated / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot read {str(curated / name)!r} ({why}); run make curate again") from None
        digest.update(os.fsencode(f"{name} {level} {content}\n"))
    return digest.hexdigest()[:16]


def _pack(curated: Path, rows: list[tuple[str, int]], pack: Pack) -> None:
    """Write the pixels one after the other, and at the end the index, without which they do not count.

    Packs of older curations are deleted first: gigabytes that can be made again. A run that has one mapped keeps it.
    """
    for old in pack.root.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
    pack.root.mkdir(parents=True)
    shapes = []
    with pack.pixels.open("wb") as file:
        for name, _ in tqdm(rows, desc="pack", unit="picture", disable=None, leave=False):
            pixels = _read(curated / name)
            shapes.append(list(pixels.shape[:2]))
            file.write(pixels.tobytes())
    sync(pack.pixels)
    index = {"names": [name for name, _ in rows], "levels": [level for _, level in rows], "shapes": shapes}
    write_text(pack.index, json.dumps(index))


def _read(path: Path) -> Pixels:
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.mode != "RGB":
                kind = {"L": "is grey", "RGBA": "has transparency", "LA": "has transparency", "P": "has a palette"}
                raise UsageError(
                    f"{path} {kind.get(image.mode, f'is {image.mode}')} and cannot be trained on; "
                    "make curate writes plain RGB, so run it, or convert the picture"
                )
            image.load()
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path} is broken ({error}); run make curate again, or take it away") from None


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
            f"{count} squares are too few: {held_of(count)} would be held out to judge by, and {LEAST} are the least "
            "and 1,500 a good start: lower THRESH or scrape more"
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
            "to hold out; use a larger one, or --set crop=64"
        )
    inside = tuple(names[i] for i in kept)
    return Pictures(key=key, names=inside + inside, train=train, held=held, upto=_upto([levels[i] for i in kept]))


def _upto(levels: list[int]) -> tuple[int, int, int, int]:
    counts = [sum(level <= k for level in levels) for k in range(4)]
    return counts[0], counts[1], counts[2], counts[3]
