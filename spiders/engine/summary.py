"""What a crawl tells at its end: a line, a table by reason when much failed, and the next command."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from scrapbag.errors import TooManyFailuresError

if TYPE_CHECKING:
    from pathlib import Path

    from spiders.engine.run import Crawled


def summary(crawled: Crawled, report: Path, limit: int) -> str:
    """The one line, a line for each host that wants to be left alone, and what the readers have to say."""
    found = sum(n for (kind, _, _), n in crawled.requests.items() if kind == "picture")
    reasons = _reasons(crawled)
    parts = [f"found {found:,} picture addresses, stored {crawled.pictures:,} pictures ({crawled.new:,} new)"]
    if crawled.full:
        parts.append(f"stopped at the limit of {limit:,}")
    if reasons:
        parts.append("not fetched: " + ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common()))
    lines = [", ".join(parts) + f" -> {report}" + (" · next: make curate" if crawled.pictures else "")]
    for host, until in sorted(crawled.resting.items()):
        when = datetime.fromtimestamp(until).astimezone()
        lines.append(f"{host} asks to be left alone until {when:%Y-%m-%d %H:%M}; make scrape then")
    return "\n".join([*lines, *crawled.said])


def check(crawled: Crawled, max_fail: float) -> None:
    """Raise TooManyFailuresError, with a table by reason, when nothing was found or too much of it failed."""
    states = Counter[str]()
    for (_, state, _), n in crawled.requests.items():
        states[state] += n
    share = states["failed"] / max(1, states["failed"] + states["done"])
    pictures = sum(n for (kind, _, _), n in crawled.requests.items() if kind == "picture")
    if pictures and share <= max_fail:
        return
    head = (
        f"{states['failed']:,} of {states['failed'] + states['done']:,} requests failed"
        if pictures
        else ("no picture was found")
    )
    rows = [f"  {reason:<16} {n:>8,}" for reason, n in _reasons(crawled).most_common()]
    after = "look at the selectors and addresses of the recipe, then: make scrape FRESH=1"
    if crawled.said:
        after = f"the lines above say what matched nothing; {after}"
    if states["failed"]:
        after = "when the cause is gone: make scrape RETRY=failed"
    raise TooManyFailuresError("\n".join([head, *rows, after]))


def _reasons(crawled: Crawled) -> Counter[str]:
    reasons = Counter[str]()
    for (_, _, reason), n in crawled.requests.items():
        if reason:
            reasons[reason] += n
    return reasons
