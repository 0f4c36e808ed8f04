"""Requests that were refused because their host is at a private address, and what has them asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapbag.border.hosts import allows_url
from scrapbag.crawl.rounds import ANEW
from scrapbag.crawl.states import move

if TYPE_CHECKING:
    import sqlite3


def allow(connection: sqlite3.Connection, allow_hosts: tuple[str, ...]) -> None:
    """Queue again what was refused for its address and is allowed by now. An entry is a host, or host:port."""
    refused = connection.execute("select id, url from request where state = 'failed' and reason = 'address'")
    allowed = [(id_,) for id_, url in refused.fetchall() if allows_url(allow_hosts, url)]
    connection.executemany(move("allow", *ANEW, where="id = ?"), allowed)


def sentence(host: str) -> str:
    """What to write, for a host that was refused."""
    return (
        f"{host} is at a private address, which is asked only where the recipe says so;"
        f' if it is yours, write allow_hosts = ["{host}"] under [scrape], then: make scrape'
    )
