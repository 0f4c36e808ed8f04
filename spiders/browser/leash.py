"""The limits of a process tree: its memory, how long it may work, and how it is killed."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_S = 1.0  # seconds between two measurements of the memory


class LateError(Exception):
    """The tree was killed because its work took too long."""


class LargeError(Exception):
    """The tree was killed because it used too much memory."""


def tree(pid: int | None) -> list[psutil.Process]:
    """A process and its descendants; [] when it has ended, or `pid` is None."""
    with suppress(psutil.Error):
        if pid is not None:
            top = psutil.Process(pid)
            return [top, *top.children(recursive=True)]
    return []


def memory(pid: int | None) -> int:
    """The resident bytes of a tree, by PSS, which counts shared pages once; by RSS where the system has no PSS."""
    total = 0
    for process in tree(pid):
        with suppress(psutil.Error):
            total += getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
    return total


def kill(pid: int | None) -> None:
    """Kill a tree and wait, 3 s at most, until none of it runs. Only `pid`, our own child, is reaped here."""
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
    """Kill the tree of `pid()` when the block takes longer than `seconds`, or the tree holds more than `most` bytes.

    Nothing but a kill ends a page whose script never returns. Raises LateError or LargeError in place of whatever error
    the kill caused in the block.
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
