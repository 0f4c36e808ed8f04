"""Which files of data/<name>/ belong to its state, and what one state has that another lacks."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapbag import catalog
from scrapbag.errors import UsageError
from scrapbag.plain import counted
from scrapbag.storage.index import SHA256, FileEntry, object_name
from scrapbag.storage.store import digest, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scrapbag.layout import Data
    from scrapbag.storage.index import Index
    from scrapbag.storage.store import Store

SHARD = ".safetensors"
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
# What goes: no settings of scrape, which tell of this computer; no export, which has a store of its own; no cache
_STAGES = ("score", "curate")
_LACKS = {  # rows of `theirs` that `main` has not, or not as far on
    "picture": "theirs.picture one where not exists (select 1 from main.picture where sha256 = one.sha256)",
    "answer": """theirs.label one where not exists (select 1 from main.label where sha256 = one.sha256
        and answer = one.answer and targets = one.targets and purpose = one.purpose and drawn = one.drawn
        and at = one.at and undone >= one.undone)""",
    "request": """theirs.request one where not exists (select 1 from main.request where url = one.url
        and kind = one.kind and (kind = 'picture' or source = one.source and callback = one.callback)
        and (settled <> '' or one.settled = ''))""",
    "sighting": """theirs.sighting one where not exists
        (select 1 from main.sighting where url = one.url and page_url = one.page_url and source = one.source)""",
}


def files(data: Data) -> dict[str, Path]:
    """Every file that is sent besides the pictures and the catalog, by its path in the folder, in order."""
    settings = [data.settings_of(stage) for stage in _STAGES] + [data.section_of(stage) for stage in _STAGES]
    found = [
        data.card, data.model_digests, *settings,
        *data.scored.rglob("*"), *data.curated.glob("*"), *data.report.glob("*"), *data.stamps.glob("*"),
    ]  # fmt: skip
    named = {path.relative_to(data.root).as_posix(): path for path in found if path.is_file()}
    return {name: named[name] for name in sorted(named) if not _is_passing(name)}


def scores(data: Data) -> dict[str, FileEntry]:
    """The shards of scores alone."""
    return {name: entry(path) for name, path in files(data).items() if path.suffix == SHARD}


def is_of_other_scores(name: str, files: Mapping[str, FileEntry]) -> bool:
    """Whether `name` is of a version of scores that `files` has nothing of: such a version is never forgotten."""
    parts = name.split("/")
    return len(parts) == 3 and parts[0] == "scored" and not any(one.startswith(f"scored/{parts[1]}/") for one in files)


def entry(path: Path) -> FileEntry:
    """A file as an index tells of it."""
    said = path.stat()
    return FileEntry(said.st_size, digest(path), said.st_mtime_ns)


def snapshot(source: Path, to: Path) -> None:
    """A copy of a catalog in one file, consistent whoever writes to it meanwhile (SQLite's backup API)."""
    _clear(to)
    with closing(catalog.connect(source)) as one, closing(sqlite3.connect(to)) as two:
        one.backup(two)
        two.execute("pragma journal_mode = delete")


def fetched(store: Store, index: Index, work: Path) -> Path:
    """The catalog of a store, in `work`, brought up to date where an older scrapbag sent it."""
    path, one = work / "theirs.db", index.catalog
    _clear(path)
    fetch(store, object_name(one.sha256), one.bytes, one.sha256, path)
    catalog.connect(path).close()
    return path


@contextmanager
def workplace(data: Data) -> Iterator[Path]:
    """A hidden folder of the dataset. What stands there after an error or a kill is found again by the next call."""
    data.moving.mkdir(parents=True, exist_ok=True)
    yield data.moving
    shutil.rmtree(data.moving)


def pictures(snapshot: Path, where: str) -> list[tuple[str, str, int]]:
    """SHA-256, extension and bytes of every picture of a catalog, which `where` has, by its number.

    The first two become paths: raises UsageError where one is not what a crawl writes.
    """
    with closing(sqlite3.connect(snapshot)) as connection:
        rows = connection.execute("select sha256, extension, bytes from picture order by id").fetchall()
    for sha256, extension, size in rows:
        named = SHA256.fullmatch(str(sha256)) and _EXTENSION.fullmatch(str(extension))
        if not (named and isinstance(size, int) and size >= 0):
            said = f"{sha256}.{extension}"
            raise UsageError(f"the catalog in {where} names {said[:160]!r}, which no crawl stores; nothing was moved")
    return rows


@dataclass(frozen=True)
class State:
    """A dataset somewhere: here, or in a store."""

    where: str
    catalog: Path  # a snapshot that nobody writes to
    files: Mapping[str, FileEntry]

    def lacks(self, other: State) -> str:
        """What the other has and this one has not, in words; '' where that is nothing."""
        with closing(sqlite3.connect(self.catalog)) as connection:
            connection.execute("attach ? as theirs", (str(other.catalog),))
            counts = {word: connection.execute(f"select count(*) from {rows}").fetchone()[0]  # noqa: S608
                      for word, rows in _LACKS.items()}  # fmt: skip
        versions, have = {_version(name) for name in self.files}, {one.sha256 for one in self.files.values()}
        counts["scored shard"] = sum(
            name.endswith(SHARD) and _version(name) in versions and one.sha256 not in have
            for name, one in other.files.items()
        )  # of a version that only the other has nothing is forgotten
        return ", ".join(counted(count, word) for word, count in counts.items() if count)


def require_nothing_lost(new: State, old: State, way: str) -> None:
    """Raises UsageError where `old` has what `new`, which comes in its place, lacks; `way` is what to do then."""
    if not (lost := new.lacks(old)):
        return
    if more := old.lacks(new):
        raise UsageError(
            f"{old.where} has what {new.where} lacks ({lost}), and lacks what that has ({more}); run make pull into"
            " another DATA, and bring answers over by report/labels.csv"
        )
    raise UsageError(f"{old.where} has what {new.where} lacks ({lost}); {way}")


def _clear(database: Path) -> None:
    """Away with a database and with what a kill left beside it, which SQLite would take for its own."""
    for ending in ("", "-journal", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _version(name: str) -> str:
    return name.rpartition("/")[0]


def _is_passing(name: str) -> bool:
    """Whether a file is one that is being written, or was put aside."""
    return any(part.startswith(".") for part in name.split("/")) or name.endswith((".part", ".broken"))
