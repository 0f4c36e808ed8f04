"""The SQLite file of one dataset: its tables, how it is opened, and what the stages read from it.

Requests are the crawl's frontier (crawl/frontier.py writes them); a picture is in it once, by sha256, with a number
that never changes; a sighting is one picture on one page; labels belong to a sha256 (labels.py writes them).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from scrapbag.disk import network_disk
from scrapbag.errors import DiskError, MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scrapbag.layout import Data

VERSION = 2
UNDECODABLE = "undecodable"  # the problem of a picture that looked whole when it was stored, and no decoder reads

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
    reason        text not null default '',         -- of its last answer: opt_out robots http_4xx ...
    settled       text not null default '',         -- the state that its last answer brought it to; '' before the first
    edition       integer not null default 0,       -- of its source, when that last named it
    attempts      integer not null default 0,       -- answers since it was queued anew
    cuts          integer not null default 0,       -- runs in a row that were killed while they had leased it
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
    not_before real not null,                       -- seconds since 1970: nothing is asked of it until then
    asked      integer not null default 1           -- whether the host asked for that (Retry-After)
) without rowid;

create table if not exists source (
    name    text primary key,
    recipe  text not null,                          -- as it was last read, without its key
    edition integer not null default 0,             -- raised by an edit: what the source names now has this edition
    since   integer not null default 0,             -- what it has not named since this edition is gone
    active  integer not null default 1              -- whether the recipe has it
) without rowid;

create table if not exists picture (
    id         integer primary key,                 -- a square's name; never used again
    sha256     text not null unique,
    extension  text not null,                       -- from the signature
    bytes      integer not null,
    width      integer,                             -- pixels, before any EXIF turn; null when unreadable
    height     integer,
    problem    text not null default '',            -- not_image truncated ...; undecodable: decoders alone saw it
    added_at   text not null
);

create table if not exists sighting (
    id          integer primary key,                -- in the order of finding
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
    edition     integer not null default 0,         -- of its source, when that last named it
    unique (url, page_url, source)
);

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

# Of version 1, which counted leases as attempts, and knew of no editions
_FROM_1 = """
alter table request add column settled text not null default '';
alter table request add column edition integer not null default 0;
alter table request add column cuts integer not null default 0;
update request set settled = state where state in ('done', 'failed', 'skipped');
update request set attempts = 0 where settled = '';
alter table host add column asked integer not null default 1;
alter table source add column edition integer not null default 0;
alter table source add column since integer not null default 0;
alter table source add column active integer not null default 1;
update source set recipe = substr(recipe, 1, instr(recipe, char(10) || 'api_key = '))
    || substr(recipe, instr(recipe, 'api_key = ') + instr(substr(recipe, instr(recipe, 'api_key = ')), char(10)))
    where instr(recipe, char(10) || 'api_key = ');
alter table sighting rename to sighting_1;
"""
_SIGHTINGS_OF_1 = "insert into sighting select null, *, 0 from sighting_1;\ndrop table sighting_1;\n"


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
    licence_disputed: str  # where its pages state several licences, all of them, joined by ' | '
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
    problem: str  # what was wrong when the picture was stored; undecodable where only a decoder saw it


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
    if kind := network_disk(path.parent):
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
            _upgrade(connection)
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
    """Every picture address that was asked for, in the order of discovery, with the words of its first page.

    A row keeps its last answer while it is asked again. One that no source of the recipe names any more is `gone`, and
    has no picture.
    """
    names = {f.name for f in fields(Record)}
    rows = connection.execute("""
        select p.id as number, r.url, coalesce(s.page_url, '') as page_url, r.source,
               coalesce(s.source_id, '') as source_id, coalesce(s.title, '') as title, coalesce(s.tags, '') as tags,
               coalesce(s.creator, '') as creator, coalesce(s.licence, 'unknown') as licence,
               coalesce((select group_concat(licence, ' | ') from (select distinct licence from sighting
                         where url = r.url and licence not in ('', 'unknown') order by licence)), '')
               as licence_disputed,
               coalesce(s.licence_url, '') as licence_url, coalesce(s.attribution, '') as attribution, s.rating,
               r.fetched_at, iif(r.state in ('queued', 'leased') and r.settled > '', r.settled, r.state) as state,
               r.reason as fetch_reason, coalesce(p.sha256, '') as sha256,
               coalesce(p.extension, '') as extension, p.bytes, p.width, p.height, coalesce(p.problem, '') as problem
        from request r
        left join picture p on p.sha256 = r.sha256 and r.reason <> 'gone'
        left join sighting s on s.id = (
             select one.id from sighting one left join source on source.name = one.source where one.url = r.url
             order by coalesce(source.active and one.edition >= source.since, 1) desc, one.id limit 1)
        where r.kind = 'picture'
              and (r.settled > '' or r.attempts > 0 or r.state in ('failed', 'skipped') and r.reason <> 'gone')
        order by r.id""")
    columns = [column[0] for column in rows.description]
    if set(columns) != names:
        raise AssertionError(set(columns) ^ names)
    for row in rows:
        said = dict(zip(columns, row, strict=True))
        yield Record(**said | {"licence_disputed": disputed([said["licence_disputed"]])})


def disputed(stated: Iterable[str]) -> str:
    """The licences in texts joined by ' | ', if they are several: '' where all are one, whatever its capitals."""
    licences = {one.casefold(): one for text in stated for one in text.split(" | ") if one not in ("", "unknown")}
    return " | ".join(licences[one] for one in sorted(licences)) if len(licences) > 1 else ""


def pictures(connection: sqlite3.Connection, data: Data) -> list[StoredPicture]:
    """Every picture, by its number."""
    rows = connection.execute("select id, sha256, extension from picture order by id")
    return [StoredPicture(number, sha256, data.image(sha256, extension)) for number, sha256, extension in rows]


def _upgrade(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date, in one transaction."""
    connection.execute("pragma secure_delete = on")  # a key that an older version wrote leaves the file
    connection.execute("begin immediate")
    (version,) = connection.execute("pragma user_version").fetchone()  # another process may have done it meanwhile
    script = {0: SCHEMA, 1: f"{_FROM_1}{SCHEMA}{_SIGHTINGS_OF_1}"}.get(version, "")
    statement = ""
    try:
        for line in f"{script}pragma user_version = {VERSION};".splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                connection.execute(statement)
                statement = ""
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
