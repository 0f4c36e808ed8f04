"""What a crawl has found and has still to ask for: the catalog's requests, and every transaction that changes them.

A response is a page or a picture, and each is one transaction: a page with everything that it names, a picture with its
sha256. A lease belongs to the run that took it; the next run begins by queueing the leases of a dead one again.

Our own, because Scrapy's disk queues and duplicate filter are files of their own: no page and what it names could be
one transaction.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapbag.crawl import chains, due, naming, rounds
from scrapbag.crawl.cap import PageCap
from scrapbag.crawl.found import Answer, Lease, Listener, Page, Picture, Stored, Thing
from scrapbag.crawl.states import TRANSITIONS, move
from scrapbag.crawl.times import kept
from scrapbag.tables import passed_over

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from scrapbag.reasons import FetchReason

__all__ = ["Answer", "Frontier", "Lease", "Listener", "Page", "Picture", "Stored", "Thing"]


class Frontier:
    """The requests of some sources. Every method that changes something is one transaction.

    `clock` tells the time in seconds since 1970; `caps` says how many pages a source may have, where it has a limit.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        sources: Iterable[str],
        clock: Callable[[], float] = time.time,
        caps: Mapping[str, int] | None = None,
    ) -> None:
        self._db = connection
        self._clock = clock
        self._cap = PageCap(caps or {})
        self.listener: Listener | None = None
        self.suspects = False  # whether runs were killed again and again while they had leased something
        self.pictures = self._pictures()  # different ones
        connection.execute(due.WANTED)
        connection.executemany("insert into wanted (name) values (?)", [(name,) for name in sources])
        self._editions = self._wanted()

    def begin(self, recipes: Mapping[str, str], *, retry: bool, fresh: bool, lost_files: Iterable[str] = ()) -> None:
        """Queue what this run has to ask for. `recipes` are the settings of every source of the recipe, by name.

        That is what an earlier run left, and with `retry` what failed and what has no usable body (`lost_files` are
        sha256s without a file), or with `fresh` every page and picture. When nothing is left it is a new round: every
        page that may have changed. Both `retry` and `fresh` end all pauses.
        """
        with self._transaction() as db:
            rounds.recover(db, self._now())
            rounds.read_recipe(db, dict.fromkeys(self._editions, "") | dict(recipes))
            rounds.lift_pauses(db, self._clock(), every=retry or fresh)
            rounds.give_to_whoever_asks(db)
            rounds.queue(db, lost_files, retry=retry, fresh=fresh)
        self.go_on()

    def go_on(self, *, leave: Iterable[str] = ()) -> None:
        """Take up what `begin` has queued, of this process or of another that has ended; not what `leave` names.

        What those sources name is leased to nobody here.
        """
        with self._transaction() as db:
            db.execute(rounds.EDITIONS)
            db.executemany("update wanted set here = 0 where name = ?", [(name,) for name in leave])
            self.suspects = due.any_suspect(db)
            self._cap.count(db)
        self._editions, self.pictures = self._wanted(), self._pictures()

    def abandoned(self, leases: Iterable[Lease]) -> None:
        """The process that had taken these was killed: queue them again, as `begin` does after a run that was."""
        with self._transaction() as db:
            for lease in leases:
                rounds.recover(db, self._now(), lease.id)
            self.suspects = due.any_suspect(db)

    def relist(self, source: str) -> None:
        """A source that is one list begins to name all that it has: what it does not name by `concluded` is gone."""
        with self._transaction() as db:
            db.execute("update source set edition = edition + 1 where name = ?", (source,))
            db.execute("update wanted set edition = edition + 1 where name = ?", (source,))
        self._editions = self._wanted()

    def concluded(self, source: str) -> None:
        """A source has named all that it begins with. If its pages are all read, what it no longer names is gone."""
        with self._transaction() as db:
            if db.execute(rounds.UNREAD, (source, self._editions[source])).fetchone() is not None:
                return
            if not db.execute(
                "update source set since = edition where name = ? and since < edition", (source,)
            ).rowcount:
                return
            rounds.give_to_whoever_asks(db)
        self._tell(set(self.hosts()))

    def passed_over(self, source: str, rows: Iterable[tuple[str, str, int, str]], named: int) -> None:
        """What the listing of a source that named so many pictures left out: (reason, kind, count, first name)."""
        with self._transaction() as db:
            passed_over.write(db, source, rows, named, self._editions[source])

    def add(self, source: str, found: Iterable[Page | Picture]) -> None:
        """Queue what is new or to be asked again, and note on which page each picture was seen."""
        with self._transaction() as db:
            hosts = naming.name(db, source, found, self._editions, self._cap)
            self._cap.note(db, source, self._editions.get(source, 0))
        self._tell(hosts)

    def hosts(self) -> dict[str, float]:
        """Every host that this run has something to ask of, and when it may (seconds since 1970; 0 is now)."""
        return due.hosts(self._db, self._clock())

    def lease(self, host: str, count: int, *, pictures: bool = True, pictures_first: bool = False) -> list[Lease]:
        """At most `count` requests of `host` whose time has come, in the order they were found."""
        with self._transaction() as db:
            how = {"pictures": pictures, "pictures_first": pictures_first, "suspects": self.suspects}
            return due.take(db, host, count, self._clock(), **how)

    def next_try(self, host: str) -> float | None:
        """When the next queued request of `host` may be made (seconds since 1970), None when there is none."""
        return due.next_try(self._db, host, self._clock())

    def page_done(self, lease: Lease, found: Iterable[Page | Picture | Thing], answer: Answer) -> None:
        """A page was read, and this is all it names."""
        with self._transaction() as db:
            named = chains.read(db, lease, found, answer.digest)
            hosts = naming.name(db, lease.source, named, self._editions, self._cap)
            chains.link(db, lease, named)
            if self._cap.note(db, lease.source, self._editions.get(lease.source, 0), lease.id):
                answer = Answer(answer.status)  # it is read again when there may be more
            self._settle("page_done", lease, answer, "", *_VALIDATORS)
        self._tell(hosts, lease)

    def unchanged(self, lease: Lease) -> None:
        """A page or picture is as it was: what it names is already known, its bytes are here."""
        self._settle("unchanged", lease, Answer(304, lease.etag, lease.last_modified), "", *_VALIDATORS)
        self._tell(set(), lease)

    def picture_done(self, lease: Lease, stored: Stored, answer: Answer) -> None:
        """A picture came; its file is already safe on the disk."""
        with self._transaction() as db:
            added = db.execute(
                """insert or ignore into picture (sha256, extension, bytes, width, height, problem, added_at)
                   values (?, ?, ?, ?, ?, ?, ?)""",
                (*astuple(stored), self._now()),
            )
            self._settle("picture_done", lease, answer, "", *_VALIDATORS, sha256=stored.sha256)
        self.pictures += added.rowcount
        self._tell(set(), lease)

    def lost(
        self, lease: Lease, reason: FetchReason, answer: Answer, *, skipped: bool = False, passing: bool = False
    ) -> None:
        """A request that brought nothing. `skipped`: nobody was to ask, so it is no failure and not tried again.

        `passing`: it says nothing of what is asked for, so a picture that came before stays.
        """
        event = "skip" if skipped else "lost"
        if passing:
            self._settle(event, lease, answer, reason)
        else:
            self._settle(event, lease, answer, reason, *_VALIDATORS, sha256=None)
        self._tell(set(), lease)

    def later(self, lease: Lease, not_before: float, *, counts: bool = True) -> None:
        """Queue a request again. An attempt that does not count was the host's wish, or was never made."""
        self._db.execute(
            move("later", "not_before = ?", "attempts = attempts + ?", "cuts = 0", where="id = ?"),
            (not_before, int(counts), lease.id),
        )
        self._tell(set(), lease)

    def pause(self, host: str, not_before: float, *, asked: bool = True) -> None:
        """Remember across runs that nothing is asked of a host until then, and whether it `asked` for that."""
        self._db.execute("insert or replace into host values (?, ?, ?)", (host, not_before, asked))

    def rest(self, host: str) -> tuple[float, bool]:
        """Until when nothing is asked of a host (seconds since 1970, 0 is now), and whether it asked for that."""
        row = self._db.execute("select not_before, asked from host where name = ?", (host,)).fetchone()
        return (kept(row[0], self._clock()), bool(row[1])) if row else (0.0, False)

    def stop(self, host: str, reason: FetchReason, source: str = "") -> int:
        """Give up a host, or do so for one source: whatever is queued of it has failed for that reason.

        Pictures that came before stay. Returns how many requests that were.
        """
        given_up = ("reason = ?", "settled = 'failed'", "fetched_at = ?", "cuts = 0")
        query = move("stop", *given_up, where=f"host = ? and ? in ('', source) and {rounds.PRESENT}")
        return self._db.execute(query, (reason, self._now(), host, source)).rowcount

    def count(self) -> dict[tuple[str, str, str], int]:
        """Requests of these sources, and what was asked for and is gone, by (kind, state, reason)."""
        rows = self._db.execute(
            f"""select kind, state, reason, count(*) from request
                where iif(reason = 'gone', settled > '', source in (select name from wanted))
                      and (kind = 'picture' or {rounds.PRESENT})
                group by 1, 2, 3 order by 1, 2, 3"""  # noqa: S608
        )
        return {(kind, state, reason): number for kind, state, reason, number in rows}

    def _wanted(self) -> dict[str, int]:
        return dict(self._db.execute("select name, edition from wanted").fetchall())

    def _pictures(self) -> int:
        return int(self._db.execute("select count(*) from picture").fetchone()[0])

    def _tell(self, hosts: set[str], lease: Lease | None = None) -> None:
        if self.listener is not None:
            if hosts:
                self.listener.found(hosts)
            if lease is not None:
                self.listener.settled(lease)

    def _settle(self, event: str, lease: Lease, answer: Answer, reason: str, *kept: str, **values: str | None) -> None:
        """Note an answer. `kept` are those of its fields that are remembered, `values` further columns."""
        columns = {name: getattr(answer, name) for name in ("status", *kept)} | values
        columns |= {"reason": reason, "settled": TRANSITIONS[event].after, "fetched_at": self._now()}
        columns |= {"attempts": lease.attempts, "cuts": 0}
        self._db.execute(
            move(event, *(f"{name} = ?" for name in columns), where="id = ?"), (*columns.values(), lease.id)
        )

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


_VALIDATORS = ("etag", "last_modified")
