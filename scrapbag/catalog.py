"""The SQLite file of one dataset: its tables, how it is opened, and what the stages read from it.

Requests are the crawl's frontier (crawl/frontier.py writes them); a picture is in it once, by sha256, with a number
that never changes; a sighting is one picture on one page; labels belong to a sha256 (labels.py writes them).
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import DiskError, MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scrapbag.layout import Data

VERSION = 1
_NETWORK_DISKS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph"}  # flock and WAL fail there

SCHEMA = """
create table if not exists request (
    id            integer primary key,
    url           text not null,
    host          text not null,                    -- with its port, where the address names one
    source        text not null,
    kind          text not null,                    -- page | picture
    callback      text not null default '',         -- which method of the source's spider reads a page
    meta          text not null default '{}',       -- JSON that the callback needs
    once          integer not null default 0,       -- a page that a later scrape does not ask again
    state         text not null default 'queued',   -- queued | leased | done | failed | skipped
    reason        text not null default '',         -- of failed and skipped: opt_out robots http_4xx ...
    attempts      integer not null default 0,
    not_before    real not null default 0,          -- seconds since 1970
    status        integer,                          -- the last HTTP status
    etag          text not null default '',
    last_modified text not null default '',
    fetched_at    text not null default '',         -- ISO 8601, UTC
    sha256        text                              -- of a picture that came
);
-- a picture is asked for once over all sources; a page once for each source that reads it, in each way
create unique index if not exists request_once on request
    (url, kind, case kind when 'page' then source else '' end, case kind when 'page' then callback else '' end);
create index if not exists request_ready on request (state, host, id);
create index if not exists request_sha256 on request (sha256);

create table if not exists host (
    name       text primary key,
    not_before real not null                        -- seconds since 1970: what a Retry-After asked for
) without rowid;

create table if not exists source (
    name   text primary key,
    recipe text not null                            -- as it was last read; a changed one reads its pages anew
) without rowid;

create table if not exists picture (
    id         integer primary key,                 -- a square's name; never used again
    sha256     text not null unique,
    extension  text not null,                       -- from the signature
    bytes      integer not null,
    width      integer,                             -- pixels, before any EXIF turn; null when unreadable
    height     integer,
    problem    text not null default '',            -- not_image | truncated ..., when storing already saw it
    added_at   text not null
);

create table if not exists sighting (
    url         text not null,
    page_url    text not null,
    source      text not null,
    source_id   text not null default '',
    title       text not null default '',
    tags        text not null default '',           -- joined by ', '
    creator     text not null default '',
    licence     text not null default 'unknown',
    licence_url text not null default '',
    attribution text not null default '',
    rating      real,                               -- of 5
    primary key (url, page_url)
) without rowid;

