"""The cache of squares, and curated/ made of links into it: swapped in whole, so that it is never half there."""

from __future__ import annotations

import ctypes
import filecmp
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from tqdm import tqdm

from curate.look import decode
from curate.rows import square_name
from curate.squares import fit
from scrapbag import recipe
from scrapbag.disk import sweep, sync, writing
from scrapbag.errors import DiskError, MissingExtraError
from scrapbag.workers.files import reach
from scrapbag.workers.local import Local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scrapbag.workers.engines import Engine

_TASK = 64  # squares that are sent to another process at once, at most
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


@dataclass(frozen=True, slots=True)
class Wanted:
    """A square to be made of one picture's file."""

    number: int  # the picture's in the catalog
    sha256: str
    path: Path | str  # as text where there are many
    border_uniform: float  # 0 to 1


@dataclass(frozen=True)
class Squaring:
    """How a worker makes squares: `size` pixels wide, fitted as `fit` says, of pictures of at most `max_pixels`."""

    size: int
    fit: str
    max_pixels: int

    def __call__(self) -> Squaring:
        """Set up this process."""
        cv2.setNumThreads(1)
        decode.strict(self.max_pixels)
        return self


def make(
    wanted: Iterable[Wanted],
    cache: Path,
    size: int,
    how: str,
    *,
    max_pixels: int = recipe.Scrape.max_pixels,
    engine: Engine | None = None,
) -> int:
    """Make every square that `cache` lacks, `size` pixels wide and fitted as `how`; returns how many that were.

    `engine` does the work, by default the threads of this computer; this process alone writes.
    """
    cache.mkdir(parents=True, exist_ok=True)  # also where nothing is kept: Make looks whether it is there
    inside = str(cache)
    missing = [one for one in wanted if not os.path.exists(_place(inside, one, size, how))]  # noqa: PTH110  texts
    if missing:
        sweep(cache)
    together = _TASK if how != "original" else 1  # whose squares may have megabytes
    bar = tqdm(total=len(missing), unit=" squares", disable=None, desc="squares")
    with bar, closing((engine or Local()).run(Squaring(size, how, max_pixels), square_png, missing, together)) as made:
        for one, content in zip(missing, made, strict=True):
            with writing(place(cache, one, size, how), durable=False) as part:  # a lost square is made again
                part.write_bytes(content)
            bar.update()
    return len(missing)


def place(cache: Path, one: Wanted, size: int, how: str) -> Path:
    """Where a square is in the cache. Each size and fit has a folder, so that going back to one costs nothing.

    `auto` has none: its squares are in the folders of `border` and `crop`, whichever was chosen for the picture. So if
    a later version measures borders otherwise and chooses the other one, no wrong square is found.
    """
    return Path(_place(str(cache), one, size, how))


def _place(cache: str, one: Wanted, size: int, how: str) -> str:
    """The same as text: of hundreds of thousands, paths take longer to build than files to link."""
    folder = "original" if how == "original" else f"{fit.settled(how, one.border_uniform)}-{size}"
    return f"{cache}/{folder}-v{fit.VERSION}/{one.sha256[:2]}/{one.sha256}.png"


def link(wanted: Iterable[Wanted], cache: Path, folder: Path, size: int, how: str) -> list[Wanted]:
    """Fill `folder` with hard links to the squares, named by their pictures' numbers; returns those not in `cache`."""
    folder.mkdir(parents=True, exist_ok=True)
    inside, into, lacking = str(cache), str(folder), []
    for one in wanted:
        source, target = _place(inside, one, size, how), f"{into}/{square_name(one.number)}"
        try:
            os.link(source, target)
        except FileNotFoundError:
            lacking.append(one)
        except OSError:  # a file system without hard links, or too many to one file
            shutil.copyfile(source, target)
    return lacking


def swap(new: Path, current: Path) -> None:
    """Put `new` in the place of `current` in one step, and delete the old one.

    When both have the same content, `current` stays as it is with its dates, so that Make trains nothing anew.
    """
    if _same(new, current):
        _remove(new)
        return
    sync(new)
    if not current.exists():
        new.rename(current)
    else:
        _exchange(new, current)
        _remove(new)
    sync(current.parent)


def _remove(folder: Path) -> None:
    """Remove it, its files one by one: rmtree would hold hundreds of thousands of names at once."""
    with os.scandir(folder) as names:
        for one in names:
            if not one.is_dir(follow_symlinks=False):
                os.unlink(one.path)  # noqa: PTH108
    shutil.rmtree(folder)


def _same(new: Path, current: Path) -> bool:
    """Whether both have the same names, and under each the same square (one inode) or a table of the same bytes."""
    if not current.is_dir() or _count(new) != _count(current):
        return False
    with os.scandir(new) as names:
        return all(_alike(one.path, f"{current}/{one.name}") for one in names)


def _count(folder: Path) -> int:
    with os.scandir(folder) as names:
        return sum(1 for _ in names)


def _alike(one: str, other: str) -> bool:
    if not os.path.exists(other):  # noqa: PTH110
        return False
    if one.endswith(".png"):
        return os.path.samefile(one, other)  # noqa: PTH121
    return filecmp.cmp(one, other, shallow=False)


def _exchange(one: Path, other: Path) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # Linux alone has it, and not every libc
    if rename is not None and rename(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}.old")  # without it, or on such a file system, there is none for an instant
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def square_png(squaring: Squaring, one: Wanted) -> bytes:
    """One square as a PNG."""
    with reach(Path(one.path), one.sha256) as path:
        pixels = _read(path, squaring.size, squaring.fit)
    square = fit.square(pixels, squaring.size, squaring.fit, one.border_uniform)
    whole, content = cv2.imencode(".png", cv2.cvtColor(square, cv2.COLOR_RGB2BGR))
    if not whole:
        raise DiskError(f"no square can be made of {one.path}")
    return content.tobytes()


def _read(path: Path, size: int, how: str) -> NDArray[np.uint8]:
    """Upright RGB, (H, W, 3); large JPEGs come scaled down, still at least twice the square."""
    if decode.waits(path):
        raise MissingExtraError("a HEIC picture", "pillow-heif", "heic")
    return np.asarray(decode.load(path, at_least=None if how == "original" else 2 * size).image)
