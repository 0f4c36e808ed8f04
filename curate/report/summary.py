"""What is printed: how a run decided; how many were kept, by reason and source; the decisions nearest to flipping."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.report import charts
from curate.rows import Rows
from scrapbag.plain import digits, down, shorten
from scrapbag.reasons import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from curate.rows import Outcome, Row

WIDTH = 80
FIELDS = ("number", "title", "url", "source", "kept", "reason", "confidence", "margin")  # that it looks at
LEAST = 0.02  # of the pictures that have a confidence: what is kept under that gets an advice
_OF_TARGETS = ("", "off_target", "low_confidence", "human_reject")  # '' is kept
_SOURCES, _NEAREST = 4, 10  # how many have a column, a line; the other sources share one


def how_decided(outcome: Outcome) -> str:
    """The cut, and what it promises; how many answers are missing to a (further) certificate."""
    by = "no targets, quality rules alone" if outcome.cut is None else f"cut at {digits(outcome.cut)}"
    if outcome.cut is None and outcome.certificate is None:
        return by
    if outcome.share:
        by += ", class prior corrected"
    if outcome.certificate is None:
        away = _ahead(outcome.missing) if outcome.missing else ""
        return f"{by}, uncertified{away}"
    more = f", {outcome.missing} more yes may keep more" if outcome.missing else ""
    cost = f"; {lost}" if (lost := given_up(outcome)) else ""
    return f"{by}, precision at least {digits(outcome.certificate.lower)} with 95 % confidence{more}{cost}"


def given_up(outcome: Outcome) -> str:
    """How many more were kept before the answers certified this cut, and what has them back; '' where none were."""
    if outcome.before is None or outcome.by_prob is None or outcome.before <= outcome.kept:
        return ""
    said = f"uncertified it kept {outcome.before:,}"
    if outcome.by_prob == outcome.before:
        return f"{said}, and BY=prob has them back"
    return f"{said} by the corrected class prior, and BY=prob, uncorrected, keeps {outcome.by_prob:,}"


def advice(outcome: Outcome) -> str:
    """What would help where one rule drops most pictures, or the classifier keeps under 2 %; '' where neither is so."""
    return "\n".join(filter(None, (_one_rule(outcome), _few(outcome))))


def _one_rule(outcome: Outcome) -> str:
    """The rule that drops more than half of the pictures that came, unless the classifier or a person says so."""
    there = outcome.rows.came()
    codes, names = outcome.rows.words("reason")
    counts = np.bincount(codes[there], minlength=1)
    reason, count, came = names[counts.argmax()] if names else "", int(counts.max()), int(there.sum())
    if reason in _OF_TARGETS or 2 * count <= came:
        return ""
    size = f" (SIZE={outcome.settings.size})" if reason == "too_small" else ""
    return f"{reason} dropped {count:,} of {came:,}: {sentence(reason)}{size}"


def _few(outcome: Outcome) -> str:
    """What would help where under 2 % of the usable pictures were kept by the classifier; '' where that is not so."""
    rows = outcome.rows
    confident, (codes, reasons) = ~np.isnan(rows.numbers("confidence")), rows.words("reason")
    if outcome.cut is None or not confident.any() or (rows.flags("kept") & confident).sum() >= LEAST * confident.sum():
        return ""
    off = confident & np.array([reason == "off_target" for reason in reasons], dtype=bool)[codes]
    places, classes = rows.words("class_name")
    others = Counter(classes[place] for place in places[off].tolist()).most_common(3)
    names = ", ".join(f"{name} ({count:,})" for name, count in others)
    said = [f"add to targets what you want of {names} (make targets shows them)"] if names else []
    said += ["take BY=auto"] * (outcome.by == "prob" and outcome.settings.by == "prob")
    said += ["take a lower THRESH", "answer some forty pictures in make review"]
    return f"under {LEAST:.0%} was kept: {', or '.join(said)}"


def summary(rows: Sequence[Row]) -> str:
    """Plain text in 80 columns, whatever the titles hold."""
    known = Rows.of(rows)
    return "\n".join([*_by_reason(known), "", *_nearest(known)])


def table(rows: Sequence[Row]) -> dict[str, Any]:
    """The same as plain values under stable keys, for JSON: keys are added, never renamed or taken away."""
    known = Rows.of(rows)
    shares = sorted(charts.sources(known), key=lambda share: (-share.asked, share.name))
    names = ["number", "title", "url", "kept", "reason", "confidence", "margin"]
    return {
        "rows": len(known),
        "kept": int(known.flags("kept").sum()),
        "reasons": dict(charts.reasons(known)),
        "sources": {one.name: {"rows": one.asked, "pictures": one.came, "kept": one.kept} for one in shares},
        "nearest": known.table.select(names).take(pa.array(_flipping(known))).to_pylist(),
    }


def _by_reason(rows: Rows) -> Iterator[str]:
    total = max(len(rows), 1)
    sources = [share.name for share in sorted(charts.sources(rows), key=lambda s: (-s.asked, s.name))]
    named, others = sources[:_SOURCES], sources[_SOURCES:]
    columns = [*named, "others"] if others else named
    yield shorten("", 16) + _cell("all", 8) + _cell("", 7) + "".join(_cell(name, 9) for name in columns)
    (source, source_names), (reason, reasons), kept = rows.words("source"), rows.words("reason"), rows.flags("kept")
    for name, count in (("kept", int(kept.sum())), *charts.reasons(rows), ("all", len(rows))):
        chosen: Any = slice(None) if name == "all" else kept if name == "kept" else reason == reasons.index(name)
        counts = dict(zip(source_names, np.bincount(source[chosen], minlength=len(source_names)).tolist(), strict=True))
        cells = [counts[one] for one in named] + ([sum(counts[one] for one in others)] if others else [])
        share = f"{count / total:.1%}"
        yield (
            shorten(name, 16) + _cell(f"{count:,}", 8) + _cell(share, 7) + "".join(_cell(f"{n:,}", 9) for n in cells)
        )


def _nearest(rows: Rows) -> Iterator[str]:
    flipping = _flipping(rows)
    if not len(flipping):
        return
    yield "nearest to flipping"
    yield f"{'margin':>8}{'conf.':>8}  {shorten('now', 16)}{shorten('picture', 9)}title"
    names = ["margin", "confidence", "number", "reason", "title", "url"]
    for row in rows.table.select(names).take(pa.array(flipping)).to_pylist():
        confidence = "" if row["confidence"] is None else down(row["confidence"], 4)
        number = "" if row["number"] is None else f"{row['number']:05d}"
        start = f"{row['margin']:>8.4f}{confidence:>8}  {shorten(row['reason'] or 'kept', 16)}{shorten(number, 9)}"
        yield (start + shorten(row["title"] or row["url"], WIDTH - len(start))).rstrip()


def _flipping(rows: Rows) -> NDArray[np.int64]:
    """The places of the rows nearest to flipping, the nearest first and then by address; at most _NEAREST."""
    distance = np.abs(rows.numbers("margin"))
    known = np.flatnonzero(~np.isnan(distance))
    if len(known) > _NEAREST:
        known = known[distance[known] <= np.partition(distance[known], _NEAREST)[_NEAREST - 1]]
    urls = rows.texts("url", known)
    order = sorted(range(len(known)), key=lambda one: (distance[known[one]], urls[one]))
    return known[order[:_NEAREST]]


def _cell(text: str, width: int) -> str:
    return " " + shorten(text, width - 1, right=True)


def _ahead(missing: int) -> str:
    if missing == 1:
        return ": if the next answer in make review is yes, it certifies"
    return f": if the next {missing} answers in make review are yes, they certify"
