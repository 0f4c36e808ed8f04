"""How far a crawl is: a bar of pictures and pages on a terminal, and off one a line now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

EVERY_S = 60.0  # between lines where there is no terminal


class CrawlBar:
    """Counts what came. `limit` and `stored` are different pictures; `clock` tells seconds."""

    def __init__(self, limit: int, stored: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._bar = tqdm(total=limit, initial=stored, unit=" pictures", disable=None)
        self._clock, self._told = clock, clock()
        self.pages = self.pictures = 0  # of this run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def picture(self) -> None:
        """One more was stored."""
        self.pictures += 1
        self._bar.update()
        self._tell()

    def page(self) -> None:
        """One more was read."""
        self.pages += 1
        self._bar.set_postfix_str(f"{self.pages:,} pages", refresh=False)
        self._bar.update(0)
        self._tell()

    def _tell(self) -> None:
        if self._bar.disable and self._clock() - self._told >= EVERY_S:
            self._told = self._clock()
            click.echo(f"{self.pages:,} pages read, {self.pictures:,} pictures stored so far", err=True)
