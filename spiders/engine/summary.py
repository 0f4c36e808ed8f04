"""What a crawl tells at its end: a line, a table by reason when much failed, and the next command."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from scrapbag.errors import TooManyFailuresError
from scrapbag.plain import plain
from scrapbag.reasons import PASSED
from scrapbag.tables import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scrapbag.tables.passed_over import PassedOver
    from spiders.engine.host import Rest
    from spiders.engine.run import Crawled

_ADVISED = {"packed", "link", "too_many", "unreadable", "no_list", "no_column", "bad_row", "bad_sidecar"}


def summary(crawled: Crawled, report: Path, limit: int, max_fail: float) -> str:
    """The one line, a line for each host that is left alone, and what the readers have to say.

    No next command stands there where `check` will end the crawl with one.
    """
    found = _found(crawled)
    reasons = _reasons(crawled)
    parts = [f"found {found:,} picture addresses, stored {crawled.pictures:,} pictures ({crawled.new:,} new)"]
    if crawled.full:
        parts.append(f"stopped at the limit of {limit:,}")
    if reasons:
        parts.append("not fetched: " + ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common()))
    ahead = " · next: make curate" if crawled.pictures and _enough(crawled, max_fail) else ""
    lines = [", ".join(parts) + f" -> {report}{ahead}"]
    lines += [_resting(host, rest) for host, rest in sorted(crawled.resting.items())]
    return "\n".join([*lines, *passed_lines(crawled.passed), *crawled.said])


def passed_lines(passed: Iterable[PassedOver]) -> Iterator[str]:
    """A line for each source, and one for each reason that one can do something about."""
    for source, some in groupby(passed, lambda one: one.source):
        known = list(some)
        if count := passed_over.total(known):
            yield f"source {source!r}: passed over {count:,}: {passed_over.line(known)}"
        for reason, ones in passed_over.by_reason(known).items():
            if reason in _ADVISED:
                first = next((f", as {plain(one.first)}" for one in ones if one.first), "")
                yield f"  {reason}{first}: {PASSED[reason]}"


def check(crawled: Crawled, max_fail: float) -> None:
    """Raise TooManyFailuresError, with a table by reason, when nothing was found or too much of it failed."""
    if _enough(crawled, max_fail):
        return
    states, pictures = _states(crawled), _found(crawled)
    head = (
        f"{states['failed']:,} of {states['failed'] + states['done']:,} requests failed"
        if pictures
        else ("no picture was found")
    )
    rows = [f"  {reason:<16} {n:>8,}" for reason, n in _reasons(crawled).most_common()]
    after = "look at the selectors and addresses of the recipe, then: make scrape FRESH=1"
    if crawled.listed:
        after = "look at the path in the recipe, then: make scrape"
    if crawled.said or crawled.passed:
        after = f"the lines above say {'what is there' if crawled.listed else 'what matched nothing'}; {after}"
    if states["failed"]:
        after = "when the cause is gone: make scrape RETRY=failed"
    if set(_reasons(crawled)) == {"dns"}:
        after = f"no name of a host could be looked up: has this computer a network? {after}"
    raise TooManyFailuresError("\n".join([head, *rows, after]))


def _enough(crawled: Crawled, max_fail: float) -> bool:
    """Whether something was found, and no more than a share of `max_fail` of the requests failed."""
    states = _states(crawled)
    share = states["failed"] / max(1, states["failed"] + states["done"])
    return _found(crawled) > 0 and share <= max_fail


def _states(crawled: Crawled) -> Counter[str]:
    states = Counter[str]()
    for (_, state, _), n in crawled.requests.items():
        states[state] += n
    return states


def _found(crawled: Crawled) -> int:
    """Picture addresses that the recipe's sources name now."""
    return sum(n for (kind, _, reason), n in crawled.requests.items() if kind == "picture" and reason != "gone")


def _resting(host: str, rest: Rest) -> str:
    who = "asks to be left alone" if rest.asked else "does not answer and is left alone"
    until = f"{datetime.fromtimestamp(rest.until).astimezone():%Y-%m-%d %H:%M}"
    then = "or longer; make scrape RETRY=failed asks it again" if rest.given_up else "make scrape then"
    return f"{host} {who} until {until}{' ' if rest.given_up else '; '}{then}"


def _reasons(crawled: Crawled) -> Counter[str]:
    reasons = Counter[str]()
    for (_, _, reason), n in crawled.requests.items():
        if reason:
            reasons[reason] += n
    return reasons
