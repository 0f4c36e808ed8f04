"""What each source begins with, into the frontier; and what a reader found, as the catalog is to have it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture
from scrapbag.crawl.sessions import plain
from spiders.readers.base import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.crawl.frontier import Frontier
    from spiders.readers.base import Reader

_BATCH = 500  # addresses of a long list in one transaction


def begin(frontier: Frontier, reader: Reader[Any]) -> Iterator[None]:
    """Queue what the source begins with, a long list in batches: others may act after each."""
    name = reader.source.name
    if reader.source.listed:
        frontier.relist(name)
    beginning, named = iter(reader.start()), 0
    while found := [filled(reader, one) for one in islice(beginning, _BATCH)]:
        frontier.add(name, found)
        named += len(found)
        yield
    if reader.source.listed:
        frontier.passed_over(name, reader.passed.rows(), named)
    frontier.concluded(name)


def filled(reader: Reader[Any], found: Page | Picture, page: str = "", policy: str = "") -> Page | Picture:
    """What a reader found, on `page` if that is one, as the catalog is to have it."""
    found = reader.key.hidden(found) if reader.key else found
    if isinstance(found, Page):
        return replace(found, url=plain(found.url), referrer=page, policy=policy)
    if not reader.source.listed:  # what a list of one's own names is asked to the letter
        url, page_url = plain(found.url, picture=True), plain(found.page_url)
        if (url, page_url, policy) != (found.url, found.page_url, ""):
            found = replace(found, url=url, page_url=page_url, policy=found.policy or policy)
    return fill(found, reader.source)
