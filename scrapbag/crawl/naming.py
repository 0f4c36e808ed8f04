"""What a source names, written into the catalog: new requests, what is now to be known of old ones, and sightings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scrapbag.crawl.found import Page, Picture, request_row, sighting_row
from scrapbag.crawl.rounds import ANEW
from scrapbag.crawl.states import change, move

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from scrapbag.crawl.cap import PageCap

_NEW = """insert or ignore into request (url, host, source, kind, callback, meta, once, edition)
    values (?, ?, ?, ?, ?, ?, ?, ?)"""
_KNOWN = """select id, source, edition, meta, once, reason, sha256 from request
    where url = ? and kind = ? and case kind when 'page' then source else '' end = ?
    and case kind when 'page' then callback else '' end = ?"""
_SEEN = """insert into sighting (url, page_url, source, source_id, title, tags, creator, licence, licence_url,
    attribution, rating, edition) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
    source_id = excluded.source_id, title = excluded.title, tags = excluded.tags, creator = excluded.creator,
    licence = excluded.licence, licence_url = excluded.licence_url, attribution = excluded.attribution,
    rating = excluded.rating, edition = excluded.edition"""
_PRESENT = "select 1 from request where url = ? and kind = 'page' and source = ? and callback = ? and edition = ?"
_OF_SOURCE = ("source = ?", "edition = ?", "meta = ?", "once = ?")
_ASKED_ANEW = (*_OF_SOURCE, *ANEW, "etag = ''", "last_modified = ''", "reason = iif(reason = 'gone', '', reason)")


def name(
    db: sqlite3.Connection,
    source: str,
    found: Iterable[Page | Picture],
    editions: Mapping[str, int],
    cap: PageCap,
) -> set[str]:
    """Write down what `source` names; returns the hosts of what is now to be asked.

    `editions` are those of this run's sources; pages beyond the `cap` are left out. Known pages are read anew when
    their source was edited, known pictures asked anew when a list says that they should be, or have become, others.
    """
    edition, hosts, sightings = editions.get(source, 0), set(), []
    for one in found:
        row = request_row(source, one)
        if isinstance(one, Page):
            known = db.execute(_PRESENT, (row[0], source, one.callback, edition)).fetchone()
            if known is None and not cap.allows(source):
                continue
        if db.execute(_NEW, (*row, edition)).rowcount or _again(db, row, edition, editions):
            hosts.add(row[1])
        if isinstance(one, Picture):
            sightings.append((*sighting_row(source, one), edition))
    db.executemany(_SEEN, sightings)
    return hosts


def _again(db: sqlite3.Connection, row: tuple[Any, ...], edition: int, editions: Mapping[str, int]) -> bool:
    """What naming a known request changes; whether it is to be asked again."""
    url, _, source, kind, callback, meta, once = row
    page = kind == "page"
    key = (url, kind, source if page else "", callback if page else "")
    id_, owner, before, known_meta, known_once, reason, sha256 = db.execute(_KNOWN, key).fetchone()
    values = (source, edition, meta, once, id_)
    if page and before == edition:
        if (known_meta, known_once) != (meta, once):
            db.execute(change(*_OF_SOURCE, where="id = ?"), values)
        return False
    if not page and (before == edition if owner == source else editions.get(owner) == before):
        return False  # named already; or it belongs to another source, which names it too
    if page or _changed(json.loads(known_meta), json.loads(meta), reason, sha256):
        return db.execute(move("named", *_ASKED_ANEW, where="id = ?"), values).rowcount > 0
    db.execute(change(*_OF_SOURCE, where="id = ?"), values)
    if reason == "gone":
        back = "back" if sha256 else "named"
        db.execute(move(back, "reason = ''", where="id = ?"), (id_,))
        return not sha256
    return True  # perhaps it was queued for nobody


def _changed(before: dict[str, Any], after: dict[str, Any], reason: str, sha256: str | None) -> bool:
    """Whether a picture should be asked again for what a list says of it now."""
    if before.get("version") != after.get("version"):
        return True
    wanted = after.get("sha256")
    if before.get("sha256") == wanted:
        return False
    return sha256 not in (None, wanted) if wanted and sha256 else reason == "mismatch"
