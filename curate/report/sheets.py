"""Which pictures stand on the page: kept, dropped by reason, around the cut, copies beside their originals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.report import charts, thumbs
from curate.report.sweep import can_flip
from curate.rows import Rows
from scrapbag.make.command import last_call
from scrapbag.plain import down, link, plain
from scrapbag.reasons import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.rows import Row
    from scrapbag.layout import Data

KEPT, DROPPED, GROUPS, A_GROUP = 240, 36, 24, 5  # at most, so that the page stays a few megabytes
PER_HUNDREDTH, NEAREST = 2, 12  # around the cut: of each hundredth of the scale, and on each side of the cut


@dataclass(frozen=True)
class Tile:
    """One picture on a sheet. `src` is a data URI or '', `href` the page it was found on or ''."""

    src: str
    href: str
    title: str
    caption: str
    note: str = ""
    confidence: float | None = None


@dataclass(frozen=True)
class Sheet:
    """Some pictures of `total`."""

    name: str
    words: str
    total: int
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Group:
    """An original and its near-duplicates."""

    original: Tile
    copies: tuple[Tile, ...]
    more: int  # copies that are not shown


def kept(data: Data, rows: Sequence[Row]) -> Sheet:
    """From the most to the least confident, evenly spread over all."""
    known = Rows.of(rows)
    chosen = _by_confidence(known, np.flatnonzero(known.flags("kept")))
    return Sheet(
        "kept", "from the most confident to the least", len(chosen), _tiles(data, known, _spread(chosen, KEPT))
    )


def dropped(data: Data, rows: Sequence[Row]) -> tuple[Sheet, ...]:
    """A sheet a reason, the commonest first; pictures that came before addresses that gave none."""
    known = Rows.of(rows)
    codes, names = known.words("reason")
    sheets = []
    for reason, count in charts.reasons(known):
        chosen = _by_confidence(known, np.flatnonzero((codes == names.index(reason)) & ~known.flags("kept")))
        tiles = _tiles(data, known, _spread(chosen, DROPPED))
        sheets.append(Sheet(reason, last_call(data).complete(sentence(reason)), count, tiles))
    return tuple(sheets)


def around(data: Data, rows: Sequence[Row], cut: float) -> tuple[Tile, ...]:
    """Pictures that the cut alone decides on, by rising confidence: a few of each hundredth, more beside `cut`."""
    known = Rows.of(rows)
    swayed, confidence = np.flatnonzero(can_flip(known)), known.numbers("confidence")
    swayed = swayed[np.lexsort((known.whole("number")[swayed], confidence[swayed]))]
    hundredth = (100 * confidence[swayed]).astype(np.int64)
    bins = np.split(np.arange(len(swayed)), np.flatnonzero(np.diff(hundredth)) + 1)
    below = int(np.searchsorted(confidence[swayed], cut))
    beside = np.arange(max(0, below - NEAREST), min(below + NEAREST, len(swayed)))
    chosen = np.unique(np.concatenate([*(_spread(bin_, PER_HUNDREDTH) for bin_ in bins), beside]))
    return _tiles(data, known, swayed[chosen])


def groups(data: Data, rows: Sequence[Row]) -> tuple[tuple[Group, ...], int]:
    """Groups of near-duplicates, those of kept originals and then large ones first; and how many there are in all."""
    known = Rows.of(rows)
    codes, names = known.words("duplicate_how")
    other = np.array([name != "sha256" for name in names], dtype=bool)[codes]
    number, of, is_kept = known.whole("number"), known.whole("duplicate_of"), known.flags("kept")
    there = np.flatnonzero(other & np.isin(number, of[other & (of > 0)]) & (number > 0))
    originals = dict(zip(number[there].tolist(), there.tolist(), strict=True))
    copies: dict[int, list[int]] = {}
    for place in np.flatnonzero(other & (of > 0)).tolist():
        if of[place] in originals:
            copies.setdefault(int(of[place]), []).append(place)
    largest = sorted(copies.items(), key=lambda group: (not is_kept[originals[group[0]]], -len(group[1]), group[0]))
    return tuple(_group(data, known, originals[one], places) for one, places in largest[:GROUPS]), len(copies)


def _group(data: Data, rows: Rows, original: int, copies: Sequence[int]) -> Group:
    first, some = rows[original], [rows[place] for place in copies[:A_GROUP]]
    return Group(
        _tile(data, first, note=_size(first)),
        tuple(_tile(data, row, note=f"{_size(row)} · by {row.duplicate_how}") for row in some),
        max(0, len(copies) - A_GROUP),
    )


def _tiles(data: Data, rows: Rows, places: NDArray[np.int64]) -> tuple[Tile, ...]:
    return tuple(_tile(data, row) for row in rows.take(places))


def _tile(data: Data, row: Row, note: str = "") -> Tile:
    name = f"picture {row.number:05d}" if row.number is not None else "no picture"
    return Tile(
        src=thumbs.thumb(data, row),
        href=link(row.page_url) or link(row.url),
        title=plain(row.title) or (name if row.sha256 else plain(row.url)),
        caption=down(row.confidence, 3) if row.confidence is not None else name,
        note=note or plain(row.class_name),
        confidence=row.confidence,
    )


def _spread(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the places, evenly spaced, the first and the last among them."""
    if len(places) <= most:
        return places
    return places[[round(i * (len(places) - 1) / (most - 1)) for i in range(most)]]


def _by_confidence(rows: Rows, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pictures before addresses that gave none, the most confident first, then by number, then by address."""
    lost = ~rows.came()[places]
    confidence, number = np.nan_to_num(rows.numbers("confidence")[places]), rows.whole("number")[places]
    order = np.lexsort((number, -confidence, lost))
    keys = np.column_stack([lost, confidence, number])[order]
    group = np.append(0, np.cumsum((keys[1:] != keys[:-1]).any(axis=1))) if len(order) else order
    tied = np.flatnonzero(np.bincount(group)[group] > 1)  # few: their addresses decide
    addresses = rows.texts("url", places[order[tied]])
    by_address = sorted(range(len(tied)), key=lambda one: (group[tied[one]], addresses[one]))
    order[tied] = order[tied[by_address]]
    return places[order]


def _size(row: Row) -> str:
    return f"{row.width} by {row.height}" if row.width and row.height else ""
