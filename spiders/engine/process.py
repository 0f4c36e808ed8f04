"""A crawl in this process: Scrapy with its event loop from its start to its end, and how it is stopped in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import TYPE_CHECKING, Any, cast

from scrapy import signals
from scrapy.crawler import CrawlerProcess

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from spiders.engine.crawl import Crawl

_STOPS = (signal.SIGINT, signal.SIGTERM)
_GRACE_S = 1.0  # for requests under way when someone says stop; they are asked again


def crawl(kind: type[Crawl], settings: dict[str, Any], *, signalled: bool, **given: Any) -> Crawl:
    """Run a spider of that kind, made of what is `given`, to its end; once a process, because Twisted starts once.

    `signalled`: Ctrl-C and SIGTERM stop it in order, and raise KeyboardInterrupt here. Raises what ended the crawl.
    """
    process = CrawlerProcess(settings)
    logging.getLogger("scrapy").setLevel(logging.WARNING)  # it writes two lines about every response
    logging.getLogger("twisted").addFilter(_is_news)
    crawler = process.create_crawler(kind)
    stops = Stops(crawler) if signalled else None
    process.crawl(crawler, **given)
    gc.freeze()  # what is loaded stays; looking through it again and again would cost 5 % of the CPU
    gc.set_threshold(50_000)
    process.start(install_signal_handlers=False)
    spider = cast("Crawl", crawler.spider)
    spider.turns.end()  # Scrapy's own end does not come when the grace is over
    spider.conclude()
    if spider.fatal is not None:
        raise spider.fatal
    if stops is not None and stops.asked:
        raise KeyboardInterrupt
    return spider


def halt(spider: Crawl) -> None:
    """Close in order, but wait no longer than the grace. What is cut off is leased again."""
    asyncio.get_running_loop().call_later(_GRACE_S, _leave)
    spider.stop()


class Stops:
    """Ctrl-C and SIGTERM, which halt the crawl."""

    def __init__(self, crawler: Crawler) -> None:
        self.asked = False
        self._crawler = crawler
        for number in _STOPS:  # until the event loop listens: Scrapy's start would swallow a KeyboardInterrupt
            signal.signal(number, self._note)
        crawler.signals.connect(self._listen, signal=signals.engine_started)

    def _note(self, *_: object) -> None:
        self.asked = True

    def _listen(self) -> None:
        for number in _STOPS:
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        if self.asked:
            self.asked = False
            self._stop()

    def _stop(self) -> None:
        if not self.asked:
            self.asked = True
            halt(cast("Crawl", self._crawler.spider))


def _is_news(record: logging.LogRecord) -> bool:
    """Twisted writes a traceback about every bad certificate, which is a row with its reason here."""
    return "info_callback" not in record.getMessage()


def _leave() -> None:
    from twisted.internet import reactor  # noqa: PLC0415  (importing it earlier would install the wrong one)

    reactor.crash()  # type: ignore[misc]  # the module becomes the reactor
