"""How much memory this process may still take: of the computer, of its cgroups (containers), of its own limits."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

_LIBRARIES, _CORE = 2**29, 2**27  # bytes of addresses, beside those of each core's thread
_UNLIMITED = 2**60  # bytes: cgroup v1 writes a number beyond it where there is no limit


@dataclass(frozen=True)
class Free:
    """So many bytes, and in words what leaves no more; '' where it is the computer's own memory."""

    bytes: int
    limit: str = ""


def free(root: Path = Path("/")) -> Free:
    """What is left. `root` is where /proc and /sys are; files of the page cache count as free, as they do elsewhere."""
    left = [Free(psutil.virtual_memory().available), *_of_process(), *_of_groups(root)]
    least = min(left, key=lambda one: one.bytes)
    return Free(max(0, least.bytes), least.limit)


def room() -> None:
    """Raise MemoryError where `ulimit -v` or `-d` leaves too little to import SciPy.

    OpenBLAS, which comes with it, takes some for each core while it is imported, and asks for ever where it gets none.
    """
    needed = _LIBRARIES + _CORE * (os.cpu_count() or 1)
    if any(one.bytes < needed for one in _of_process()):
        raise MemoryError


def give_back() -> None:
    """Give the system the memory that was freed: the C library of Linux keeps some for each thread (malloc_trim(3)).

    Takes a millisecond or two; does nothing where the C library is not glibc. Lowering M_MMAP_THRESHOLD would do the
    same and make a ResNet-50 a quarter slower.
    """
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: None
    return trim


def _of_process() -> Iterator[Free]:
    """What the limits of setrlimit(2) leave, which `ulimit -v` and `ulimit -d` set."""
    if resource is None:
        return
    used = psutil.Process().memory_info()
    for name, flag, taken in (("RLIMIT_AS", "-v", used.vms), ("RLIMIT_DATA", "-d", getattr(used, "data", 0))):
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit != resource.RLIM_INFINITY:
            yield Free(limit - taken, f"the limit of this shell (ulimit {flag})")


def _of_groups(root: Path) -> Iterator[Free]:
    """What the limits of cgroups leave (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst), parents too."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    names: tuple[str, ...]
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if not kinds:
            names, unread = ("memory.max", "memory.high"), ("memory.current", "inactive_file")
            mounts = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"]
        elif "memory" in kinds.split(","):
            names, unread = ("memory.limit_in_bytes",), ("memory.usage_in_bytes", "total_inactive_file")
            mounts = [root / "sys/fs/cgroup" / kinds, root / "sys/fs/cgroup/memory"]
        else:
            continue
        for mount in mounts:
            # where it is of another namespace it is not there, and the mount itself is ours
            inside = Path(os.path.normpath("/" + place.lstrip("/"))).relative_to("/")
            for folder in (mount / inside, *(mount / parent for parent in inside.parents)):
                for name in names:
                    limit, used = _number(folder / name), _number(folder / unread[0])
                    if limit is not None and used is not None and limit < _UNLIMITED:
                        cached = _stat(folder / "memory.stat", unread[1])
                        yield Free(limit - used + cached, "the limit of its cgroup (a container's, or systemd's)")


def _number(path: Path) -> int | None:
    """The number in a file; None for `max`, and where there is none."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _stat(path: Path, name: str) -> int:
    try:
        return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == name)
    except (OSError, StopIteration, ValueError, IndexError):
        return 0
