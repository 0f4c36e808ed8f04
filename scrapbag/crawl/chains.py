"""Lists in pages, each of which names the next: a chain that brings nothing new any more is left.

A list may repeat its last page for ever, ignore the number that it is asked for, or be a calendar. What its pages show
is counted anew in every round, so that a list which is known from an earlier crawl is read to its end again.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from scrapbag.crawl.found import Page, Picture, Thing, request_row
from scrapbag.crawl.sessions import same

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from scrapbag.crawl.found import Lease

IDLE = 3  # pages in a row without anything new, after which the next one is not asked
_LAST = "select chain, number, before, idle, body from chained where page = ?"
_SHOW = """insert into shown values (?, ?, ?) on conflict do update set round = excluded.round
    where round < excluded.round"""
_READ = """insert into chained (page, chain, number, before, idle, body) values (?, ?, ?, ?, ?, ?)
    on conflict do update set idle = excluded.idle, body = excluded.body"""
_NEXT = """insert or ignore into chained (page, chain, number, before) select id, ?, ?, ? from request
    where url = ? and kind = 'page' and source = ? and callback = ?"""


def read(
    db: sqlite3.Connection, lease: Lease, found: Iterable[Page | Picture | Thing], digest: bytes
) -> list[Page | Picture]:
    """What is to be written down of what a page shows: all but the next page, where the chain ends with this one.

    `digest` is of the page's body: a page that was read already in this round brings nothing new, whatever it names.
    """
    shown = list(found)
    named = [one for one in shown if not isinstance(one, Thing)]
    following = any(isinstance(one, Page) and one.follows for one in named)
    last = db.execute(_LAST, (lease.id,)).fetchone()
    if last is None and not following:
        return named
    chain, number, before, idle, body = last or (lease.id, 1, None, 0, b"")
    (round_, edition) = db.execute("select round, edition from source where name = ?", (lease.source,)).fetchone()
    fresh = _show(db, chain, round_, map(_key, filter(_counts, shown)))
    fresh &= not digest or _show(db, chain, round_, [digest])
    if not (idle and digest and body == digest):  # else it is what it was, whatever is read before it this time
        idle = 0 if fresh else 1 + _idle(db, before)
    db.execute(_READ, (lease.id, chain, number, before, idle, digest))
    ends = following and idle >= IDLE
    if ends:
        values = (lease.source, "nothing_new", lease.id, number, edition)
        db.execute("insert or replace into ending values (?, ?, ?, ?, ?)", values)
    else:
        db.execute("delete from ending where page = ? and why = 'nothing_new'", (lease.id,))
    return [one for one in named if not (ends and isinstance(one, Page) and one.follows)]


def link(db: sqlite3.Connection, lease: Lease, named: Iterable[Page | Picture]) -> None:
    """Note of the next page, which has its request by now, that it follows this one."""
    for one in named:
        if isinstance(one, Page) and one.follows:
            chain, number = db.execute("select chain, number from chained where page = ?", (lease.id,)).fetchone()
            url = request_row(lease.source, one)[0]
            db.execute(_NEXT, (chain, number + 1, lease.id, url, lease.source, one.callback))


def digest(body: bytes) -> bytes:
    """What stands for a page's body, or for the key of a thing."""
    return blake2b(body, digest_size=12).digest()


def _show(db: sqlite3.Connection, chain: int, round_: int, keys: Iterable[bytes]) -> bool:
    """Whether any of the `keys` is new in this round."""
    return db.executemany(_SHOW, [(chain, key, round_) for key in keys]).rowcount > 0


def _idle(db: sqlite3.Connection, page: int | None) -> int:
    row = db.execute("select idle from chained where page = ?", (page,)).fetchone()
    return int(row[0]) if row else 0


def _counts(one: Page | Picture | Thing) -> bool:
    """The next page does not: there is always one more."""
    return not (isinstance(one, Page) and one.follows)


def _key(one: Page | Picture | Thing) -> bytes:
    return digest(same(one.key if isinstance(one, Thing) else one.url).encode(errors="replace"))
