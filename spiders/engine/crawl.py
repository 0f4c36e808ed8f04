"""One Scrapy spider for a whole recipe: it turns leases into requests, and responses into what a reader finds."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request, signals
from scrapy.http import HtmlResponse

from pipelines.guards.addresses import AddressError
from pipelines.guards.failures import (
    SILENT,
    BusyError,
    HostStoppedError,
    NotYetError,
    RefusedError,
    is_transient,
    reason_of,
    says_nothing,
)
from pipelines.guards.referrer import policy_of, referrer
from pipelines.store import Arrival
from scrapbag.border.hosts import allows_url
from scrapbag.crawl.frontier import Answer, Page, Picture, Thing
from scrapbag.crawl.sessions import plain
from spiders.engine.commit import answer
from spiders.engine.naming import begin, filled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scrapbag.crawl.frontier import Frontier, Lease
    from scrapbag.layout import Data
    from scrapbag.recipe import Scrape
    from spiders.engine.bar import CrawlBar
    from spiders.engine.turns import Turns
    from spiders.readers.base import Reader

log = logging.getLogger(__name__)

_ACCEPT = "image/avif,image/webp,image/png,image/jpeg,image/*;q=0.8,*/*;q=0.5"


class Crawl(scrapy.Spider):
    """What it finds and loses goes to the frontier, and what it learns of a host to the turns."""

    name = "scrapbag"

    def __init__(
        self,
        frontier: Frontier,
        turns: Turns,
        data: Data,
        scrape: Scrape,
        readers: dict[str, Reader[Any]],
        progress: CrawlBar,
        named: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.frontier, self.turns, self.data, self.scrape, self.readers = frontier, turns, data, scrape, readers
        self.named = set(named)  # sources that have named all that they begin with
        self.fatal: BaseException | None = None  # a fault of the set-up, the disk or the code: the crawl ends with it
        self.private: set[str] = set()  # hosts that were not asked because they are at private addresses
        self._progress = progress

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Crawl:
        spider = super().from_crawler(crawler, *args, **kwargs)
        for signal in (signals.item_error, signals.spider_error):
            crawler.signals.connect(spider.failed, signal=signal)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Queue in the catalog what each source begins with, if it has not named that before. Yields Scrapy nothing."""
        try:
            for name in [one for one in self.readers if one not in self.named]:
                for _ in begin(self.frontier, self.readers[name]):
                    await asyncio.sleep(0)
                self.named.add(name)
        except Exception as error:  # noqa: BLE001  (Scrapy would log it and go on)
            self.fault(error)
        return
        yield  # an asynchronous generator, as Scrapy wants it

    def request(self, lease: Lease) -> Request:
        """The request that a lease stands for. Raises ValueError for what is no address at all."""
        meta: dict[str, Any] = {"lease": lease, "kind": lease.kind, "download_slot": lease.host}
        meta["local"] = lease.local and self.readers[lease.source].source.local
        if meta["local"]:
            self.crawler.engine.downloader.per_slot_settings.setdefault(lease.host, {"delay": 0.0})
        if meta["local"] or (not self.scrape.delay_s and allows_url(self.scrape.allow_hosts, lease.url)):
            meta["autothrottle_dont_adjust_delay"] = True  # a server of one's own, to be asked at full speed
        validators = {"If-None-Match": lease.etag, "If-Modified-Since": lease.last_modified}
        headers = {name: value for name, value in validators.items() if value}
        if lease.kind == "picture":
            headers |= {"Accept": _ACCEPT, "Accept-Encoding": "identity"}
            return self._request(lease, self.picture, headers, meta)
        if "actions" in lease.meta:
            meta["browser"] = {"actions": lease.meta["actions"]}
        meta["own"] = self.readers[lease.source].headers
        return self._request(lease, self.page, headers, meta)

    def page(self, response: Response) -> Iterator[Page | Picture | Thing]:
        lease: Lease = response.meta["lease"]
        self.turns.spoke(lease, well=True)
        self._progress.page()
        if response.status != 304:
            read = getattr(self.readers[lease.source], lease.callback)
            for end in response.meta.get("ends", ()):
                self.readers[lease.source].tally.ends.setdefault(end, []).append(response.url)
            shown = isinstance(response, HtmlResponse)  # a page that a browser would come from
            page, policy = (plain(response.url), policy_of(response)) if shown else ("", "")
            for one in read(response, lease.meta.get("meta", {})):
                yield one if isinstance(one, Thing) else filled(self.readers[lease.source], one, page, policy)

    def picture(self, response: Response) -> Iterator[Arrival]:
        lease: Lease = response.meta["lease"]
        self.turns.spoke(lease, well=True)
        if response.status == 304:
            self.frontier.unchanged(lease)
        else:
            yield Arrival(lease, response.body, answer(response))
            self._progress.picture()

    def lost(self, lease: Lease, failure: Failure) -> None:
        """A request brought nothing: to be tried again, or a row with its reason."""
        error = failure.value or ConnectionError("no reason given")  # Twisted's type has None, which it never is here
        if isinstance(error, NotYetError):
            self.turns.put_back(lease)
            return
        if isinstance(error, BusyError):
            self.frontier.later(lease, 0.0, counts=False)
            self.turns.pause(lease.host, error.seconds, "http_5xx" if error.status >= 500 else "http_4xx")
            return
        reason = reason_of(error)
        log.info("%s: %s (%s)", lease.url, reason, error)
        named = urlsplit(lease.url).hostname or ""
        if isinstance(error, AddressError) and named in str(error):  # not a host that it leads to
            self.private.add(lease.host)
        if is_transient(error, reason) and lease.attempts < self.scrape.attempts:
            self.turns.retry(lease)
        else:
            skipped = reason == "opt_out" or (isinstance(error, RefusedError) and error.skipped)
            said = Answer(getattr(error, "status", None))
            self.frontier.lost(lease, reason, said, skipped=skipped, passing=says_nothing(error, reason))
        if isinstance(error, HostStoppedError):
            self.turns.stop(error.host, reason, lease.source if reason == "challenge" else "")
        elif reason in SILENT:
            self.turns.silent(lease, reason)
        else:
            self.turns.spoke(lease, well=False)

    def failed(self, failure: Failure) -> None:
        """Scrapy's signal for an exception that no guard has foreseen."""
        if failure.value is not None:
            self.fault(failure.value)

    def conclude(self) -> None:
        """At the end: what no source names any more is gone."""
        for name in sorted(self.named):
            self.frontier.concluded(name)

    def fault(self, error: BaseException) -> None:
        """End the crawl for an error that is not one request's; `run` raises it."""
        if self.fatal is None:
            self.fatal = error
            self.stop()

    def stop(self) -> None:
        """Hand out nothing more and close."""
        self.turns.stopping = True
        asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))  # noqa: RUF006

    def _request(self, lease: Lease, callback: Any, headers: dict[str, str], meta: dict[str, Any]) -> Request:
        page, policy = meta["referrer"] = lease.referrer
        if told := referrer(page, lease.url, policy):
            headers["Referer"] = told
        return Request(lease.url, callback, errback=partial(self.lost, lease), headers=headers, meta=meta)
