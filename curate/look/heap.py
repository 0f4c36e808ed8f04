"""Return freed memory to the system: glibc keeps some for each thread, and hostile files leave 100 MB of it.

By `malloc_trim`. Lowering M_MMAP_THRESHOLD would do the same and make a ResNet-50 a quarter slower.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def give_back() -> None:
    """Takes a millisecond or two; does nothing where the C library is not glibc."""
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: None
    return trim
