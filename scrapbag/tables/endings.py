"""The sentences on where a source was left before its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_SAID = """select ending.source, why, coalesce(request.url, ''), number from ending
    join source on source.name = ending.source and source.edition = ending.edition and source.active
    left join request on request.id = ending.page
    where why = ? order by ending.source, ending.page"""


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
