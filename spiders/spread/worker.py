"""A worker: a crawl in a process of its own, which asks the sites that the clerk gives it, and sends what it gets."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from typing import TYPE_CHECKING, Any, cast

from scrapy import signals
from scrapy.exceptions import DontCloseSpider

from pipelines.guards.failures import ElsewhereError
from pipelines.store import StorePicture
from scrapbag.crawl.found import host_of
from scrapbag.crawl.times import crawl_delay
from scrapbag.workers.on_ray import result
from spiders.engine.bar import CrawlBar
from spiders.engine.clock import Clock
from spiders.engine.crawl import Crawl
from spiders.engine.learnt import Learnt
from spiders.engine.process import crawl, halt
from spiders.engine.scheduler import AWAKE
from spiders.engine.settings import scrapy_settings
from spiders.engine.turns import Turns
from spiders.readers.kinds import reader
from spiders.spread.far import Far

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.robotstxt import RobotParser
    from twisted.python.failure import Failure

    from scrapbag.crawl.frontier import Frontier, Lease, Stored
    from scrapbag.layout import Data
    from scrapbag.recipe import Scrape
    from scrapbag.sources import Source

_BEAT_S = 1.0  # between two questions for news
_JUST_S = 0.05  # from the downloader's queue to the network, at most


def work(number: int, clerk: Any, depot: Any, data: Data, scrape: Scrape, sources: Sequence[Source]) -> Learnt:
    """Be the worker of that number until nothing is left for any. For a process that does nothing after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is for the command, which tells the clerk
    far = Far(clerk, number)
    frontier = cast("Frontier", far)
    settings = scrapy_settings(scrape, browser=False)
    settings["DOWNLOADER_MIDDLEWARES"] |= {"spiders.spread.worker.Claims": 85}  # before robots.txt is asked
    settings["ITEM_PIPELINES"] = {"spiders.spread.worker.SendPicture": 100, "pipelines.store.RecordPicture": 900}
    with CrawlBar(scrape.limit, 0) as progress:
        spider = crawl(
            FarCrawl,
            settings,
            signalled=False,
            frontier=frontier,
            turns=Turns(frontier, scrape, Clock(time.monotonic, far.wall)),
            data=data,
            scrape=scrape,
            readers={source.name: reader(source, scrape) for source in sources},
            progress=progress,
            far=far,
            depot=depot,
        )
    return Learnt.of(spider)


class FarCrawl(Crawl):
    """Begins with nothing, and ends when the clerk says so."""

    def __init__(self, *, far: Far, depot: Any, **given: Any) -> None:
        super().__init__(**given)
        self.far, self.depot = far, depot
        self._over = False
        far.waited = self._waited
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> FarCrawl:
        spider = cast("FarCrawl", super().from_crawler(crawler, *args, **kwargs))
        crawler.signals.connect(spider.idle, signal=signals.spider_idle)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Listen for news from here on. Yields Scrapy nothing."""
        self._beating = asyncio.ensure_future(self._beat())
        return
        yield  # an asynchronous generator, as Scrapy wants it

    def idle(self) -> None:
        """Scrapy's signal that nothing is under way."""
        if not self._over:
            raise DontCloseSpider

    def lost(self, lease: Lease, failure: Failure) -> None:
        if isinstance(failure.value, ElsewhereError):
            self.far.elsewhere(lease)
        else:
            super().lost(lease, failure)

    def stop(self) -> None:
        self._over = True
        super().stop()

    def _waited(self, began: float) -> None:
        """What had left the downloader's queue just before goes out only now: its host's delay begins now."""
        for slot in self.crawler.engine.downloader.slots.values() if self.crawler.engine else ():
            if slot.lastseen > began - _JUST_S:
                slot.lastseen = time.time()

    async def _beat(self) -> None:
        try:
            while not self._over:
                await asyncio.sleep(_BEAT_S)
                news = self.far.beat(idle=not self.turns.busy)
                if news.stop:
                    halt(self)
                elif news.over:
                    self.stop()
                else:
                    self.turns.resume()
                    self.crawler.signals.send_catch_log(AWAKE)
        except Exception as error:  # noqa: BLE001  (a full disk of the clerk's; nobody awaits this task)
            self.fault(error)


class Claims:
    """A downloader middleware: a host is asked, for robots.txt and after redirects too, by the process whose it is."""

    def __init__(self, crawler: Crawler) -> None:
        self._far: Far = cast("Any", crawler.spider).far
        self._agent = crawler.settings["USER_AGENT"].partition("/")[0]
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Claims:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        if not self._far.claim(host_of(request.url)):
            raise ElsewhereError(f"{request.url} is another process's to ask")

    def _robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        if delay := crawl_delay(float(robotparser.crawl_delay(self._agent) or 0)):
            self._far.slow(host_of(request.url), delay)


class SendPicture(StorePicture):
    """Its bytes go to the computer of the dataset, which stores them; this one may have no data folder."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._shelf = cast("Any", crawler.spider).depot

    def open_spider(self) -> None:
        """Nothing of this computer's is tidied."""

    async def keep(self, body: bytes, max_pixels: int, expected: str) -> Stored:
        reference = self._shelf.keep.remote(body, max_pixels, expected)
        await asyncio.wait([asyncio.wrap_future(reference.future())])
        stored: Stored = result(reference)
        if stored.sha256 != hashlib.sha256(body).hexdigest():
            raise OSError(f"a picture of {len(body)} bytes came to the data folder as another")
        return stored
