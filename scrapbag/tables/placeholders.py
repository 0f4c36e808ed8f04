"""Placeholders: the very same bytes at many addresses of one source, where each should show another thing.

That is "image coming soon", or what a server sends instead of a picture that it does not give to strangers. It is told
by the catalog alone, so it holds for what was stored long ago. Files of a folder are what they are: copies. What is no
picture at all, such as one error page in the place of many, has a reason of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

ADDRESSES = 5  # from so many on, each of a thing with another title (where there is none, another number or page)
FOUND = f"""select request.sha256, request.source, count(distinct request.url) as addresses, min(request.id) as first
    from request join sighting on sighting.url = request.url and sighting.source = request.source
    where request.kind = 'picture' and request.reason <> 'gone' and request.url not like 'folder://%'
          and request.sha256 in (select sha256 from (select sha256 from request where sha256 is not null group by 1
                                 having count(*) >= {ADDRESSES}) join picture using (sha256) where problem = '')
    group by 1, 2
    having addresses >= {ADDRESSES} and count(distinct lower(coalesce(nullif(title, ''), nullif(source_id, ''),
        page_url))) >= {ADDRESSES}"""  # noqa: S608  (a number of our own)


def sentences(db: sqlite3.Connection) -> list[str]:
    """A line for each placeholder of a source of the recipe."""
    rows = db.execute(f"""with found as materialized ({FOUND}) select found.source, addresses, url from found
        join request on request.id = first join source on source.name = found.source and active
        order by found.source, addresses desc, url""")  # noqa: S608
    return [
        f"source {source!r}: one and the same picture stands at {number:,} addresses of different things, as at {url}:"
        " it is taken for a placeholder and not curated"
        for source, number, url in rows
    ]
