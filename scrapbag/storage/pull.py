"""Brings a dataset from a store: only what is missing here, the SHA-256 of all that comes checked, the catalog last.

A picture that is here with its size is taken for whole: make verify reads them all.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag import catalog
from scrapbag.disk import lock, network_disk, sweep, writing
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.storage import index, state
from scrapbag.storage.index import FileEntry, object_name
from scrapbag.storage.moving import THERE, Moved, each, went
from scrapbag.storage.state import State
from scrapbag.storage.store import digest, fetch, variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapbag.storage.store import Store

_A = Data(Path())
_TOPS = {path.name for path in (_A.scored, _A.curated, _A.report, _A.settings, _A.stamps, _A.card)}


def pull(data: Data, name: str, store: Store) -> tuple[Moved, int]:
    """Make `data` what `store` holds; returns what came, and how many pictures the store lacks itself.

    Started again after a kill it goes on. Raises MissingError where the store has no dataset, UsageError where `data`
    has what the store lacks, DiskError for an object that is lost or damaged, LockedError while a stage is at work.
    """
    found = index.read(store, name)
    if found is None:
        raise MissingError(f"there is no dataset in {store.url}; run make push {variable(store)} where it is")
    data.root.mkdir(parents=True, exist_ok=True)
    if kind := network_disk(data.root):
        raise DiskError(f"{data.root} is on a network disk ({kind}), where SQLite loses data; write another DATA")
    with ExitStack() as held:
        for stage in ("push", "scrape", "score", "curate", "review"):
            held.enter_context(lock(data.root, stage))
        work = held.enter_context(state.workplace(data))
        theirs = state.fetched(store, found, work)
        if data.catalog.exists():
            mine = work / "mine.db"
            state.snapshot(data.catalog, mine)
            old, new = State(str(data.root), mine, state.scores(data)), State(store.url, theirs, found.files)
            state.require_nothing_lost(new, old, f"run make push {variable(store)} first")
        moved = _pictures(data, store, theirs, set(found.absent))
        moved += _files(data, store, found.files, work)
        data.squares.mkdir(exist_ok=True)  # a cache, empty; without it Make takes the squares for lost
        _catalog(theirs, data.catalog)
    return moved, len(found.absent)


def _pictures(data: Data, store: Store, theirs: Path, absent: set[str]) -> Moved:
    def move(row: tuple[str, str, int]) -> Moved:
        sha256, extension, size = row
        path = data.image(sha256, extension)
        if path.exists() and path.stat().st_size == size:
            return THERE
        return went(fetch(store, object_name(sha256), size, sha256, path))

    sweep(data.images)
    rows = [row for row in state.pictures(theirs, store.url) if row[0] not in absent]
    return each(rows, move, "pictures", sum(size for _, _, size in rows))


def _files(data: Data, store: Store, files: Mapping[str, FileEntry], work: Path) -> Moved:
    """Bring all files to `work`, those that are here already too, then each folder to its place.

    curated/ and a version of scores are exchanged whole: half of one beside half of another would be neither.
    """

    def move(item: tuple[str, FileEntry]) -> Moved:
        name, one = item
        path, here = work / name, data.root / name
        if _is(path, one):
            return THERE  # by a pull that was killed
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is(here, one):
            path.unlink(missing_ok=True)
            _same(here, path)
            return THERE
        return went(fetch(store, object_name(one.sha256), one.bytes, one.sha256, path))

    strange = [name for name in files if name.partition("/")[0] not in _TOPS]
    if strange:
        raise UsageError(f"{store.url} names {strange[0]!r}, which no dataset sends; nothing of it was read")
    for path in work.rglob("*"):  # of a pull that was killed before the store had this index
        if path.is_file() and path.parent != work and path.relative_to(work).as_posix() not in files:
            path.unlink()
    moved = each(files.items(), move, "files", sum(one.bytes for one in files.values()))
    for name, one in files.items():
        os.utime(work / name, ns=(one.date_ns, one.date_ns))
    folders = {name.rpartition("/")[0] for name in files}
    for folder in sorted(folders - {""}, key=lambda one: (one.startswith(data.stamps.name), one)):
        new, place = work / folder, data.root / folder
        if place == data.curated or place.parent == data.scored:
            _exchange(new, place, work / "old")
        else:
            place.mkdir(parents=True, exist_ok=True)
            for path in sorted(new.iterdir()):
                if path.is_file():
                    path.replace(place / path.name)
    if data.card.name in files:
        (work / data.card.name).replace(data.card)
    return moved


def _catalog(theirs: Path, place: Path) -> None:
    """Put a catalog in its place, in one step, whoever reads the one that is there."""
    if not place.exists():
        with writing(place) as part:
            state.snapshot(theirs, part)
        return
    with closing(sqlite3.connect(theirs)) as one, closing(catalog.connect(place)) as two:
        one.backup(two)


def _is(path: Path, one: FileEntry) -> bool:
    return path.is_file() and path.stat().st_size == one.bytes and digest(path) == one.sha256


def _same(here: Path, path: Path) -> None:
    """`here` under another name, too; a copy on a disk without hard links."""
    try:
        path.hardlink_to(here)
    except OSError:
        shutil.copy2(here, path)


def _exchange(new: Path, place: Path, old: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
