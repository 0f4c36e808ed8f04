"""Forward passes: how many pictures go into one, and how many have gone through a model in this process.

Counted where a model is called, whoever calls it, and told by the stages: choosing anew must cost none. Without torch,
so that stages which need no model can say so.
"""

from __future__ import annotations

import threading

BATCH = 16  # every forward pass is padded to it: a picture's score must not depend on how many go with it

_lock = threading.Lock()
_pictures = 0


def add(pictures: int) -> None:
    """Count `pictures` that went through a model, padding left out. From any thread."""
    global _pictures  # noqa: PLW0603  one process, one count
    with _lock:
        _pictures += pictures


def count() -> int:
    """Pictures that went through a model since this process began."""
    return _pictures
