"""What a run knows of a host: how often it may be asked, and when next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapbag.frontier import Lease


@dataclass(eq=False)
class Host:
    """Times are of time.monotonic()."""

    name: str
    cap: int  # requests at once
    delay: float = 0.0  # a Crawl-delay
    flight: int = 0
    next_at: float = 0.0
    paused_until: float = 0.0
    strikes: int = 0  # pauses in a row, with no success between
    waiting: bool = False  # in the queue of turns
    buffer: deque[Lease] = field(default_factory=deque)
