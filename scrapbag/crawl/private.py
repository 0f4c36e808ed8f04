"""Requests that were refused because their host is at a private address, and what has them asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapbag.crawl.rounds import ANEW
from scrapbag.crawl.states import move

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def allow(connection: sqlite3.Connection, allow_hosts: Iterable[str]) -> None:
    """Queue again what was refused for its address and is allowed by now. An entry is a host, or host:port."""
    where = "reason = 'address' and (host = :host or substr(host, 1, length(:host) + 1) = :host || ':')"
    connection.executemany(move("allow", *ANEW, where=where), [{"host": host} for host in allow_hosts])


def sentence(host: str) -> str:
    """What to write, for a host that was refused."""
    return (
        f"{host} is at a private address, which is asked only where the recipe says so;"
        f' if it is yours, write allow_hosts = ["{host}"] under [scrape], then: make scrape'
    )
