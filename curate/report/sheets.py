"""Which pictures stand on the page: kept, dropped by reason, around the cut, copies beside their originals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.report import charts, thumbs
from curate.report.sweep import can_flip
from scrapbag.make.command import last_call
from scrapbag.plain import down, link, plain
from scrapbag.reasons import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    chosen = sorted((row for row in rows if row.kept), key=_by_confidence)
    tiles = tuple(_tile(data, row) for row in _spread(chosen, KEPT))
    return Sheet("kept", "from the most confident to the least", len(chosen), tiles)


def dropped(data: Data, rows: Sequence[Row]) -> tuple[Sheet, ...]:
    """A sheet a reason, the commonest first; pictures that came before addresses that gave none."""
    sheets = []
    for reason, count in charts.reasons(rows):
        chosen = sorted((row for row in rows if not row.kept and row.reason == reason), key=_by_confidence)
        tiles = tuple(_tile(data, row) for row in _spread(chosen, DROPPED))
        sheets.append(Sheet(reason, last_call(data).complete(sentence(reason)), count, tiles))
    return tuple(sheets)


def around(data: Data, rows: Sequence[Row], cut: float) -> tuple[Tile, ...]:
    """Pictures that the cut alone decides on, by rising confidence: a few of each hundredth, more beside `cut`."""
    swayed = sorted((r for r in rows if can_flip(r)), key=lambda row: (row.confidence or 0.0, row.number or 0))
    bins: dict[int, list[Row]] = {}
    for row in swayed:
        bins.setdefault(int(100 * (row.confidence or 0.0)), []).append(row)
    chosen = {row.url for bin_ in bins.values() for row in _spread(bin_, PER_HUNDREDTH)}
    below = [row for row in swayed if (row.confidence or 0.0) < cut]
    chosen |= {row.url for row in (*below[-NEAREST:], *swayed[len(below) : len(below) + NEAREST])}
    return tuple(_tile(data, row) for row in swayed if row.url in chosen)


def groups(data: Data, rows: Sequence[Row]) -> tuple[tuple[Group, ...], int]:
    """Groups of near-duplicates, those of kept originals and then large ones first; and how many there are in all."""
    originals = {row.number: row for row in rows if row.number is not None and row.duplicate_how != "sha256"}
    copies: dict[int, list[Row]] = {}
    for row in rows:
        if row.duplicate_of in originals and row.duplicate_how != "sha256":
            copies.setdefault(row.duplicate_of, []).append(row)
    largest = sorted(copies.items(), key=lambda group: (not originals[group[0]].kept, -len(group[1]), group[0]))
    return tuple(
        Group(
            _tile(data, originals[number], note=_size(originals[number])),
            tuple(_tile(data, row, note=f"{_size(row)} · by {row.duplicate_how}") for row in group[:A_GROUP]),
            max(0, len(group) - A_GROUP),
        )
        for number, group in largest[:GROUPS]
    ), len(copies)


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


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """At most `most` of the rows, evenly spaced, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _by_confidence(row: Row) -> tuple[bool, float, int, str]:
    return (not row.sha256, -(row.confidence or 0.0), row.number or 0, row.url)


def _size(row: Row) -> str:
    return f"{row.width} by {row.height}" if row.width and row.height else ""
