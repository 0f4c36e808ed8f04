"""Scrapy's scheduler: it passes on what `Turns` decides, and wakes Scrapy when a host's turn comes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from scrapy import Request, signals
from scrapy.core.scheduler import BaseScheduler

from scrapbag.crawl.found import host_of
from spiders.engine.crawl import Crawl

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.robotstxt import RobotParser


AWAKE = object()  # a signal: hosts may have a turn that had none


class Scheduler(BaseScheduler):
    """Keeps only what is leased already: redirects, and what the timer woke. They go first."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._leased: deque[Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)
        crawler.signals.connect(self._wake, signal=AWAKE)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Scheduler:
        return cls(crawler)

    def open(self, spider: Spider) -> None:
        if not isinstance(spider, Crawl):
            raise TypeError(spider)
        self._request, self._turns = spider.request, spider.turns
        self._turns.begin()

    def close(self, _reason: str) -> None:
        self._set_timer(None)
        self._turns.end()

    def has_pending_requests(self) -> bool:
        return not self._turns.stopping and bool(self._leased or self._turns.busy)

    def enqueue_request(self, request: Request) -> bool:
        request.meta["download_slot"] = host_of(request.url)
        self._leased.append(request)
        return True

    def next_request(self) -> Request | None:
        if self._leased:
            return self._leased.popleft()
        request = self._turns.next(self._request, self._slot_delay)
        if request is None:
            self._set_timer(self._turns.wait())
        return request

    def _slot_delay(self, host: str) -> float:
        """What AutoThrottle has made of the host's delay."""
        slot = self._crawler.engine.downloader.slots.get(host)
        return slot.delay if slot else 0.0

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _wake(self) -> None:
        self._set_timer(None)
        self._ring()

    def _ring(self) -> None:
        self._timer = None
        if request := self.next_request():
            self._crawler.engine.crawl(request)

    def _robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        agent = self._crawler.settings["USER_AGENT"].partition("/")[0]
        if delay := robotparser.crawl_delay(agent):
            host = host_of(request.url)
            kept = self._turns.slow_down(host, float(delay))
            slots = self._crawler.engine.downloader.slots
            if host in slots:
                slots[host].delay = max(slots[host].delay, kept)
