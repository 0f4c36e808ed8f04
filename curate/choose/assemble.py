"""Decisions and records as the rows of report.csv."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.choose.duplicates import HOW
from curate.choose.facts import formats
from curate.rows import Row
from scrapbag.catalog import NO_DECODER, UNDECODABLE, Record, disputed
from scrapbag.reasons import DECISION_REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from curate.choose.decide import Decisions, Facts
    from curate.choose.facts import Predictions, Scores

_DECIMALS = 6  # of a float in report.csv: more than the scores are good for
_RECORD = tuple(field.name for field in fields(Record))
_UNSCORED: dict[str, Any] = {  # the decision's fields for an address that gave no picture, or none that was scored yet
    **dict.fromkeys(("margin", "level", "confidence", "certified", "class_confidence", "duplicate_of", "panels")),
    **dict.fromkeys(("blur", "entropy", "brightness", "aspect", "border_uniform", "enlargement")),
    **dict.fromkeys(("answer", "class_name", "activation", "duplicate_how", "format"), ""),
    "kept": False,
}


def agreed(records: Iterable[Record]) -> list[Record]:
    """The records, each with every licence that any page states of its bytes, if they are several."""
    listed = list(records)
    stated: dict[str, list[str]] = defaultdict(list)
    for record in listed:
        stated[record.sha256] += [record.licence, record.licence_disputed]
    said = {sha256: disputed(licences) for sha256, licences in stated.items() if sha256}
    return [replace(one, licence_disputed=said.get(one.sha256, one.licence_disputed)) for one in listed]


def main_records(records: Iterable[Record]) -> dict[str, Record]:
    """For each sha256 the record that is decided on: the first that states a licence, else the first.

    Other addresses that served the very same bytes are exact duplicates of it.
    """
    chosen: dict[str, Record] = {}
    for record in records:
        held = chosen.get(record.sha256)
        if record.sha256 and (held is None or (held.licence == "unknown" != record.licence)):
            chosen[record.sha256] = record
    return chosen


def rows(
    records: Iterable[Record],
    main: Mapping[str, Record],
    decided: Mapping[str, dict[str, Any]],
    absent: AbstractSet[str] = frozenset(),
) -> Iterator[Row]:
    """A row for each record, in their order. By sha256: `main` from `main_records`, `decided` from `by_sha256`.

    `absent` are the sha256 whose file is not there.
    """
    for record in records:
        recorded = {name: getattr(record, name) for name in _RECORD}
        values = decided.get(record.sha256)
        if values is None:
            lost = record.sha256 in absent or record.problem == UNDECODABLE  # the latter has other bytes now
            came = "missing" if lost else "waiting"
            came = NO_DECODER if record.problem == NO_DECODER and not lost else came
            reason = record.fetch_reason or (came if record.sha256 else "queued")
            yield Row(**recorded, **_UNSCORED, reason=reason, reasons=reason)
        elif main[record.sha256] is record:
            yield Row(**recorded | values)
        else:
            yield Row(**recorded | values | _repeated(values, record.number))


def by_sha256(
    scores: Scores,
    facts: Facts,
    predicted: Predictions,
    decisions: Decisions,
    level: NDArray[np.int64],
    certified: NDArray[np.float64],
) -> dict[str, dict[str, Any]]:
    """By sha256 what was decided, as fields of a row. `level` is (N,), `certified` (N, 3) from `certificate`."""
    column = scores.shards.column
    failing = [np.flatnonzero(which).tolist() for which in decisions.failed.values()]
    reasons: list[list[str]] = [[] for _ in scores.shards.sha256]
    for reason, which in zip(decisions.failed, failing, strict=True):
        for picture in which:
            reasons[picture].append(reason)
    original = np.where(decisions.copies.original < 0, 0, facts.number[decisions.copies.original])
    readable = facts.problem == ""
    least = np.minimum(facts.width, facts.height)
    aspect = np.maximum(facts.width, facts.height) / np.maximum(least, 1)
    best = predicted.best.tolist()
    columns: dict[str, Iterable[Any]] = {
        "kept": decisions.kept.tolist(),
        "reason": [failed[0] if failed else "" for failed in reasons],
        "reasons": ["; ".join(failed) for failed in reasons],
        "margin": _numbers(decisions.margin),
        "level": [None if one < 0 else one for one in level.tolist()],
        "answer": decisions.answer.tolist(),
        "confidence": _numbers(decisions.confidence),
        "raw_confidence": _numbers(predicted.confidence),
        "certified": _numbers(certified[:, 0]),
        "certified_answers": _whole(certified[:, 1]),
        "certified_errors": _whole(certified[:, 2]),
        "class_name": ["" if one < 0 else scores.classes.class_name(one) for one in best],
        "class_confidence": _numbers(predicted.best_confidence),
        "activation": ["" if one < 0 else scores.info["link"] for one in best],
        "duplicate_of": [one or None for one in original.tolist()],
        "duplicate_how": [HOW[one] for one in decisions.copies.how.tolist()],
        "blur": _numbers(facts.blur, readable),
        "entropy": _numbers(facts.entropy, readable),
        "brightness": _numbers(column("brightness"), readable),
        "aspect": _numbers(aspect, readable),
        "border_uniform": _numbers(facts.border_uniform, readable),
        "enlargement": _numbers(decisions.enlargement, readable),
        "panels": [one if good else None for one, good in zip(facts.panels.tolist(), readable, strict=True)],
        "format": formats(scores),
        "width": [one or None for one in facts.width.tolist()],
        "height": [one or None for one in facts.height.tolist()],
    }
    values = zip(*columns.values(), strict=True)
    return {
        sha256: dict(zip(columns, one, strict=True)) for sha256, one in zip(scores.shards.sha256, values, strict=True)
    }


def _repeated(values: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    """What differs in the row of an address that served the very bytes of its main record."""
    failed = {*values["reasons"].split("; "), "dup_exact"}
    ordered = [reason for reason in DECISION_REASONS if reason in failed]
    return {
        "kept": False,
        "reason": ordered[0],
        "reasons": "; ".join(ordered),
        "margin": None,
        "level": None,
        "duplicate_of": values["duplicate_of"] or number,
        "duplicate_how": "sha256",
    }


def _numbers(column: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> list[float | None]:
    """Floats of six digits; None where they are not finite or not `valid`."""
    known = np.isfinite(column) if valid is None else valid & np.isfinite(column)
    rounded = np.round(column.astype(np.float64), _DECIMALS).tolist()
    return [value if good else None for value, good in zip(rounded, known.tolist(), strict=True)]


def _whole(column: NDArray[Any]) -> list[int | None]:
    return [int(value) if known else None for value, known in zip(column, np.isfinite(column), strict=True)]
