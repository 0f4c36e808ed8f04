"""Scrapy's scheduler over the catalog: hosts in turn, each as often as it may be asked, few leases at a time."""

from __future__ import annotations

import asyncio
import heapq
import logging
import sqlite3
import time
from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.core.scheduler import BaseScheduler

from scrapbag.found import host_of
from scrapbag.frontier import Answer
from spiders.engine.host import Host

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.robotstxt import RobotParser

    from scrapbag.frontier import Frontier, Lease
    from scrapbag.recipe import Scrape

log = logging.getLogger(__name__)

PATIENCE_S = 900.0  # a host that wants to be left alone for longer is left to the next run


class Scheduler(BaseScheduler):
    """Memory holds what is leased, at most twice the concurrency; the rest stays in the catalog."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._hosts: dict[str, Host] = {}
        self._turns: list[tuple[float, int, Host]] = []
        self._order = count()
        self._ready: deque[Request] = deque()  # redirects, and what a timer woke
        self._out: dict[int, Host] = {}  # what was handed out, by the request's row
        self._pictures_out = 0
        self._buffered = 0
        self._held: set[str] = set()  # hosts that have only pictures left, more than the limit allows
        self._stopped: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.stopping = False
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Scheduler:
        return cls(crawler)

    def open(self, spider: Spider) -> None:
        crawl: Any = spider
        self._crawl = crawl
        self._frontier: Frontier = crawl.frontier
        self._scrape: Scrape = crawl.scrape
        self._frontier.listener = self
        for name, not_before in self._frontier.hosts().items():
            self._turn(self._host(name), not_before - time.time() + time.monotonic() if not_before else 0.0)

    def close(self, _reason: str) -> None:
        if self._timer:
            self._timer.cancel()
        with suppress(sqlite3.Error):  # a full disk; the next run queues them again
            for host in self._hosts.values():
                self._release(host)

    @property
    def full(self) -> bool:
        """Whether the recipe's limit is reached."""
        return self._frontier.pictures >= self._scrape.limit

    def has_pending_requests(self) -> bool:
        return not self.stopping and bool(self._ready or self._out or (self._turns and not self.full))

    def enqueue_request(self, request: Request) -> bool:
        """Take a request that is leased already: a redirect of one, or one that a timer woke."""
        request.meta["download_slot"] = host_of(request.url)
        self._ready.append(request)
        return True

    def next_request(self) -> Request | None:
        if self._ready:
            return self._ready.popleft()
        if self.stopping or self.full or len(self._out) >= self._scrape.concurrency:
            return None
        now = time.monotonic()
        while self._turns and self._turns[0][0] <= now:
            host = heapq.heappop(self._turns)[2]
            host.waiting = False
            if host.next_at > now:  # it was paused meanwhile
                self._turn(host, host.next_at)
            elif host.flight < host.cap and (lease := self._take(host)):
                try:
                    request: Request = self._crawl.request(lease)
                except ValueError:
                    self._frontier.lost(lease, "address", Answer())
                    self._turn(host, now)
                    continue
                self._hand_out(host, lease, now)
                return request
        self._set_timer(now)
        return None

    def found(self, hosts: set[str]) -> None:
        for name in hosts:
            if name in self._stopped:
                self._frontier.stop(name, self._stopped[name])
            else:
                host = self._host(name)
                self._turn(host, host.next_at)

    def settled(self, lease: Lease) -> None:
        host = self._out.pop(lease.id, None)
        if host is None:
            return
        host.flight -= 1
        self._pictures_out -= lease.kind == "picture"
        if self._held and not self.full:
            held, self._held = self._held, set()
            self.found(held)
        self._turn(host, host.next_at)

    def put_back(self, lease: Lease) -> None:
        """A lease that was handed out before its host's rules were known: its place is free until its time comes."""
        host = self._hosts[lease.host]
        host.buffer = deque(sorted((lease, *host.buffer), key=lambda one: one.id))
        self._buffered += 1
        self.settled(lease)

    def spoke(self, lease: Lease, *, well: bool) -> None:
        """The host of `lease` answered, and `well` or not."""
        self._host(lease.host).spoke(well=well)

    def silent(self, lease: Lease, reason: str) -> None:
        """The host of `lease` did not answer. One that answers nobody for a while is left alone for a while."""
        host = self._host(lease.host)
        host.silent += 1
        if host.silent >= self._scrape.attempts * host.most:
            self.pause(lease.host, None, reason)

    def pause(self, name: str, seconds: float | None, reason: str) -> None:
        """Leave a host alone for as long as it says, then send one request to see; give up after a few such."""
        host = self._host(name)
        host.rest(seconds, self._scrape.delay_s)
        if host.strikes > self._scrape.attempts:
            self.stop(name, reason)
            return
        self._frontier.pause(name, time.time() + host.paused_until - time.monotonic())
        self._release(host)
        self._turn(host, host.next_at)

    def stop(self, name: str, reason: str) -> None:
        """Ask nothing of a host for the rest of the run; what is queued of it has failed for `reason`."""
        log.info("%s is left alone: %s", name, reason)
        self._stopped[name] = reason
        self._release(self._host(name))
        self._frontier.stop(name, reason)

    def _host(self, name: str) -> Host:
        if name not in self._hosts:
            self._hosts[name] = Host(name, self._scrape.per_host)
        return self._hosts[name]

    def _turn(self, host: Host, at: float) -> None:
        if host.waiting or host.name in self._stopped or host.flight >= host.cap:
            return
        if at - time.monotonic() > PATIENCE_S:
            self._crawl.resting[host.name] = time.time() + at - time.monotonic()
            return
        host.waiting = True
        heapq.heappush(self._turns, (at, next(self._order), host))

    def _take(self, host: Host) -> Lease | None:
        """The host's next lease. Without one it leaves the turns until something of it is found, or is due."""
        if not host.buffer and not self._fill(host):
            return None
        self._buffered -= 1
        return host.buffer.popleft()

    def _fill(self, host: Host) -> bool:
        left = self._scrape.limit - self._frontier.pictures - self._pictures_out - self._buffered
        share = max(1, self._scrape.concurrency // (len(self._turns) + 1))
        room = max(1, min(share, self._scrape.concurrency - self._buffered))
        leases = self._frontier.lease(host.name, min(room, left) if left > 0 else room, pictures=left > 0)
        host.buffer.extend(leases)
        self._buffered += len(leases)
        if leases:
            return True
        if (when := self._frontier.next_try(host.name)) is not None:
            if left > 0 or when > time.time():
                self._turn(host, time.monotonic() + when - time.time())
            else:
                self._held.add(host.name)
        elif not host.flight:
            self._forget(host)
        return False

    def _forget(self, host: Host) -> None:
        if not (host.delay or host.strikes):
            self._hosts.pop(host.name, None)

    def _hand_out(self, host: Host, lease: Lease, now: float) -> None:
        host.flight += 1
        if not self._crawl.readers[lease.source].source.local:  # nobody waits for one's own files
            host.next_at = now + self._delay(host)
        self._out[lease.id] = host
        self._pictures_out += lease.kind == "picture"
        self._turn(host, host.next_at)

    def _delay(self, host: Host) -> float:
        slot = self._crawler.engine.downloader.slots.get(host.name)
        return max(slot.delay if slot else 0.0, self._scrape.delay_s, host.delay)

    def _release(self, host: Host) -> None:
        while host.buffer:
            self._buffered -= 1
            self._frontier.later(host.buffer.popleft(), 0.0, counts=False)

    def _set_timer(self, now: float) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._turns:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, self._turns[0][0] - now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if request := self.next_request():
            self._crawler.engine.crawl(request)

    def _robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        agent = self._crawler.settings["USER_AGENT"].partition("/")[0]
        if delay := robotparser.crawl_delay(agent):
            host = self._host(host_of(request.url))
            host.slow_down(float(delay))
            slots = self._crawler.engine.downloader.slots
            if host.name in slots:
                slots[host.name].delay = max(slots[host.name].delay, host.delay)
