"""The picture addresses of a dataset as the gallery lists them: by sheet, by source, by sha256, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from scrapbag.plain import plain, uncell

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = "kept"  # the sheet that is of no reason
_HEX = frozenset("0123456789abcdef")


class Listed(NamedTuple):
    """One picture address, or one square where nothing else is known."""

    sha256: str  # of its bytes; '' where none came, or none is known
    extension: str
    square: str  # the name of its file in curated/; '' where it was not kept
    reason: str  # '' where it was kept
    title: str
    source: str
    creator: str
    licence: str
    licence_url: str
    page_url: str
    confidence: str

    @property
    def said(self) -> str:
        """What a search looks through."""
        return f"{self.title} {self.source} {self.creator} {self.licence}".casefold()

    @property
    def came(self) -> bool:
        return bool(self.sha256 or self.square)


@dataclass(frozen=True)
class Provenance:
    """One source of a dataset: how many pictures it gave, and under which licences."""

    name: str  # '' where nothing says so
    found: int
    fetched: int
    kept: int
    licences: tuple[tuple[str, int], ...]  # the most frequent first


class Listing:
    """Every picture address of a dataset, and what is counted of them."""

    def __init__(self, rows: Iterable[Listed], *, decided: bool = True) -> None:
        self.rows = tuple(rows)
        self.decided = decided  # whether curate has chosen among them

    @cached_property
    def came(self) -> list[Listed]:
        return [row for row in self.rows if row.came]

    @cached_property
    def dropped(self) -> tuple[tuple[str, int], ...]:
        """By reason, of those that came."""
        return _by_count(Counter(row.reason for row in self.came if row.reason))

    @cached_property
    def never(self) -> tuple[tuple[str, int], ...]:
        """By reason, of those that did not come."""
        return _by_count(Counter(row.reason for row in self.rows if not row.came))

    @cached_property
    def kept(self) -> list[Listed]:
        return [row for row in self.rows if not row.reason]

    @cached_property
    def by_sha256(self) -> dict[str, Listed]:
        """The first row of each picture."""
        return {row.sha256: row for row in reversed(self.rows) if row.sha256}

    @cached_property
    def by_square(self) -> dict[str, Listed]:
        return {row.square: row for row in self.rows if row.square}

    @cached_property
    def origins(self) -> tuple[Provenance, ...]:
        by_name: dict[str, list[Listed]] = {}
        for row in self.rows:
            by_name.setdefault(row.source, []).append(row)
        return tuple(
            Provenance(
                name,
                len(those),
                sum(row.came for row in those),
                sum(not row.reason for row in those),
                _by_count(Counter(row.licence or "unknown" for row in those if row.came)),
            )
            for name, those in sorted(by_name.items())
        )

    def sheet(self, name: str, words: str = "") -> list[Listed]:
        """Those that were kept, or dropped for a reason; of these the ones whose texts have all `words`."""
        wanted = words.casefold().split()
        return [
            row
            for row in self.rows
            if (row.reason or KEPT) == name and (not wanted or all(one in row.said for one in wanted))
        ]


def listed(row: dict[str, str], reason: str, square: str = "") -> Listed:
    """A line of a table; what is in it was never checked."""
    sha256 = row.get("sha256") or ""
    extension = row.get("extension") or ""
    number = (row.get("number") or "").partition(".")[0]
    known = len(sha256) == 64 and set(sha256) <= _HEX and extension.isascii() and extension.isalnum()
    words = (
        plain(uncell(row.get(name) or ""))
        for name in ("title", "source", "creator", "licence", "licence_url", "page_url", "confidence")
    )
    return Listed(
        sha256 if known else "",
        extension if known else "",
        square_name(square) if square else f"{int(number):05d}.png" if not reason and number.isdecimal() else "",
        plain(reason),
        *words,
    )


def square_name(square: str) -> str:
    """The name of a square; '' for what leads elsewhere."""
    stem, dot, kind = square.rpartition(".")
    return square if dot and kind == "png" and stem.isascii() and stem.isdecimal() else ""


def _by_count(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
