"""How many pages each source of a crawl may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

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
