"""Where a source was left before its end: how many pages it may have, and the sentences that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_SAID = """select ending.source, why, coalesce(request.url, ''), number from ending
    join source on source.name = ending.source and source.edition = ending.edition and source.active
    left join request on request.id = ending.page
    where why = ? order by ending.source, ending.page"""
_NOTE = "insert or replace into ending select ?, 'max_pages', ?, ?, ?"


class PageCap:
    """The recipe's `max_pages`: how many pages each source of this run may still name."""

    def __init__(self, most: Mapping[str, int]) -> None:
        self._most = dict(most)
        self._left = dict(most)
        self._over = 0  # pages that were left out since `note`

    def count(self, db: sqlite3.Connection) -> None:
        """Begin with what the catalog has of the present editions."""
        rows = db.execute(
            """select request.source, count(*) from request join source
               on source.name = request.source and source.edition = request.edition where kind = 'page' group by 1"""
        )
        known = dict(rows.fetchall())
        self._left = {name: most - known.get(name, 0) for name, most in self._most.items()}

    def allows(self, source: str) -> bool:
        """Whether one more page of `source` may be named; counts it if so."""
        if source not in self._left:
            return True
        allowed = self._left[source] > 0
        self._left[source] -= allowed
        self._over += not allowed
        return allowed

    def note(self, db: sqlite3.Connection, source: str, edition: int, page: int = 0) -> bool:
        """Write down how many pages that `page` (0 is the recipe's start) names were left out; whether any was."""
        over = bool(self._over)
        if over:
            db.execute(_NOTE, (source, page, self._over, edition))
        elif source in self._left:
            db.execute("delete from ending where source = ? and why = 'max_pages' and page = ?", (source, page))
        self._over = 0
        return over


def sentences(db: sqlite3.Connection) -> list[str]:
    """A line for each list that was left as it brought nothing new, and for each source that has too many pages."""
    lines = [
        f"source {source!r}: its list ends with page {number:,}, {url}: three pages in a row brought nothing new, and"
        " what follows was not asked"
        for source, _, url, number in db.execute(_SAID, ("nothing_new",))
    ]
    over: dict[str, int] = {}
    for source, _, _, number in db.execute(_SAID, ("max_pages",)):
        over[source] = over.get(source, 0) + number
    return lines + [
        f"source {source!r}: max_pages is reached, and {number:,} more pages that it names were not asked; a larger"
        " max_pages in the recipe, then make scrape, asks them"
        for source, number in over.items()
    ]
