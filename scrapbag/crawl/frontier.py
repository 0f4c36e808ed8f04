"""What a crawl has found and has still to ask for: the catalog's requests, and every transaction that changes them.

A response is a page or a picture, and each is one transaction: a page with everything that it names, a picture with its
sha256. A lease belongs to the run that took it; the next run begins by queueing the leases of a dead one again.

Our own, because Scrapy's disk queues and duplicate filter are files of their own: no page and what it names could be
one transaction.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from scrapbag.crawl.found import Answer, Lease, Page, Picture, Stored, request_row, sighting_row
from scrapbag.crawl.states import move

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from scrapbag.reasons import FetchReason

__all__ = ["Answer", "Frontier", "Lease", "Listener", "Page", "Picture", "Stored"]


class Listener(Protocol):
    """Who wants to know what the frontier does: the scheduler."""

    def found(self, hosts: set[str]) -> None:
        """These hosts have something new."""

    def settled(self, lease: Lease) -> None:
        """A lease has ended, however it did."""


class Frontier:
    """The requests of some sources. Every method that changes something is one transaction.

    `clock` tells the time in seconds since 1970.
    """

    def __init__(
        self, connection: sqlite3.Connection, sources: Iterable[str], clock: Callable[[], float] = time.time
    ) -> None:
        self._db = connection
        self._clock = clock
        self.listener: Listener | None = None
        self.pictures = int(connection.execute("select count(*) from picture").fetchone()[0])  # different ones
        connection.execute("create temp table wanted (name text primary key) without rowid")
        connection.executemany("insert into wanted values (?)", [(name,) for name in sources])

    def begin(self, recipes: dict[str, str], *, retry: bool, fresh: bool) -> None:
        """Queue what this run has to ask for.

        That is what an earlier run left, and with `retry` what failed. When nothing is left it is a new round: every
        page that may have changed. With `fresh`, or for a source whose recipe changed, every page is read anew.
        """
        with self._transaction() as db:
            db.execute(move("begin", where="true"))
            db.execute("delete from host where not_before <= ?", (self._clock(),))
            if retry:
                db.execute(move("retry", *_ANEW, where="source in wanted"))
            elif not self._left():
                db.execute(move("round", *_ANEW, where="kind = 'page' and not once and source in wanted"))
            for name, recipe in recipes.items():
                known = db.execute("select recipe from source where name = ?", (name,)).fetchone()
                if fresh or (known and known[0] != recipe):
                    values = (*_ANEW, "etag = ''", "last_modified = ''")
                    db.execute(move("anew", *values, where="kind = 'page' and source = ?"), (name,))
                db.execute("insert or replace into source values (?, ?)", (name, recipe))

    def add(self, source: str, found: Iterable[Page | Picture]) -> None:
        """Queue what is new, and note on which page each picture was seen."""
        with self._transaction():
            hosts = self._add(source, found)
        self._tell(hosts)

    def hosts(self) -> dict[str, float]:
        """Every host with something queued, and when it may be asked (seconds since 1970; 0 is now)."""
        rows = self._db.execute(
            """with recursive name(host) as (
                   select min(host) from request where state = 'queued' union all
                   select (select min(host) from request where state = 'queued' and host > name.host)
                   from name where name.host is not null)
               select name.host, coalesce(host.not_before, 0) from name
               left join host on host.name = name.host where name.host is not null"""
        )
        return dict(rows.fetchall())

    def lease(self, host: str, count: int, *, pictures: bool = True) -> list[Lease]:
        """At most `count` requests of `host` whose time has come, in the order they were found."""
        with self._transaction() as db:
            rows = db.execute(
                """select id, url, host, source, kind, callback, meta, attempts + 1, etag, last_modified from request
                   where state = 'queued' and host = ? and not_before <= ?
                   and (kind = 'page' or ?) and source in wanted order by id limit ?""",
                (host, self._clock(), pictures, count),
            ).fetchall()
            db.executemany(move("lease", "attempts = attempts + 1", where="id = ?"), [row[:1] for row in rows])
        return [_lease(row) for row in rows]

    def next_try(self, host: str) -> float | None:
        """When the next queued request of `host` may be made (seconds since 1970), None when there is none."""
        (when,) = self._db.execute(
            "select min(not_before) from request where state = 'queued' and host = ? and source in wanted", (host,)
        ).fetchone()
        return None if when is None else float(when)

    def page_done(self, lease: Lease, found: Iterable[Page | Picture], answer: Answer) -> None:
        """A page was read, and this is all it names."""
        with self._transaction():
            hosts = self._add(lease.source, found)
            self._settle("page_done", lease, answer)
        self._tell(hosts, lease)

    def unchanged(self, lease: Lease) -> None:
        """A page is as it was: what it names is already known."""
        self._settle("unchanged", lease, Answer(304, lease.etag, lease.last_modified))
        self._tell(set(), lease)

    def picture_done(self, lease: Lease, stored: Stored, answer: Answer) -> None:
        """A picture came; its file is already safe on the disk."""
        with self._transaction() as db:
            added = db.execute(
                """insert or ignore into picture (sha256, extension, bytes, width, height, problem, added_at)
                   values (?, ?, ?, ?, ?, ?, ?)""",
                (*astuple(stored), self._now()),
            )
            self._settle("picture_done", lease, answer, sha256=stored.sha256)
        self.pictures += added.rowcount
        self._tell(set(), lease)

    def lost(self, lease: Lease, reason: FetchReason, answer: Answer, *, skipped: bool = False) -> None:
        """A request that brought nothing. `skipped`: nobody was to ask, so it is no failure and not tried again."""
        self._settle("skip" if skipped else "lost", lease, answer, reason)
        self._tell(set(), lease)

    def later(self, lease: Lease, not_before: float, *, counts: bool = True) -> None:
        """Queue a request again. An attempt that does not count was the host's wish, or was never made."""
        self._db.execute(
            move("later", "not_before = ?", "attempts = attempts - ?", where="id = ?"),
            (not_before, 0 if counts else 1, lease.id),
        )
        self._tell(set(), lease)

    def pause(self, host: str, not_before: float) -> None:
        """Remember across runs that a host wants to be left alone until then."""
        self._db.execute("insert or replace into host values (?, ?)", (host, not_before))

    def stop(self, host: str, reason: FetchReason, source: str = "") -> int:
        """Give up a host, or do so for one source: what is queued of it has failed. Returns how many it were."""
        given_up = move(
            "stop", "reason = ?", "fetched_at = ?", where="host = ? and source in wanted and ? in ('', source)"
        )
        return self._db.execute(given_up, (reason, self._now(), host, source)).rowcount

    def count(self) -> dict[tuple[str, str, str], int]:
        """Requests of these sources by (kind, state, reason)."""
        rows = self._db.execute(
            """select kind, state, reason, count(*) from request where source in wanted
               group by 1, 2, 3 order by 1, 2, 3"""
        )
        return {(kind, state, reason): number for kind, state, reason, number in rows}

    def _tell(self, hosts: set[str], lease: Lease | None = None) -> None:
        if self.listener is not None:
            if hosts:
                self.listener.found(hosts)
            if lease is not None:
                self.listener.settled(lease)

    def _left(self) -> bool:
        left = "select 1 from request where state = 'queued' and source in wanted limit 1"
        return self._db.execute(left).fetchone() is not None

    def _add(self, source: str, found: Iterable[Page | Picture]) -> set[str]:
        """The hosts of what was found, when some of it is new."""
        requests, sightings = [], []
        for one in found:
            requests.append(request_row(source, one))
            if isinstance(one, Picture):
                sightings.append(sighting_row(source, one))
        added = self._db.executemany(
            """insert or ignore into request (url, host, source, kind, callback, meta, once)
               values (?, ?, ?, ?, ?, ?, ?)""",
            requests,
        )
        self._db.executemany("insert or replace into sighting values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sightings)
        return {row[1] for row in requests} if added.rowcount > 0 else set()

    def _settle(self, event: str, lease: Lease, answer: Answer, reason: str = "", sha256: str | None = None) -> None:
        columns = ("reason", "status", "etag", "last_modified", "fetched_at", "sha256")
        values = (reason, *astuple(answer), self._now(), sha256)
        self._db.execute(move(event, *(f"{name} = ?" for name in columns), where="id = ?"), (*values, lease.id))

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("begin immediate")
        try:
            yield self._db
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


_ANEW = ("reason = ''", "attempts = 0", "not_before = 0")


def _lease(row: tuple[Any, ...]) -> Lease:
    id_, url, host, source, kind, callback, meta, *rest = row
    return Lease(id_, url, host, source, kind, callback, json.loads(meta), *rest)
