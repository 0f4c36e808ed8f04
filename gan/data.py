"""Curated pictures, checked and packed once into one memory-mapped file of bytes; what is held out, and the levels."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from scrapbag.errors import UsageError
from scrapbag.layout import write_text

if TYPE_CHECKING:
    from pathlib import Path

Pixels = NDArray[np.uint8]

HELD_LEAST = 64
TRAIN_LEAST = 16
FORMATS = ("PNG", "JPEG", "WEBP")
_VERSION = 1


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run. `train` is in the order of levels, so that `upto[k]` of them are of level k or less."""

    key: str  # of their content
    names: tuple[str, ...]  # file names: those of `train`, then those of `held`
    train: list[Pixels]  # (H, W, 3) each
    held: list[Pixels]  # never trained on; of few large pictures these are regions of them
    upto: tuple[int, int, int, int]
    side: int = 0  # of the squares; 0 when crops are taken
    squares: Pixels | None = None  # (N, side, side, 3), every square of the file ...
    chosen: NDArray[np.intp] | None = None  # ... and which of them `train` is


def load(curated: Path, packed: Path, crop: int = 0) -> Pictures:
    """The pictures of `curated`, packed under `packed` when their content is not there yet.

    `crop` is the side of the crops that will be taken, 0 when whole squares are trained on.
    Raises UsageError, in one sentence, for pictures that cannot be trained on.
    """
    rows = _rows(curated)
    key = _key(curated, rows)
    folder = packed / key
    if not (folder / "index.json").exists():
        _pack(curated, rows, folder)
    index = json.loads((folder / "index.json").read_text())
    flat = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r")
    shapes = [tuple(shape) for shape in index["shapes"]]
    if not crop:
        _squares_only(index["names"], shapes)
    return _divide(key, index["names"], index["levels"], _cut(flat, shapes), crop)


def _rows(curated: Path) -> list[tuple[str, int]]:
    """(file name, level) of every picture, sorted by level, then name."""
    if not curated.is_dir():
        raise UsageError(f"there are no squares in {curated}; run make curate first")
    table = curated / "metadata.csv"
    if table.exists():
        with table.open(newline="", encoding="utf-8") as file:
            rows = [(row["file_name"], int(row.get("level") or 0)) for row in csv.DictReader(file)]
    else:
        rows = [(p.name, 0) for p in curated.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")]
    if not rows:
        raise UsageError(f"{curated} has no pictures; lower THRESH or scrape more")
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _key(curated: Path, rows: list[tuple[str, int]]) -> str:
    digest = hashlib.sha256(f"pack {_VERSION}\n".encode())
    for name, level in rows:
        try:
            with (curated / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UsageError(f"cannot read {curated / name} ({error.strerror}); run make curate again") from None
        digest.update(f"{name} {level} {content}\n".encode())
    return digest.hexdigest()[:16]


def _pack(curated: Path, rows: list[tuple[str, int]], folder: Path) -> None:
    """Write the pixels one after the other, and last an index that says they are whole."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shapes = []
    with (folder / "pixels.u8").open("wb") as file:
        for name, _ in tqdm(rows, desc="pack", unit="picture", disable=None, leave=False):
            pixels = _read(curated / name)
            shapes.append(list(pixels.shape[:2]))
            file.write(pixels.tobytes())
    index = {"names": [name for name, _ in rows], "levels": [level for _, level in rows], "shapes": shapes}
    write_text(folder / "index.json", json.dumps(index))


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
    except (OSError, SyntaxError) as error:
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
    """Hold out every tenth, at least 64, drawn by name; of a few large pictures a strip each."""
    count = len(pictures)
    held_count = max(HELD_LEAST, -(-count // 10))
    if crop and count < held_count + TRAIN_LEAST:
        return _strips(key, names, levels, pictures, crop)
    if count < held_count + TRAIN_LEAST:
        raise UsageError(
            f"there are {count} squares and {held_count} of them are held out to judge by; "
            f"{HELD_LEAST + TRAIN_LEAST} are the least and 1,500 a good start: lower THRESH or scrape more"
        )
    order = sorted(range(count), key=lambda i: hashlib.sha256(names[i].encode()).digest())
    held, train = sorted(order[:held_count]), sorted(order[held_count:])
    if crop:
        train = [i for i in train if min(pictures[i].shape[:2]) >= crop]
        if not train:
            raise UsageError(f"no picture is {crop} pixels high and wide; write --set crop=64, or use larger pictures")
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


def _squares(pictures: list[Pixels]) -> Pixels:
    """Squares of one side lie at equal distances in the file: one array sees them all, and none is read yet."""
    first = pictures[0]
    shape, strides = (len(pictures), *first.shape), (first.nbytes, *first.strides)
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)


def _strips(key: str, names: list[str], levels: list[int], pictures: list[Pixels], crop: int) -> Pictures:
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
