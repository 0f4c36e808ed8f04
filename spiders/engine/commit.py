"""The spider middleware that makes a page one transaction: what it names, and that it was read."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure

from pipelines.guards.challenges import challenged, is_bare_check
from scrapbag.crawl.chains import digest
from scrapbag.crawl.frontier import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapbag.crawl.frontier import Frontier

log = logging.getLogger(__name__)


class CommitPages:
    """Gathers what a callback finds on a page and commits it when the callback is exhausted. Pictures pass through."""

    def __init__(self, spider: Any) -> None:
        self._spider = spider
        self._frontier: Frontier = spider.frontier

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CommitPages:
        return cls(crawler.spider)

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        lease = response.meta["lease"]
        if lease.kind == "picture":
            async for item in result:
                yield item
        elif response.status == 304:
            self._frontier.unchanged(lease)
        else:
            try:
                found = [one async for one in result]
            except Exception:
                log.exception("cannot read %s", response.url)
                self._frontier.lost(lease, "unreadable", answer(response))
            else:
                if not found and is_bare_check(response):
                    self._spider.lost(lease, Failure(challenged(response)))  # type: ignore[no-untyped-call]
                else:
                    self._frontier.page_done(lease, found, replace(answer(response), digest=digest(response.body)))


def answer(response: Response) -> Answer:
    """What is remembered of a response: its status, and what makes it cheap to ask again."""
    return Answer(response.status, _header(response, "ETag"), _header(response, "Last-Modified"))


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")
