"""The numbers behind the page's charts: the funnel from found to kept, the confidences, the sources and licences."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.report.sweep import CUT_REASONS, can_flip
from curate.rows import Rows
from scrapbag.plain import link
from scrapbag.reasons import DECISION_REASONS
from scrapbag.tables import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from curate.rows import Row
    from scrapbag.tables.passed_over import PassedOver

BINS, LINES = 50, 30
_NO_PICTURE = frozenset({"missing", "no_decoder", "unreadable", "not_image"})
_STAGES: tuple[tuple[str, frozenset[str]], ...] = (  # which first reasons end a row's way there
    ("readable", _NO_PICTURE),
    (
        "usable",
        frozenset(DECISION_REASONS) - _NO_PICTURE - {"dup_exact", "dup_near"} - CUT_REASONS,
    ),
    ("target", CUT_REASONS),
    ("kept", frozenset({"dup_exact", "dup_near"})),
)


@dataclass(frozen=True)
class Stage:
    """One bar of the funnel: what is left, and why the others went, the commonest reason first."""

    name: str
    count: int
    share: float  # of what was found, or listed where that is more
    lost: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Bar:
    """One column of the histogram, in per cent of the chart's height, on a square-root scale."""

    x: float  # its left edge, 0 to 100
    total: float
    swayed: float  # of these, the ones that the cut alone decides on
    title: str


@dataclass(frozen=True)
class Share:
    """One source or licence: its rows, the pictures among them, and what was kept."""

    name: str
    asked: int
    came: int
    kept: int
    url: str = ""


def funnel(rows: Sequence[Row], passed: Iterable[PassedOver] = ()) -> tuple[Stage, ...]:
    """Listed, found, fetched, readable, usable, target, kept; `target` only where a classifier was asked.

    `listed` is what folders, archives and lists hold, where some of that is no row. A row ends at the stage of its
    first reason, so that the numbers are those of the table.
    """
    known = Rows.of(rows)
    dropped = _dropped(known)
    ours = frozenset().union(*(reasons for _, reasons in _STAGES))
    stages = [("found", frozenset[str]()), ("fetched", frozenset(dropped) - ours), *_STAGES]
    if np.isnan(known.numbers("confidence")).all():
        stages.remove(("target", CUT_REASONS))
    over = {reason: passed_over.total(some) for reason, some in passed_over.by_reason(passed).items()}
    whole = max(len(rows) + sum(over.values()), 1)
    left, bars = len(rows), []
    for name, reasons in stages:
        lost = Counter({reason: dropped[reason] for reason in reasons if dropped[reason]})
        left -= lost.total()
        bars.append(Stage(name, left, left / whole, _commonest(lost if name != "found" else Counter(over))))
    return (*([Stage("listed", whole, 1.0, ())] if over else ()), *bars)


def histogram(rows: Iterable[Row]) -> tuple[Bar, ...]:
    """Fiftieths of the confidence from 0 to 1; empty when nothing has one."""
    known = Rows.of(rows)
    confidence = known.numbers("confidence")
    place = np.minimum(np.nan_to_num(confidence) * BINS, BINS - 1).astype(np.int64)
    total, swayed = (
        np.bincount(place[which], minlength=BINS).tolist() for which in (~np.isnan(confidence), can_flip(known))
    )
    top = max(total)
    if not top:
        return ()
    return tuple(
        Bar(
            x=100 * i / BINS,
            total=round(100 * math.sqrt(total[i] / top), 2),
            swayed=round(100 * math.sqrt(swayed[i] / top), 2),
            title=f"{i / BINS:.2f} to {(i + 1) / BINS:.2f}: {total[i]:,}, of which the threshold decides {swayed[i]:,}",
        )
        for i in range(BINS)
    )


def reasons(rows: Iterable[Row]) -> tuple[tuple[str, int], ...]:
    """First reasons of what was dropped, the commonest first."""
    return _commonest(_dropped(Rows.of(rows)))


def sources(rows: Iterable[Row]) -> tuple[Share, ...]:
    """Every source, the one with the most kept first."""
    known = Rows.of(rows)
    return _shares(known, *known.words("source"), {})


def licences(rows: Iterable[Row]) -> tuple[Share, ...]:
    """Every licence with the page that explains it, the one with the most kept first."""
    known = Rows.of(rows)
    codes, names = known.words("licence")
    pages, addresses = known.words("licence_url")
    merged = list(dict.fromkeys(name or "unknown" for name in names))
    codes = np.array([merged.index(name or "unknown") for name in names], dtype=np.int64)[codes]
    urls: dict[int, list[str]] = {}
    for pair in np.unique(codes * max(len(addresses), 1) + pages).tolist():
        licence, page = divmod(pair, max(len(addresses), 1))
        urls.setdefault(licence, []).append(link(addresses[page]))
    return _shares(known, codes, merged, {one: min(filter(None, some), default="") for one, some in urls.items()})


def first_of(shares: Sequence[Share]) -> tuple[Share, ...]:
    """As many as a table shows, the others summed up in its last line."""
    first, rest = shares[:LINES], shares[LINES:]
    if not rest:
        return tuple(first)
    asked, came, kept = (sum(values) for values in zip(*((s.asked, s.came, s.kept) for s in rest), strict=True))
    return (*first, Share(f"{len(rest):,} others", asked, came, kept))


def _shares(rows: Rows, codes: NDArray[np.int64], names: Sequence[str], urls: Mapping[int, str]) -> tuple[Share, ...]:
    """A share for each of `names`, by the position in it that each row has."""
    parts: tuple[Any, ...] = (slice(None), rows.came(), rows.flags("kept"))
    counts = (np.bincount(codes[which], minlength=len(names)).tolist() for which in parts)
    shares = (
        Share(name, asked, there, kept, urls.get(place, ""))
        for place, (name, asked, there, kept) in enumerate(zip(names, *counts, strict=True))
    )
    return tuple(sorted(shares, key=lambda share: (-share.kept, -share.asked, share.name)))


def _dropped(rows: Rows) -> Counter[str]:
    """First reasons of what was not kept."""
    codes, names = rows.words("reason")
    counts = np.bincount(codes[~rows.flags("kept")], minlength=len(names)).tolist()
    return Counter({name: count for name, count in zip(names, counts, strict=True) if count})


def _commonest(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
