"""The cache of squares, and curated/ made of links into it: swapped in whole, so that it is never half there."""

from __future__ import annotations

import ctypes
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from tqdm import tqdm

from curate.look import decode
from curate.rows import square_name
from curate.squares import fit
from scrapbag.disk import sweep, sync, writing
from scrapbag.errors import DiskError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


@dataclass(frozen=True)
class Wanted:
    """A square to be made of one picture's file."""

    number: int  # the picture's in the catalog
    sha256: str
    path: Path
    border_uniform: float  # 0 to 1


def make(wanted: Sequence[Wanted], cache: Path, size: int, how: str) -> int:
    """Make every square that `cache` lacks, `size` pixels wide and fitted as `how`; returns how many that were."""
    cv2.setNumThreads(1)
    cache.mkdir(parents=True, exist_ok=True)  # also where nothing is kept: Make looks whether it is there
    sweep(cache)
    missing = [one for one in wanted if not place(cache, one, size, how).exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = pool.map(lambda one: write_square(one, place(cache, one, size, how), size, how), missing)
        for _ in tqdm(jobs, total=len(missing), unit=" squares", disable=None, desc="squares"):
            pass
    return len(missing)


def place(cache: Path, one: Wanted, size: int, how: str) -> Path:
    """Where a square is in the cache. Each size and fit has a folder, so that going back to one costs nothing.

    `auto` has none: its squares are in the folders of `border` and `crop`, whichever was chosen for the picture. So if
    a later version measures borders otherwise and chooses the other one, no wrong square is found.
    """
    folder = "original" if how == "original" else f"{fit.settled(how, one.border_uniform)}-{size}"
    return cache / f"{folder}-v{fit.VERSION}/{one.sha256[:2]}/{one.sha256}.png"


def link(wanted: Sequence[Wanted], cache: Path, folder: Path, size: int, how: str) -> None:
    """Fill `folder` with hard links to the squares, named by their pictures' numbers."""
    folder.mkdir(parents=True)
    for one in wanted:
        source, target = place(cache, one, size, how), folder / square_name(one.number)
        try:
            target.hardlink_to(source)
        except OSError:  # a file system without hard links, or too many to one file
            shutil.copyfile(source, target)


def swap(new: Path, current: Path) -> None:
    """Put `new` in the place of `current` in one step, and delete the old one.

    When both have the same content, `current` stays as it is with its dates, so that Make trains nothing anew.
    """
    if _same(new, current):
        shutil.rmtree(new)
        return
    sync(new)
    if not current.exists():
        new.rename(current)
    else:
        _exchange(new, current)
        shutil.rmtree(new)
    sync(current.parent)


def _same(new: Path, current: Path) -> bool:
    """Whether both have the same names, and under each the same square (one inode) or a table of the same bytes."""
    names = {path.name for path in new.iterdir()}
    if not current.is_dir() or names != {path.name for path in current.iterdir()}:
        return False
    pairs = [(new / name, current / name) for name in sorted(names)]
    tables = [pair for pair in pairs if pair[0].suffix != ".png"]
    return all(one.samefile(other) for one, other in pairs if one.suffix == ".png") and all(
        one.read_bytes() == other.read_bytes() for one, other in tables
    )


def _exchange(one: Path, other: Path) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # Linux alone has it, and not every libc
    if rename is not None and rename(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}.old")  # without it, or on such a file system, there is none for an instant
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def write_square(one: Wanted, target: Path, size: int, how: str) -> None:
    """Make one square and write it, whole or not at all."""
    pixels = fit.square(_read(one.path, size, how), size, how, one.border_uniform)
    whole, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not whole:
        raise DiskError(f"cannot write {target}")
    with writing(target, durable=False) as part:  # a lost square is made again
        part.write_bytes(content.tobytes())


def _read(path: Path, size: int, how: str) -> NDArray[np.uint8]:
    """Upright RGB, (H, W, 3); large JPEGs come scaled down, still at least twice the square."""
    if decode.waits(path):
        raise MissingExtraError("a HEIC picture", "pillow-heif", "heic")
    return np.asarray(decode.load(path, at_least=None if how == "original" else 2 * size).image)
