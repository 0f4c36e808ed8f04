"""Sends a dataset to a store: pictures, then everything else, then the catalog, and the index last."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from scrapbag import catalog
from scrapbag.disk import lock
from scrapbag.storage import index, state
from scrapbag.storage.index import Index, object_name
from scrapbag.storage.moving import Moved, each, went
from scrapbag.storage.state import State
from scrapbag.storage.store import digest, send, variable

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Data
    from scrapbag.storage.store import Store


def push(data: Data, name: str, store: Store, *, fresh: bool = False) -> tuple[Moved, int]:
    """Bring the state of `data` to `store`; returns what went, and how many pictures are gone or damaged here.

    Each object is sent once, by its hash: what an earlier push sent, also one that was killed, is not sent again unless
    `fresh`. A crawl may go on meanwhile; score and curate wait. Raises UsageError where the store has another dataset,
    or what this one lacks.
    """
    with lock(data.root, "push"), state.workplace(data) as work:
        before = index.read(store, name)
        pushing = _Push(data, store, work, before, fresh=fresh)
        pushing.pictures()  # most of it, while every stage may work
        with lock(data.root, "score"), lock(data.root, "curate"):
            absent = pushing.pictures()  # and those that came meanwhile
            paths = state.files(data)
            files = {path: state.entry(file) for path, file in paths.items()}
            pushing.files({one.sha256: paths[path] for path, one in files.items()})
        mine = state.entry(pushing.snapshot)._replace(date_ns=0)
        pushing.files({mine.sha256: pushing.snapshot})
        kept = {path: one for path, one in before.files.items() if path not in files} if before else {}
        files |= {path: one for path, one in kept.items() if state.is_of_other_scores(path, files)}
        new = Index(name, mine, files, absent=tuple(sorted(absent)))
        dropped = before.digests() - new.digests() if before else set()
        if index.write(store, replace(new, dropped=tuple(sorted(dropped))), before) and before:
            pushing.forget(set(before.dropped) - new.digests())
        total = len(
            new.digests() | {sha256 for sha256, _, _ in state.pictures(pushing.snapshot, str(data.root))}
        ) - len(absent)
        return replace(pushing.moved, there=total - pushing.moved.objects), len(absent)


class _Push:
    """One push: what is known to be there, and what went."""

    def __init__(self, data: Data, store: Store, work: Path, before: Index | None, *, fresh: bool) -> None:
        self.moved = Moved()
        self.snapshot = work / "mine.db"
        self._data, self._store, self._fresh = data, store, fresh
        self._known: set[str] = set()
        state.snapshot(data.catalog, self.snapshot)
        if before is None:
            return
        theirs = state.fetched(store, before, work)
        here = State(str(data.root), self.snapshot, state.scores(data))
        there = State(store.url, theirs, before.files)
        state.require_nothing_lost(here, there, f"run make pull {variable(store)} first")
        if not fresh:
            named = {sha256 for sha256, _, _ in state.pictures(theirs, store.url)}
            self._known = before.digests() | (named - set(before.absent))

    def pictures(self) -> set[str]:
        """Send the pictures that the catalog names now; returns the SHA-256 of those that cannot be."""
        state.snapshot(self._data.catalog, self.snapshot)
        with closing(catalog.connect(self._data.catalog)) as connection:
            gone = catalog.absent(catalog.pictures(connection, self._data), self._data)
        rows = [row for row in state.pictures(self.snapshot, str(self._data.root)) if row[0] not in self._known]
        absent: set[str] = set()

        def move(row: tuple[str, str, int]) -> Moved:
            sha256, extension, _ = row
            path = self._data.image(sha256, extension)
            whole = sha256 not in gone and digest(path) == sha256
            if not (self._fresh and whole) and self._store.size(object_name(sha256)) is not None:
                return Moved()
            if not whole:
                absent.add(sha256)
                return Moved()
            return went(send(self._store, object_name(sha256), path))

        self.moved += each(rows, move, "pictures", sum(size for _, _, size in rows))
        self._known |= {sha256 for sha256, _, _ in rows} - absent
        return absent

    def files(self, by_hash: dict[str, Path]) -> None:
        """Send files."""
        new = {sha256: path for sha256, path in by_hash.items() if sha256 not in self._known}

        def move(one: tuple[str, Path]) -> Moved:
            name, path = object_name(one[0]), one[1]
            if not self._fresh and self._store.size(name) == path.stat().st_size:
                return Moved()
            return went(send(self._store, name, path))

        self.moved += each(new.items(), move, "files", sum(path.stat().st_size for path in new.values()))
        self._known |= new.keys()

    def forget(self, objects: set[str]) -> None:
        """Delete what the index before the last named: a pull that read it has had a whole push's time."""
        pictures = {sha256 for sha256, _, _ in state.pictures(self.snapshot, str(self._data.root))}
        for sha256 in sorted(objects - pictures):
            self._store.delete(object_name(sha256))
