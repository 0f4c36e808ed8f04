"""What is known of a dataset: how many pictures were found, fetched, kept and dropped, why, and from where."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from scrapbag import reasons
from scrapbag.catalog import records
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import METADATA
from scrapbag.plain import plain, uncell
from scrapbag.tables.schema import VERSION
from show.gallery import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scrapbag.layout import Data

KEPT, FETCHED = "kept", "waiting"  # what a sheet may show besides the reasons
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
class Origin:
    """One source of a dataset: how many pictures it gave, and under which licences."""

    name: str  # '' where nothing says so
    found: int
    fetched: int
    kept: int
    licences: tuple[tuple[str, int], ...]  # the most frequent first


@dataclass(frozen=True)
class Funnel:
    """Counts of picture addresses; `kept` is None before the first curation."""

    found: int
    waiting: int  # to be asked for
    fetched: int
    kept: int | None


class Pool:
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
    def origins(self) -> tuple[Origin, ...]:
        by_name: dict[str, list[Listed]] = {}
        for row in self.rows:
            by_name.setdefault(row.source, []).append(row)
        return tuple(
            Origin(
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


def pool(data: Data) -> Pool:
    """Every picture address as curate has it; before that as the catalog has it; else the squares alone.

    Raises one of files.UNUSABLE; MissingError where there is nothing of a dataset.
    """
    if data.report_csv.exists():
        return _decided(data.report_csv)
    if data.catalog.exists():
        return _asked(data.catalog)
    if (data.curated / METADATA).exists():
        return _squares(data.curated / METADATA)
    if data.curated.is_dir():
        return _pictures(data.curated)
    if data.settings.exists():
        raise MissingError(f"{data.root}: nothing was scraped yet; run make scrape")
    raise MissingError(f"{data.root} holds no dataset.")


def funnel(data: Data, known: Pool) -> Funnel:
    """How many came how far. Raises one of files.UNUSABLE."""
    found, waiting = _queue(data.catalog) if data.catalog.exists() else (len(known.rows), 0)
    kept = len(known.kept) if known.decided else None
    return Funnel(max(found, len(known.rows)), waiting, len(known.came), kept)


def meaning(reason: str) -> str:
    """The sentence for a reason."""
    return "It was kept: there is a square of it." if reason == KEPT else reasons.sentence(reason)


def _by_count(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _log_stamp(path: Path) -> tuple[object, ...]:
    """Of a catalog and its write-ahead log; while a crawl writes to it, another one every ten seconds."""
    log = path.with_name(f"{path.name}-wal")
    return *files.stamp(path), log.stat().st_mtime_ns // 10**10 if log.exists() else 0


@files.remembered(8)
def _decided(path: Path) -> Pool:
    """Of report.csv."""
    with files.table(path) as lines:
        found = [_listed(row, "" if row["kept"].lower() == "true" else row["reason"] or "unknown") for row in lines]
        if not found and not {"kept", "reason", "sha256"} <= set(lines.fieldnames or ()):
            raise UsageError(f"{path} has other columns than this scrapbag writes; run make curate again")
    return Pool(found)


@files.remembered(8)
def _squares(path: Path) -> Pool:
    """Of metadata.csv."""
    with files.table(path) as lines:
        return Pool([_listed(row, "", row["file_name"]) for row in lines])


def _folder_stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


@files.remembered(8, _folder_stamp)
def _pictures(folder: Path) -> Pool:
    """Of squares without a table."""
    return Pool([_listed({}, "", path.name) for path in sorted(folder.glob("*.png")) if _name(path.name)])


@files.remembered(8, _log_stamp)
def _asked(path: Path) -> Pool:
    """Of the catalog. What came waits to be decided upon."""
    with closing(_read_only(path)) as connection:
        found = [asdict(one) for one in records(connection)]
    named = ({name: str(value or "") for name, value in one.items()} for one in found)
    return Pool([_listed(one, one["fetch_reason"] or FETCHED) for one in named], decided=False)


@files.remembered(8, _log_stamp)
def _queue(path: Path) -> tuple[int, int]:
    """How many picture addresses were found, and how many of them wait."""
    with closing(_read_only(path)) as connection:
        counts = dict(connection.execute("select state, count(*) from request where kind = 'picture' group by 1"))
    return sum(counts.values()), counts.get("queued", 0) + counts.get("leased", 0)


def _read_only(path: Path) -> sqlite3.Connection:
    """The catalog, which is neither upgraded nor written to.

    Without a write-ahead log nobody writes to it, and SQLite need not make one to read it (immutable). Raises
    UsageError for one of another version.
    """
    still = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro{still}", uri=True, timeout=2)
    try:
        (version,) = connection.execute("pragma user_version").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    if version != VERSION:
        connection.close()
        raise UsageError(f"{path} was written by another scrapbag (catalog {version}, this one knows {VERSION})")
    return connection


def _listed(row: dict[str, str], reason: str, square: str = "") -> Listed:
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
        _name(square) if square else f"{int(number):05d}.png" if not reason and number.isdecimal() else "",
        plain(reason),
        *words,
    )


def _name(square: str) -> str:
    """The name of a square; '' for what leads elsewhere."""
    stem, dot, kind = square.rpartition(".")
    return square if dot and kind == "png" and stem.isascii() and stem.isdecimal() else ""
