"""What a run knows of a host: how often it may be asked, when next, and whether it is well."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapbag.frontier import Lease

_CRAWL_DELAY_S = 600.0  # the longest Crawl-delay that is kept; a longer one is met by this


@dataclass(eq=False)
class Host:
    """Times are of time.monotonic()."""

    name: str
    most: int  # requests at once, while it is well
    delay: float = 0.0  # a Crawl-delay
    flight: int = 0
    next_at: float = 0.0
    paused_until: float = 0.0
    strikes: int = 0  # pauses in a row, with no success between
    silent: int = 0  # requests in a row that it did not answer at all
    waiting: bool = False  # in the queue of turns
    buffer: deque[Lease] = field(default_factory=deque)

    @property
    def cap(self) -> int:
        """Requests at once: after a pause one, a probe."""
        return 1 if self.strikes else self.most

    def spoke(self, *, well: bool) -> None:
        """It answered; if as it should, a pause that it had asked for is over.

        What was under way when it asked, and arrives meanwhile, says nothing of that.
        """
        self.silent = 0
        if well and time.monotonic() >= self.paused_until:
            self.strikes = 0

    def rest(self, seconds: float | None, least: float) -> None:
        """Leave it alone for as long as it says; where it does not, for twice as long each time."""
        now = time.monotonic()
        if now >= self.paused_until:
            self.strikes += 1
        pause = seconds if seconds is not None else 5.0 * 2.0**self.strikes
        self.paused_until = max(self.paused_until, now + max(pause, least))
        self.next_at = max(self.next_at, self.paused_until)

    def slow_down(self, crawl_delay: float) -> None:
        """Keep to the Crawl-delay of its robots.txt, which has just been asked."""
        self.delay = min(crawl_delay, _CRAWL_DELAY_S)
        self.next_at = max(self.next_at, time.monotonic() + self.delay)
