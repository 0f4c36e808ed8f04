"""The two clocks of a run, and the same moment told by either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Clock:
    """The time, asked for by calling."""

    monotonic: Callable[[], float]  # seconds, for spans within a run
    wall: Callable[[], float]  # seconds since 1970, for what the catalog keeps and people read

    def to_wall(self, monotonic: float) -> float:
        """The same moment in seconds since 1970."""
        return self.wall() + monotonic - self.monotonic()

    def to_monotonic(self, wall: float) -> float:
        """The same moment in seconds of the monotonic clock."""
        return self.monotonic() + wall - self.wall()
