"""Forward passes: the batch size of each, and a count of the pictures that went through a model in this process.

Every call of a model adds to the count, and each stage prints it: to curate again must print 0. This module imports
no torch, so that a stage without a model can print it too.
"""

from __future__ import annotations

import threading

BATCH = 16  # pictures in each forward pass, padded if fewer: the batch size must not change a picture's score

_lock = threading.Lock()
_pictures = 0
_mine = threading.local()


def add(pictures: int) -> None:
    """Add `pictures`, without the padding, to the count. May be called from any thread."""
    global _pictures  # noqa: PLW0603  one process, one count
    with _lock:
        _pictures += pictures
    _mine.pictures = of_thread() + pictures


def count() -> int:
    """Pictures that went through a model since this process began."""
    return _pictures


def of_thread() -> int:
    """Those of this thread: what a piece of work cost, which knows nothing of those beside it."""
    return int(getattr(_mine, "pictures", 0))
