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
from curate.squares import fit
from scrapbag.disk import sync
from scrapbag.errors import DiskError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


@dataclass(frozen=True)
class Wanted:
    """A square to be made of one picture's file."""

    number: int
    sha256: str
    path: Path
    border_uniform: float

    @property
    def name(self) -> str:
        return f"{self.number:05d}.png"


def make(wanted: Sequence[Wanted], cache: Path, size: int, how: str) -> int:
    """Put every square that the cache lacks into it; returns how many that were."""
    decode.strict()
    cv2.setNumThreads(1)
    missing = [one for one in wanted if not place(cache, one, size, how).exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = pool.map(lambda one: _write(one, place(cache, one, size, how), size, how), missing)
        for _ in tqdm(jobs, total=len(missing), unit=" squares", disable=None, desc="squares"):
            pass
    return len(missing)


def place(cache: Path, one: Wanted, size: int, how: str) -> Path:
    """Where a square is in the cache. A folder for each size and fit, so that going back to one costs nothing.

    A square of `auto` is where that which it comes to is: were borders measured otherwise, none would be taken for it.
    """
    folder = "original" if how == "original" else f"{fit.settled(how, one.border_uniform)}-{size}"
    return cache / f"{folder}-v{fit.VERSION}" / one.sha256[:2] / f"{one.sha256}.png"


def link(wanted: Sequence[Wanted], cache: Path, folder: Path, size: int, how: str) -> None:
    """Fill `folder` with the squares under their pictures' numbers."""
    folder.mkdir(parents=True)
    for one in wanted:
        source, target = place(cache, one, size, how), folder / one.name
        try:
            target.hardlink_to(source)
        except OSError:  # a file system without hard links, or too many to one file
            shutil.copyfile(source, target)


def swap(new: Path, current: Path) -> None:
    """Put `new` in the place of `current` in one step, and throw the old one away.

    When both hold the same, `current` stays as it is, with its dates: nothing that was made of it is out of date.
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
    """Whether both have the same names, and under each the very same square or a table of the same bytes."""
    names = {path.name for path in new.iterdir()}
    if not current.is_dir() or names != {path.name for path in current.iterdir()}:
        return False
    pairs = [(new / name, current / name) for name in sorted(names)]
    tables = [pair for pair in pairs if pair[0].suffix != ".png"]
    return all(one.samefile(other) for one, other in pairs if one.suffix == ".png") and all(
        one.read_bytes() == other.read_bytes() for one, other in tables
    )


def _exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}.old")  # a file system that cannot exchange: there is none for an instant
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _write(one: Wanted, target: Path, size: int, how: str) -> None:
    pixels = fit.square(_read(one.path, size, how), size, how, one.border_uniform)
    whole, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not whole:
        raise DiskError(f"cannot write {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content.tobytes())  # no fsync: a cache, and cheap to make again
    part.replace(target)


def _read(path: Path, size: int, how: str) -> NDArray[np.uint8]:
    """Upright RGB, (H, W, 3); large JPEGs come scaled down, still at least twice the square."""
    return np.asarray(decode.load(path, at_least=None if how == "original" else 2 * size).image)
