"""What a run knows of one host: how often it may be asked, when next, and whether it is well."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scrapbag.crawl.times import LONGEST_S, crawl_delay

if TYPE_CHECKING:
    from scrapbag.crawl.frontier import Lease


@dataclass(frozen=True)
class Rest:
    """A host beyond our patience."""

    until: float  # seconds since 1970
    asked: bool  # whether it is the host's wish, and no pause of our own
    given_up: bool = False  # for the run: it wants an hour, or longer


@dataclass(eq=False)
class Host:
    """All times, and every `now`, are seconds of one monotonic clock."""

    name: str
    most: int  # requests at once, while it is well
    delay: float = 0.0  # a Crawl-delay
    flight: int = 0  # requests under way
    next_at: float = 0.0
    paused_until: float = 0.0
    asked: bool = False  # whether the last pause was the host's wish
    strikes: int = 0  # pauses in a row, with no good answer between
    silent: int = 0  # requests in a row that it did not answer at all
    waiting: bool = False  # it has a place in the queue of turns
    buffer: deque[Lease] = field(default_factory=deque)  # leased, not yet asked

    @property
    def cap(self) -> int:
        """Requests at once: after a pause one, a probe."""
        return 1 if self.strikes else self.most

    def spoke(self, now: float, *, well: bool) -> None:
        """The host answered, and `well` is a 2xx or 304.

        A good answer after the end of a pause clears the pause; one that arrives during it was asked before, and does
        not.
        """
        self.silent = 0
        if well and now >= self.paused_until:
            self.strikes = 0

    def pause(self, now: float, seconds: float | None, least: float) -> None:
        """Ask nothing for `seconds`, or, where the host names none, for 10 s, then twice as long each time.

        No pause is longer than an hour.
        """
        self.asked = seconds is not None
        if now >= self.paused_until:
            self.strikes += 1
        pause = seconds if seconds is not None else 5.0 * 2.0**self.strikes
        self.paused_until = max(self.paused_until, now + min(max(pause, least), LONGEST_S))
        self.next_at = max(self.next_at, self.paused_until)

    def slow_down(self, now: float, seconds: float) -> None:
        """Keep to the Crawl-delay of the host's robots.txt, which has just been asked."""
        self.delay = crawl_delay(seconds)
        self.next_at = max(self.next_at, now + self.delay)
