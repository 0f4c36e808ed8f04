"""The SQLite file of one dataset: its tables, how it is opened, and what the stages read from it.

Requests are the crawl's frontier (crawl/frontier.py writes them); a picture is in it once, by sha256, with a number
that never changes; a sighting is one picture on one page; labels belong to a sha256 (labels.py writes them).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapbag.disk import network_disk
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.tables.placeholders import FOUND
from scrapbag.tables.schema import SCRIPTS, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scrapbag.layout import Data

NO_DECODER = "no_decoder"  # the problem of a HEIC picture that came where the extra that decodes it was not installed
UNDECODABLE = "undecodable"  # the problem of a picture that looked whole when it was stored, and now is not
PLACEHOLDER = "placeholder"  # the problem of a picture that stands for many different things
RECORDS = f"""
    with placeholder as materialized (select sha256 from ({FOUND})),
         several as materialized (select url from sighting group by url having count(*) > 1)
    select p.id as number, r.url, coalesce(s.page_url, '') as page_url, r.source,
           coalesce(s.source_id, '') as source_id, coalesce(s.title, '') as title, coalesce(s.tags, '') as tags,
           coalesce(s.creator, '') as creator, coalesce(s.licence, 'unknown') as licence,
           coalesce(s.licence_url, '') as licence_url,
           iif(r.url in several or instr(s.licence, ' | '),
               coalesce((select group_concat(licence, ' | ') from (select distinct licence from sighting
                         where url = r.url and licence not in ('', 'unknown') order by licence)), ''), '')
           as licence_disputed,
           coalesce(s.attribution, '') as attribution, s.rating,
           r.fetched_at, iif(r.state in ('queued', 'leased') and r.settled > '', r.settled, r.state) as state,
           r.reason as fetch_reason, coalesce(p.sha256, '') as sha256,
           coalesce(p.extension, '') as extension, p.bytes, p.width, p.height,
           coalesce(nullif(p.problem, ''), iif(p.sha256 in placeholder, '{PLACEHOLDER}', ''), '') as problem
    from request r
    left join picture p on p.sha256 = r.sha256 and r.reason <> 'gone'
    left join sighting s on s.id = iif(r.url in several,
         (select one.id from sighting one left join source on source.name = one.source where one.url = r.url
          order by coalesce(source.active and one.edition >= source.since, 1) desc, one.id limit 1),
         (select id from sighting where url = r.url))
    where r.kind = 'picture'
          and (r.settled > '' or r.attempts > 0 or r.state in ('failed', 'skipped') and r.reason <> 'gone')
    order by r.id"""  # noqa: S608  (words of our own)

# The files of one folder of images/ at a time, in one text: a row a picture takes three times as long
_FILES = """select substr(sha256, 1, 2), count(*), group_concat(sha256 || '.' || extension, '/') from picture
    group by 1"""


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
    problem: str  # what was wrong when the picture was stored; undecodable, placeholder: seen later


@dataclass(frozen=True)
class StoredPicture:
    """A file that came, once by its bytes."""

    number: int
    sha256: str
    path: Path

    def is_intact(self) -> bool:
        """Whether the file still has the bytes that came. Raises OSError where the disk does not give it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


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
    """Every picture address that was asked for, as `record_values` has them."""
    for values in record_values(connection):
        yield Record(*values)


def record_values(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every picture address that was asked for, in the order of discovery, with the words of its first page.

    Each is the values of a Record's fields in their order: to make the objects takes longer than to read the values. A
    row keeps its last answer while it is asked again. One that no source of the recipe names any more is `gone`, and
    has no picture.
    """
    names = [field.name for field in fields(Record)]
    rows = connection.execute(RECORDS)
    columns = [column[0] for column in rows.description]
    if columns != names:
        raise AssertionError(set(columns) ^ set(names))
    place = names.index("licence_disputed")
    for row in rows:
        yield (*row[:place], disputed([row[place]]), *row[place + 1 :]) if row[place] else row


def disputed(stated: Iterable[str]) -> str:
    """The licences in texts joined by ' | ', if they are several: '' where all are one, whatever its capitals."""
    licences = {one.casefold(): one for text in stated for one in text.split(" | ") if one not in ("", "unknown")}
    return " | ".join(licences[one] for one in sorted(licences)) if len(licences) > 1 else ""


def pictures(connection: sqlite3.Connection, data: Data) -> list[StoredPicture]:
    """Every picture, by its number."""
    rows = connection.execute("select id, sha256, extension from picture order by id")
    return [StoredPicture(number, sha256, data.image(sha256, extension)) for number, sha256, extension in rows]


def undecoded(connection: sqlite3.Connection) -> str:
    """A sentence on the pictures that wait for the extra that decodes them; '' where none do."""
    (count,) = connection.execute("select count(*) from picture where problem = ?", (NO_DECODER,)).fetchone()
    return f"{count:,} HEIC pictures need pillow-heif: make setup EXTRA=heic, then make scrape" if count else ""


def _upgrade(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date, in one transaction."""
    connection.execute("pragma secure_delete = on")  # a key that an older version wrote leaves the file
    connection.execute("begin immediate")
    (version,) = connection.execute("pragma user_version").fetchone()  # another process may have done it meanwhile
    script = SCRIPTS.get(version, "")
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


def absent(stored: Sequence[StoredPicture], data: Data) -> set[str]:
    """The sha256 of those pictures whose file is gone. Raises DiskError where all are: then it is the disk.

    What is not there now says nothing about a picture, so nobody may keep a score of it.
    """
    there = {name for folder in _folders(data) for name in _files(folder)}
    return _some({picture.sha256 for picture in stored if picture.path.name not in there}, len(stored), data)


def missing(connection: sqlite3.Connection, data: Data) -> set[str]:
    """As `absent`, of all pictures of the catalog; it knows the files of one folder at a time."""
    rows = connection.execute(_FILES)
    folders, gone, count = {path.name: path for path in _folders(data)}, set(), 0
    for prefix, number, names in rows:
        there = set(_files(folders[prefix])) if prefix in folders else set()
        count += number
        gone |= {name.partition(".")[0] for name in set(names.split("/")) - there}
    return _some(gone, count, data)


def _folders(data: Data) -> list[Path]:
    return [Path(entry) for entry in os.scandir(data.images) if entry.is_dir()] if data.images.is_dir() else []


def _files(folder: Path) -> Iterator[str]:
    """The names of files and of links that lead to one."""
    return (entry.name for entry in os.scandir(folder) if not entry.is_symlink() or Path(entry).exists())


def _some(gone: set[str], count: int, data: Data) -> set[str]:
    if gone and len(gone) == count:
        raise DiskError(
            f"{data.images} has none of the {count} pictures that it should have; see that its disk is mounted,"
            " or fetch them again: make scrape RETRY=failed"
        )
    return gone
