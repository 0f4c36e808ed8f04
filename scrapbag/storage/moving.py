"""Many objects at once: a few threads, a progress bar of bytes, and the sum of what went."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
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
    """Call `move` on each, in threads, and add up what it returns. `total` bytes at most; the first error ends all.

    The threads are daemons, which a pool's are not: Ctrl-C does not wait for a server that gives no answer.
    """
    todo: SimpleQueue[_Thing | None] = SimpleQueue()
    done: SimpleQueue[Moved | BaseException] = SimpleQueue()
    ended = Event()
    threads = [Thread(target=_work, args=(todo, done, move, ended), daemon=True) for _ in range(WORKERS)]
    moved, waiting = Moved(), 0
    with tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=None, delay=2, leave=False) as bar:

        def take() -> Moved:
            one = done.get()
            if isinstance(one, BaseException):
                raise one
            bar.update(one.bytes)
            return one

        for thread in threads:
            thread.start()
        try:
            for one in things:
                todo.put(one)
                waiting += 1
                if waiting > _WAITING:
                    moved, waiting = moved + take(), waiting - 1
            for _ in range(waiting):
                moved += take()
        finally:
            ended.set()
            for _ in threads:
                todo.put(None)
    return moved


def _work(
    todo: SimpleQueue[_Thing | None],
    done: SimpleQueue[Moved | BaseException],
    move: Callable[[_Thing], Moved],
    ended: Event,
) -> None:
    while (one := todo.get()) is not None and not ended.is_set():
        try:
            done.put(move(one))
        except BaseException as error:  # noqa: BLE001  raised where the results are taken
            done.put(error)
