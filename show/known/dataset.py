"""What is known of a dataset: how many pictures were found, fetched, kept and dropped, why, and from where."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from scrapbag import reasons
from scrapbag.catalog import records
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import METADATA
from scrapbag.tables.schema import VERSION
from show.known import files
from show.known.listing import KEPT, Listing, listed, square_name

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Data

FETCHED = "waiting"  # the reason of what came and was not decided upon yet


@dataclass(frozen=True)
class Funnel:
    """Counts of picture addresses; `kept` is None before the first curation."""

    found: int
    waiting: int  # to be asked for
    fetched: int
    kept: int | None


def listing(data: Data) -> Listing:
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


def funnel(data: Data, known: Listing) -> Funnel:
    """How many came how far. Raises one of files.UNUSABLE."""
    found, waiting = _queue(data.catalog) if data.catalog.exists() else (len(known.rows), 0)
    kept = len(known.kept) if known.decided else None
    return Funnel(max(found, len(known.rows)), waiting, len(known.came), kept)


def meaning(reason: str) -> str:
    """The sentence for a reason."""
    return "It was kept: there is a square of it." if reason == KEPT else reasons.sentence(reason)


def _log_stamp(path: Path) -> tuple[object, ...]:
    """Of a catalog and its write-ahead log; while a crawl writes to it, another one every ten seconds."""
    log = path.with_name(f"{path.name}-wal")
    return *files.stamp(path), log.stat().st_mtime_ns // 10**10 if log.exists() else 0


@files.remembered(8)
def _decided(path: Path) -> Listing:
    """Of report.csv."""
    with files.table(path) as lines:
        found = [listed(row, "" if row["kept"].lower() == "true" else row["reason"] or "unknown") for row in lines]
        if not found and not {"kept", "reason", "sha256"} <= set(lines.fieldnames or ()):
            raise UsageError(f"{path} has other columns than this scrapbag writes; run make curate again")
    return Listing(found)


@files.remembered(8)
def _squares(path: Path) -> Listing:
    """Of metadata.csv."""
    with files.table(path) as lines:
        return Listing([listed(row, "", row["file_name"]) for row in lines])


def _folder_stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


@files.remembered(8, _folder_stamp)
def _pictures(folder: Path) -> Listing:
    """Of squares without a table."""
    return Listing([listed({}, "", path.name) for path in sorted(folder.glob("*.png")) if square_name(path.name)])


@files.remembered(8, _log_stamp)
def _asked(path: Path) -> Listing:
    """Of the catalog. What came waits to be decided upon."""
    with closing(read_only(path)) as connection:
        found = [asdict(one) for one in records(connection)]
    named = ({name: str(value or "") for name, value in one.items()} for one in found)
    return Listing([listed(one, one["fetch_reason"] or FETCHED) for one in named], decided=False)


@files.remembered(8, _log_stamp)
def _queue(path: Path) -> tuple[int, int]:
    """How many picture addresses were found, and how many of them wait."""
    with closing(read_only(path)) as connection:
        counts = dict(connection.execute("select state, count(*) from request where kind = 'picture' group by 1"))
    return sum(counts.values()), counts.get("queued", 0) + counts.get("leased", 0)


def read_only(path: Path) -> sqlite3.Connection:
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
