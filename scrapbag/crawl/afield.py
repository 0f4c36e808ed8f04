"""Whether workers of a crawl that was killed may still ask hosts: by a file whose date says when they reported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from scrapbag.errors import LockedError

if TYPE_CHECKING:
    from scrapbag.layout import Data

PATIENCE_S = 15.0  # a worker that nobody answers for so long asks nothing any more
_QUIET_S = PATIENCE_S + 5.0  # without a report, after which all of them have ended
_LONGEST_S = 120.0


def reported(data: Data) -> None:
    """A worker was heard of."""
    data.afield.touch()


def returned(data: Data) -> None:
    """All of them have ended."""
    data.afield.unlink(missing_ok=True)


def wait(data: Data) -> None:
    """Return once no worker of an earlier crawl can be at work. Raises LockedError where they go on for minutes."""
    begin = time.monotonic()
    while (left := _left(data)) > 0:
        if time.monotonic() - begin > _LONGEST_S:
            raise LockedError("workers of an earlier crawl still ask hosts; end them (ray stop) and run it again")
        if time.monotonic() - begin < 1:
            click.echo(f"waiting {left:.0f} s: workers of a crawl that was killed may still be at work", err=True)
        time.sleep(min(left, 1.0))
    returned(data)


def _left(data: Data) -> float:
    """Seconds of quiet that are still wanting."""
    try:
        since = time.time() - data.afield.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    return min(_QUIET_S - since, _QUIET_S)
