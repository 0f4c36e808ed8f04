"""What a run has to ask for: the recipe's sources as they are, what an earlier run left, and whose each address is.

A source has an edition, which an edit raises. What the source names, its first pages and all that its pages show, takes
that edition; only requests of the present edition are asked. Once everything of an edition has been read, what still
has an older one is gone. A picture belongs to one of the sources that name it now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapbag.crawl.states import change, move
from scrapbag.crawl.times import kept

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

CUTS = 3  # runs killed in a row, from which a request is asked last and alone; after as many more it is given up
ANEW = ("attempts = 0", "cuts = 0", "not_before = 0")
_WANTED = "(select name from wanted)"
# Of a request: a source of this run names it in its present edition
PRESENT = "(source, edition) in (select name, edition from wanted)"
# Of a picture's request: some source of the recipe names it
_NAMED = """exists (select 1 from sighting one join source on source.name = one.source
    where one.url = request.url and source.active and one.edition >= source.since)"""
_NAMED_BY_ITS_OWN = _NAMED.replace("where", "where one.source = request.source and", 1)
_BY_WANTED = """from sighting one join wanted on wanted.name = one.source and wanted.edition = one.edition
    where one.url = request.url"""
_NO_BODY = """kind = 'picture' and (sha256 is null or sha256 in (select sha256 from picture where problem <> ''
    and problem <> 'no_decoder') or sha256 in (select sha256 from lost_file))"""
EDITIONS = "update wanted set edition = (select edition from source where source.name = wanted.name)"
UNREAD = """select 1 from request where kind = 'page' and source = ? and edition = ? and (state in ('queued', 'leased')
    or state = 'failed' and coalesce(status, 0) not in (404, 410)) limit 1"""


def recover(db: sqlite3.Connection, now: str, lease: int | None = None) -> None:
    """Queue the leases of a run that was killed, or one of them; give up what was leased at too many kills in a row."""
    db.execute(move("begin", "cuts = cuts + 1", where="? in (id, 0)"), (lease or 0,))
    given_up = ("reason = 'crash'", "settled = 'failed'", "status = null", "fetched_at = ?", "cuts = 0")
    db.execute(move("crash", *given_up, where=f"cuts >= {2 * CUTS}"), (now,))


def read_recipe(db: sqlite3.Connection, recipes: Mapping[str, str]) -> None:
    """Note which sources there are, and raise the edition of those of this run that were edited."""
    db.execute("update source set active = 0")
    for name, recipe in recipes.items():
        db.execute(
            """insert into source (name, recipe) values (?, ?) on conflict do update set active = 1,
               edition = edition + (name in (select name from wanted) and recipe <> excluded.recipe),
               round = round + (name in (select name from wanted) and recipe <> excluded.recipe),
               recipe = iif(name in (select name from wanted), excluded.recipe, recipe)""",
            (name, recipe),
        )
    db.execute(EDITIONS)


def lift_pauses(db: sqlite3.Connection, now: float, *, every: bool) -> None:
    """Forget the pauses that are over or that no clock of today can have written; or every one."""
    for name, not_before in db.execute("select name, not_before from host").fetchall():
        if every or kept(not_before, now) <= now:
            db.execute("delete from host where name = ?", (name,))
    if every:
        db.execute(change("not_before = 0", where=f"state = 'queued' and source in {_WANTED}"))


def give_to_whoever_asks(db: sqlite3.Connection) -> None:
    """Let every picture belong to a source that names it now; one that no source names is gone, and may come back."""
    present = f"(source, edition) = (select one.source, one.edition {_BY_WANTED} order by one.id limit 1)"
    stray = f"kind = 'picture' and not {PRESENT} and (state = 'queued' or not {_NAMED_BY_ITS_OWN})"
    db.execute(change(present, where=f"{stray} and exists (select 1 {_BY_WANTED})"))
    db.execute(move("gone", "reason = 'gone'", where=f"kind = 'picture' and reason <> 'gone' and not {_NAMED}"))
    again = f"kind = 'picture' and reason = 'gone' and {_NAMED}"
    db.execute(move("back", "reason = ''", where=f"{again} and sha256 is not null"))
    db.execute(move("named", "reason = ''", *ANEW, where=again))


def queue(db: sqlite3.Connection, lost_files: Iterable[str], *, retry: bool, fresh: bool) -> None:
    """Queue what failed (`retry`), every page and picture (`fresh`), or, when nothing is left, every list page.

    `lost_files` are sha256s whose file is not there any more; what has no usable body is asked without validators.
    """
    db.execute("create temp table if not exists lost_file (sha256 text primary key) without rowid")
    db.executemany("insert or ignore into lost_file values (?)", [(sha256,) for sha256 in lost_files])
    left = db.execute(f"select 1 from request where state = 'queued' and {PRESENT} limit 1").fetchone()  # noqa: S608
    forget = f"iif(kind = 'page' or {_NO_BODY}, '', {{0}})"
    validators = [f"{name} = {forget.format(name)}" for name in ("etag", "last_modified")]
    ours = f"source in {_WANTED} and (kind = 'picture' or {PRESENT})"  # a list names its pictures anew
    if retry:
        db.execute(move("retry", *ANEW, *validators, where=f"{ours} and (state = 'failed' or {_NO_BODY})"))
    if fresh:
        db.execute(move("fresh", *ANEW, *validators, where=f"{ours} and reason <> 'gone'"))
    elif not (retry or left):
        db.execute(move("round", *ANEW, where=f"kind = 'page' and not once and {PRESENT}"))
    if fresh or not (retry or left):
        db.execute(f"update source set round = round + 1 where name in {_WANTED}")  # noqa: S608
