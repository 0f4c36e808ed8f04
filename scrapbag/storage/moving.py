"""Many objects at once: a few threads, a progress bar of bytes, and the sum of what went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

from scrapbag.plain import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORKERS = 4  # so that a part of each passes in a minute through a line of 350 kB/s
_WAITING = 64  # objects handed to the threads at once
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class Moved:
    """What went over the line, and what had not to."""

    objects: int = 0
    bytes: int = 0
    there: int = 0  # objects that were there already

    def __add__(self, other: Moved) -> Moved:
        return Moved(self.objects + other.objects, self.bytes + other.bytes, self.there + other.there)

    def __str__(self) -> str:
        return f"{counted(self.objects, 'object')}, {counted(self.bytes, 'byte')}; {self.there:,} were there already"


THERE = Moved(there=1)


def went(size: int) -> Moved:
    """One object of so many bytes."""
    return Moved(1, size)


def each(things: Iterable[_Thing], move: Callable[[_Thing], Moved], name: str, total: int) -> Moved:
    """Call `move` on each, in threads, and add up what it returns. `total` bytes at most; the first error ends all."""
    moved = Moved()
    left = iter(things)
    with (
        tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=None, delay=2, leave=False) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        while some := list(islice(left, _WAITING)):
            try:
                for one in pool.map(move, some):
                    moved += one
                    bar.update(one.bytes)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return moved
