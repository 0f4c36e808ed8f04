"""A tree of processes on a leash: what it holds, how long it may work, and its end."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_S = 1.0  # between two looks at what the tree holds


class LateError(Exception):
    """The tree was killed because its work took too long."""


class LargeError(Exception):
    """The tree was killed because it held too much."""


def tree(pid: int | None) -> list[psutil.Process]:
    """A process and all below it; nothing when it is gone, or never was."""
    with suppress(psutil.Error):
        if pid is not None:
            top = psutil.Process(pid)
            return [top, *top.children(recursive=True)]
    return []


def memory(pid: int | None) -> int:
    """The bytes that a tree holds; what its processes share counts once."""
    total = 0
    for process in tree(pid):
        with suppress(psutil.Error):
            total += getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
    return total


def kill(pid: int | None) -> None:
    """End a tree at once, and wait until none of it runs. Those below our child are another's to bury, in its time."""
    doomed = tree(pid)
    for process in doomed:
        with suppress(psutil.Error):
            process.kill()
    ends = time.monotonic() + 3
    psutil.wait_procs(doomed[:1], 3)
    while any(map(_runs, doomed)) and time.monotonic() < ends:
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


@contextmanager
def leashed(pid: Callable[[], int | None], seconds: float, most: int) -> Iterator[None]:
    """Kill the tree of `pid()` when the block takes longer, or the tree comes to hold more bytes than `most`.

    Nothing gentler ends a page whose script never returns. Raises LateError or LargeError, whatever the kill caused.
    """
    over = threading.Event()
    ends = time.monotonic() + seconds
    why: list[Exception] = []

    def watch() -> None:
        while not over.wait(min(LOOK_S, max(0.0, ends - time.monotonic()))):
            if time.monotonic() >= ends:
                why.append(LateError(f"took longer than {seconds:g} s"))
            elif memory(pid()) > most:
                why.append(LargeError(f"held more than {most / 1e6:.0f} MB"))
            if why:
                kill(pid())
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if why:
            raise why[0] from error
        raise
    finally:
        over.set()
        watcher.join()
    if why:
        raise why[0]