create table if not exists label (
    id        integer primary key,
    sha256    text not null,
    answer    text not null,                        -- yes | no | unsure
    targets   text not null,                        -- the question: JSON list, sorted
    purpose   text not null,                        -- certify | teach | import
    drawn     text not null default '{}',           -- JSON: how it was drawn, of which score version and threshold
    at        text not null,
    undone    integer not null default 0
);
create index if not exists label_sha256 on label (sha256);
"""


@dataclass(frozen=True)
class Record:
    """One picture address that was asked for: what its page said of it, and what became of it."""

    number: int | None  # of the picture; its square's name. None when no body came
    url: str  # the picture's address
    page_url: str  # the page that it was first found on
    source: str  # the source of the recipe
    source_id: str  # the site's own name for it
    title: str  # what the page calls it
    tags: str  # joined by ', '
    creator: str  # who made it, as the page says
    licence: str  # as the page or the recipe says; unknown where neither does
    licence_url: str  # the page that explains the licence
    attribution: str  # the words that the site asks to be credited with
    rating: float | None  # of 5
    fetched_at: str  # ISO 8601, UTC
    state: str  # of its request
    fetch_reason: str  # why no picture came
    sha256: str  # of the bytes as served; '' when none came
    extension: str  # by the bytes, not by the address
    bytes: int | None  # how many
    width: int | None  # in pixels
    height: int | None  # in pixels
    problem: str  # what was already wrong when the picture was stored


@dataclass(frozen=True)
class StoredPicture:
    """A file that came, once by its bytes."""

    number: int
    sha256: str
    path: Path


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the catalog in WAL mode; transactions are explicit (`begin immediate`).

    Raises MissingError when there is none and `create` is false, DiskError on a network disk, UsageError when it was
    written by a newer scrapbag or is no catalog.
    """
    if not path.exists() and not create:
        raise MissingError(f"there is no catalog {path}; run make scrape first")
    path.parent.mkdir(parents=True, exist_ok=True)
    if (kind := _disk(path.parent)) in _NETWORK_DISKS:
        raise DiskError(
            f"{path.parent} is on a network disk ({kind}), where SQLite loses data; set DATA to a local folder"
        )
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        version = connection.execute("pragma user_version").fetchone()[0]
        if version > VERSION:
            raise UsageError(f"{path} was written by a newer scrapbag (catalog {version}, this one knows {VERSION})")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        if version < VERSION:
            connection.executescript(f"begin immediate; {SCHEMA} pragma user_version = {VERSION}; commit;")
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise UsageError(f"{path} is not a catalog ({error}); move it away") from None
    except UsageError:
        connection.close()
        raise
    return connection


def records(connection: sqlite3.Connection) -> Iterator[Record]:
    """Every picture address that was asked for, in the order of discovery, with its first page's words."""
    names = {f.name for f in fields(Record)}
    rows = connection.execute("""
        select p.id as number, r.url, coalesce(s.page_url, '') as page_url, r.source,
               coalesce(s.source_id, '') as source_id, coalesce(s.title, '') as title, coalesce(s.tags, '') as tags,
               coalesce(s.creator, '') as creator, coalesce(s.licence, 'unknown') as licence,
               coalesce(s.licence_url, '') as licence_url, coalesce(s.attribution, '') as attribution, s.rating,
               r.fetched_at, r.state, r.reason as fetch_reason, coalesce(r.sha256, '') as sha256,
               coalesce(p.extension, '') as extension, p.bytes, p.width, p.height, coalesce(p.problem, '') as problem
        from request r
        left join picture p on p.sha256 = r.sha256
        left join sighting s on s.url = r.url
             and s.page_url = (select min(page_url) from sighting where url = r.url)
        where r.kind = 'picture' and (r.attempts > 0 or r.state in ('failed', 'skipped'))  -- or its host was given up
        order by r.id""")
    columns = [column[0] for column in rows.description]
    if set(columns) != names:
        raise AssertionError(set(columns) ^ names)
    for row in rows:
        yield Record(**dict(zip(columns, row, strict=True)))


def pictures(connection: sqlite3.Connection, data: Data) -> list[StoredPicture]:
    """Every picture, by its number."""
    rows = connection.execute("select id, sha256, extension from picture order by id")
    return [StoredPicture(number, sha256, data.image(sha256, extension)) for number, sha256, extension in rows]


def absent(stored: Sequence[StoredPicture], data: Data) -> set[str]:
    """The sha256 of those pictures whose file is gone. Raises DiskError where all are: then it is the disk.

    What is not there now says nothing about a picture, so nobody may keep a score of it.
    """
    folders = [entry for entry in os.scandir(data.images) if entry.is_dir()] if data.images.is_dir() else []
    files = (entry for folder in folders for entry in os.scandir(folder))
    there = {entry.name for entry in files if not entry.is_symlink() or Path(entry).exists()}
    gone = {picture.sha256 for picture in stored if picture.path.name not in there}
    if gone and len(gone) == len(stored):
        raise DiskError(
            f"{data.images} has none of the {len(stored)} pictures that it should have; see that its disk is mounted"
        )
    return gone


def _disk(folder: Path) -> str:
    """The file system's type, '' where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    folder = folder.resolve()
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, place, name, *_ = line.split()
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, name
    return kind
