"""Decisions and addresses as the rows of report.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.choose.duplicates import HOW
from curate.choose.facts import formats
from curate.rows import TYPES, Rows
from curate.rows.columns import taken, whole
from scrapbag.catalog import NO_DECODER, UNDECODABLE
from scrapbag.reasons import DECISION_REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from curate.choose.addresses import Addresses
    from curate.choose.decide import Decisions, Facts
    from curate.choose.facts import Predictions, Scores

_DECIMALS = 6  # of a float in report.csv: more than the scores are good for
_BIT = {reason: 1 << place for place, reason in enumerate(DECISION_REASONS)}
_REPEATED = {"kept": False, "margin": None, "level": None, "duplicate_how": "sha256"}  # of an exact duplicate


def rows(
    addresses: Addresses,
    decided: Iterable[tuple[str, pa.Array]],
    failed: NDArray[np.int64],
    absent: AbstractSet[str] = frozenset(),
) -> Rows:
    """A row for each address, in their order. `decided` (N,) from `columns`, `failed` (N,) from `reasons_of`.

    `absent` are the sha256 whose file is not there. An address that served the very bytes of another one is a copy of
    it, whatever was decided of that.
    """
    table, row = addresses.table, addresses.row
    scored = row >= 0
    again = scored & (addresses.main[row] != np.arange(len(row))) if len(addresses.main) else scored
    others = _came_to(addresses, ~scored, absent)
    from_row = pa.array(row, mask=~scored)
    made = {name: _unscored(name, column.take(from_row)) for name, column in decided}
    repeated = pa.array(again)
    made["duplicate_of"] = pc.if_else(
        repeated, pc.coalesce(made["duplicate_of"], whole(table["number"])), made["duplicate_of"]
    )
    for name, value in _REPEATED.items():
        made[name] = pc.if_else(repeated, pa.scalar(value, TYPES[name]), made[name])
    for side in ("width", "height"):
        made[side] = pc.if_else(pa.array(scored), made[side], whole(table[side]))
    bits = np.where(scored, failed[row], 0) if len(failed) else np.zeros(len(row), dtype=np.int64)
    made["reason"], made["reasons"] = _reasons(bits | again * _BIT["dup_exact"], others)
    for name, column in made.items():  # one by one: pa.table would look into every text, which brings it into memory
        place = table.schema.get_field_index(name)
        table = table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
    return Rows(table.select([*TYPES]), addresses.forget)


def reasons_of(decisions: Decisions) -> NDArray[np.int64]:
    """For each picture the reasons that failed, a bit each in the order of DECISION_REASONS: (N,)."""
    bits = np.zeros(decisions.kept.size, dtype=np.int64)
    for reason, which in decisions.failed.items():
        bits |= which * np.int64(_BIT[reason])
    return bits


def columns(
    scores: Scores,
    facts: Facts,
    predicted: Predictions,
    decisions: Decisions,
    level: NDArray[np.int64],
    certified: tuple[NDArray[np.float64], NDArray[np.uint8]],
    certificate: object = None,
) -> Iterator[tuple[str, pa.Array]]:
    """What was decided of each picture, as fields of a row, one after the other: all at once are much memory.

    `level` is (N,), `certified` as `certificate` has it; `certificate` is the evidence beside each kept picture.
    """
    column = scores.shards.column
    original = np.where(decisions.copies.original < 0, 0, facts.number[decisions.copies.original])
    readable = facts.problem == ""
    least = np.minimum(facts.width, facts.height)
    aspect = np.maximum(facts.width, facts.height) / np.maximum(least, 1)
    known = predicted.best >= 0
    yield "kept", pa.array(decisions.kept)
    yield "margin", _numbers(decisions.margin)
    yield "level", _whole(level, level >= 0)
    yield "answer", pa.array(decisions.answer, pa.string()).dictionary_encode()
    yield "confidence", _numbers(decisions.confidence)
    yield "raw_confidence", _numbers(predicted.confidence)
    bounds, place = certified
    yield "certified", _numbers(bounds[place, 0])
    yield "certified_answers", _whole(bounds[place, 1], np.isfinite(bounds[place, 1]))
    yield "certified_errors", _whole(bounds[place, 2], np.isfinite(bounds[place, 2]))
    yield "certificate", _words(decisions.kept & bool(certificate), {1: str(certificate)})
    yield "class_name", _words(predicted.best, {one: scores.classes.class_name(one) for one in _different(predicted)})
    yield "class_confidence", _numbers(predicted.best_confidence)
    yield "activation", _words(known.astype(np.int64), {1: scores.info["link"]})
    yield "duplicate_of", _whole(original, original != 0)
    yield "duplicate_how", _words(decisions.copies.how, dict(enumerate(HOW)))
    yield "blur", _numbers(facts.blur, readable)
    yield "entropy", _numbers(facts.entropy, readable)
    yield "brightness", _numbers(column("brightness"), readable)
    yield "aspect", _numbers(aspect, readable)
    yield "border_uniform", _numbers(facts.border_uniform, readable)
    yield "enlargement", _numbers(decisions.enlargement, readable)
    yield "panels", _whole(facts.panels, readable)
    yield "format", formats(scores)
    yield "width", _whole(facts.width, facts.width != 0)
    yield "height", _whole(facts.height, facts.height != 0)


def _came_to(addresses: Addresses, which: NDArray[np.bool_], absent: AbstractSet[str]) -> dict[int, str]:
    """By address the reason why there is no decision on it."""
    places = np.flatnonzero(which)
    some = [taken(addresses.table[name], places).to_pylist() for name in ("sha256", "problem", "fetch_reason")]
    addresses.forget()
    found = {}
    for place, sha256, problem, reason in zip(places.tolist(), *some, strict=True):
        lost = sha256 in absent or problem == UNDECODABLE  # the latter has other bytes now
        came = "missing" if lost else "waiting"
        came = NO_DECODER if problem == NO_DECODER and not lost else came
        found[place] = reason or (came if sha256 else "queued")
    return found


def _reasons(bits: NDArray[np.int64], others: Mapping[int, str]) -> tuple[pa.Array, pa.Array]:
    """The first reason and all of them, by the bits of each address, or as `others` says."""
    coded = pa.array(bits).dictionary_encode()
    different, codes = coded.dictionary.to_numpy(), coded.indices.to_numpy().copy()
    failed = [[reason for reason, bit in _BIT.items() if one & bit] for one in different.tolist()]
    words = {other: len(failed) + code for code, other in enumerate(dict.fromkeys(others.values()))}
    codes[list(others)] = [words[other] for other in others.values()]
    first = [*(one[0] if one else "" for one in failed), *words]
    every = [*("; ".join(one) for one in failed), *words]
    return _coded(codes, first), _coded(codes, every)


def _different(predicted: Predictions) -> list[int]:
    return [int(one) for one in np.unique(predicted.best) if one >= 0]


def _words(codes: NDArray[Any], names: Mapping[int, str]) -> pa.Array:
    """Texts by their numbers; '' for a number without a name."""
    different, places = np.unique(codes, return_inverse=True)
    return _coded(places, [names.get(int(one), "") for one in different])


def _coded(codes: NDArray[Any], words: Sequence[str]) -> pa.Array:
    """Texts by their positions in `words`, which may have one twice."""
    once = {word: place for place, word in enumerate(dict.fromkeys(words))}
    places = np.array([once[word] for word in words], dtype=np.int32)
    indices = places[codes] if len(codes) else np.empty(0, np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(list(once), pa.string()))


def _unscored(name: str, column: pa.Array) -> pa.Array:
    """The decision's fields of an address that gave no picture, or none that was scored yet."""
    if not pa.types.is_dictionary(column.type):
        return pc.fill_null(column, False) if name == "kept" else column
    words = [*dict.fromkeys([*column.dictionary.to_pylist(), ""])]
    codes = pc.fill_null(column.indices, pa.scalar(words.index(""), column.indices.type))
    return pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))


def _numbers(column: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """Floats of six digits; null where they are not finite or not `valid`."""
    known = np.isfinite(column) if valid is None else valid & np.isfinite(column)
    return pa.array(np.round(column.astype(np.float64), _DECIMALS), pa.float64(), mask=~known)


def _whole(column: NDArray[Any], known: NDArray[np.bool_]) -> pa.Array:
    return pa.array(np.where(known, column, 0).astype(np.int64), pa.int64(), mask=~known)
