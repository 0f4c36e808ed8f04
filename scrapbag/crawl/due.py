"""Which requests may be asked now, and when the next ones may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapbag.crawl.found import leased
from scrapbag.crawl.rounds import CUTS
from scrapbag.crawl.states import move
from scrapbag.crawl.times import KEPT, kept

if TYPE_CHECKING:
    import sqlite3

    from scrapbag.crawl.found import Lease

WANTED = """create temp table wanted (name text primary key, edition integer not null default 0,
    here integer not null default 1)"""  # here: this process may ask for what the source names
_HERE = "(source, edition) in (select name, edition from wanted where here)"
_ASKABLE = f"state = 'queued' and host = ? and {_HERE} and cuts {{}} {CUTS}"
_PAGE = """iif(kind = 'picture', coalesce((select page_url from sighting one where one.url = request.url
    and one.source = request.source order by edition desc, one.id limit 1), ''), '')"""
_DUE = f"""select id, url, host, source, kind, callback, meta, attempts + 1, etag, last_modified, {_PAGE} from request
    where {_ASKABLE} and {KEPT} <= ? and (kind = 'page' or ?) order by {{}} limit ?"""  # noqa: S608  (words of our own)
_NEXT = f"select min({KEPT}) from request where {_ASKABLE}"  # noqa: S608
_UNDER_WAY = "select 1 from request where state = 'leased' limit 1"
_HOSTS = f"""select name, coalesce(host.not_before, 0)
    from (select distinct host as name from request where state = 'queued' and {_HERE})
    left join host using (name)"""  # noqa: S608


def hosts(db: sqlite3.Connection, now: float) -> dict[str, float]:
    """Every host of which something is queued, and when it may be asked (seconds since 1970; 0 is now)."""
    return {name: kept(not_before, now) for name, not_before in db.execute(_HOSTS)}


def take(
    db: sqlite3.Connection, host: str, count: int, now: float, *, pictures: bool, pictures_first: bool, suspects: bool
) -> list[Lease]:
    """Lease at most `count` requests of `host` whose time has come; a suspect one alone, with nothing beside it."""
    where = (host, now, now, pictures)
    rows = db.execute(_DUE.format("<", "kind desc, id" if pictures_first else "id"), (*where, count)).fetchall()
    if not rows and suspects and not db.execute(_UNDER_WAY).fetchone():
        rows = db.execute(_DUE.format(">=", "cuts, id"), (*where, 1)).fetchall()
    db.executemany(move("lease", where="id = ?"), [row[:1] for row in rows])
    return [leased(row) for row in rows]


def next_try(db: sqlite3.Connection, host: str, now: float) -> float | None:
    """When the next queued request of `host` may be made (seconds since 1970), None when there is none."""
    (when,) = db.execute(_NEXT.format("<"), (now, host)).fetchone()
    return None if when is None else float(when)


def any_suspect(db: sqlite3.Connection) -> bool:
    """Whether processes were killed again and again while they had leased something that is queued."""
    query = "select 1 from request where state = 'queued' and cuts >= ? limit 1"
    return db.execute(query, (CUTS,)).fetchone() is not None
