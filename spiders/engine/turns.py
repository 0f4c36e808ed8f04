"""Which host is asked next: hosts in turn, each as often as it may be, with pauses and probes, few leases at a time.

Knows the frontier and the clock that it is given, and nothing of Scrapy.
"""

from __future__ import annotations

import heapq
import logging
import sqlite3
from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from scrapbag.crawl.frontier import Answer
from scrapbag.crawl.times import LONGEST_S
from spiders.engine.host import Host, Rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.crawl.frontier import Frontier, Lease
    from scrapbag.reasons import FetchReason
    from scrapbag.recipe import Scrape
    from spiders.engine.clock import Clock

log = logging.getLogger(__name__)

R = TypeVar("R")

SOON = 100  # pictures; with fewer left to fetch, a page that may not be needed waits for the pictures that are known
PATIENCE_S = 900.0  # a host that wants to be left alone for longer is left to the next run


class Turns:
    """Memory holds what is leased, at most twice the concurrency; the rest stays in the catalog."""

    def __init__(self, frontier: Frontier, scrape: Scrape, clock: Clock) -> None:
        self._frontier = frontier
        self._scrape = scrape
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._queue: list[tuple[float, int, Host]] = []  # a heap: when, the order of arrival, who
        self._order = count()
        self._out: dict[int, tuple[Host, Lease]] = {}  # what is under way, and whom it asks, by its row's id
        self._pictures_out = 0
        self._buffered = 0
        self._held: set[str] = set()  # hosts that have only pictures left, more than the limit allows
        self.stopped: dict[str, dict[str, FetchReason]] = {}  # hosts given up, for which source ('' is all), and why
        self.resting: dict[str, Rest] = {}  # by host
        self.stopping = False  # hand out nothing more

    def begin(self) -> None:
        """Give each host with something queued a turn, and hear of what is found from here on."""
        self._frontier.listener = self
        self.found(set(self._frontier.hosts()))

    def end(self) -> None:
        """Queue again what was leased and has no answer: the run ends in order, and no request is to blame."""
        with suppress(sqlite3.Error):  # a full disk; the next run queues it again
            for host in self._hosts.values():
                self._release(host)
            for _, lease in list(self._out.values()):
                self._frontier.later(lease, 0.0, counts=False)

    @property
    def full(self) -> bool:
        """Whether the recipe's limit of pictures is reached."""
        return self._frontier.pictures >= self._scrape.limit

    @property
    def busy(self) -> bool:
        """Whether something is under way, or a host waits for its turn."""
        return not self.stopping and bool(self._out or (self._queue and not self.full))

    def next(self, make: Callable[[Lease], R], slot_delay: Callable[[str], float]) -> R | None:
        """The request to send now, made by `make` of its lease; None when no host may be asked yet.

        `slot_delay` is the delay in seconds that the downloader keeps for a host. A lease of which `make` raises
        ValueError is lost for `address`, and costs its host no turn.
        """
        now = self._clock.monotonic()
        while self._idle and self._queue and self._queue[0][0] <= now:
            host = heapq.heappop(self._queue)[2]
            host.waiting = False
            if host.next_at > now:  # it was paused meanwhile
                self._join(host, host.next_at)
            elif host.flight < host.cap and (lease := self._take(host)):
                try:
                    request = make(lease)
                except ValueError:
                    self._frontier.lost(lease, "address", Answer())
                    self._join(host, now)
                    continue
                self._hand_out(host, lease, now, slot_delay(host.name))
                return request
        return None

    def wait(self) -> float | None:
        """Seconds until the next host's turn; None when time alone brings none."""
        if not self._idle or not self._queue:
            return None
        return max(0.0, self._queue[0][0] - self._clock.monotonic())

    def found(self, hosts: set[str]) -> None:
        """Give hosts with something new a turn."""
        for name in sorted(hosts):
            for source, reason in self.stopped.get(name, {}).items():
                self._frontier.stop(name, reason, source)
            if "" not in self.stopped.get(name, {}):
                host = self._host(name)
                self._join(host, host.next_at)

    def settled(self, lease: Lease) -> None:
        """Free the place of a request that was handed out."""
        if lease.id not in self._out:
            return
        host, _ = self._out.pop(lease.id)
        host.flight -= 1
        self._pictures_out -= lease.kind == "picture"
        self.resume()
        self._join(host, host.next_at)

    def resume(self) -> None:
        """Give hosts a turn that were held back for pictures under way, if there is room for more by now."""
        if self._held and not self.full:
            held, self._held = self._held, set()
            self.found(held)

    def put_back(self, lease: Lease) -> None:
        """Take back a lease that was handed out before its host's rules were known; its place is free meanwhile."""
        host = self._hosts[lease.host]
        host.buffer = deque(sorted((lease, *host.buffer), key=lambda one: one.id))
        self._buffered += 1
        self.settled(lease)

    def retry(self, lease: Lease) -> None:
        """Queue a lease again, for a second after its first attempt and twice as long after each further one."""
        self._frontier.later(lease, self._clock.wall() + 0.5 * 2**lease.attempts)

    def spoke(self, lease: Lease, *, well: bool) -> None:
        """The host of `lease` answered, and `well` or not."""
        self._host(lease.host).spoke(self._clock.monotonic(), well=well)

    def silent(self, lease: Lease, reason: FetchReason) -> None:
        """The host of `lease` did not answer. One that leaves many in a row unanswered is paused for `reason`."""
        host = self._host(lease.host)
        host.silent += 1
        if host.silent >= self._scrape.attempts * host.most:
            self.pause(lease.host, None, reason)

    def pause(self, name: str, seconds: float | None, reason: FetchReason) -> None:
        """Leave a host alone for as long as it says, then send one probe; give it up after as many as the attempts.

        `seconds` is None where it does not say how long. One that wants an hour or more is given up at once.
        """
        host = self._host(name)
        host.pause(self._clock.monotonic(), seconds, self._scrape.delay_s)
        until = self._clock.to_wall(host.paused_until)
        self._frontier.pause(name, until, asked=host.asked)
        if too_long := seconds is not None and seconds >= LONGEST_S:
            self.resting[name] = Rest(until, asked=True, given_up=True)
        if too_long or host.strikes > self._scrape.attempts:
            self.stop(name, reason)
            return
        self._release(host)
        self._join(host, host.next_at)

    def slow_down(self, name: str, crawl_delay: float) -> float:
        """Keep to a Crawl-delay in seconds; returns what is kept of it."""
        host = self._host(name)
        host.slow_down(self._clock.monotonic(), crawl_delay)
        return host.delay

    def stop(self, name: str, reason: FetchReason, source: str = "") -> None:
        """Ask nothing of a host for the rest of the run, or only for `source`; what is queued failed for `reason`."""
        log.info("%s is left alone%s: %s", name, source and f" by {source}", reason)
        self.stopped.setdefault(name, {})[source] = reason
        self._release(self._host(name))
        self.found({name})

    @property
    def _idle(self) -> bool:
        return not (self.stopping or self.full or len(self._out) >= self._scrape.concurrency)

    def _host(self, name: str) -> Host:
        if name not in self._hosts:
            self._hosts[name] = host = Host(name, self._scrape.per_host)
            until, host.asked = self._frontier.rest(name)
            host.next_at = self._clock.to_monotonic(until) if until else 0.0
        return self._hosts[name]

    def _join(self, host: Host, at: float) -> None:
        """Queue the host for a turn, unless it has one, may have none, or would have it too late for this run."""
        if host.waiting or "" in self.stopped.get(host.name, {}) or host.flight >= host.cap:
            return
        if at - self._clock.monotonic() > PATIENCE_S:
            self.resting[host.name] = Rest(self._clock.to_wall(at), host.asked)
            return
        host.waiting = True
        heapq.heappush(self._queue, (at, next(self._order), host))

    def _take(self, host: Host) -> Lease | None:
        """The host's next lease. Without one it leaves the turns until something of it is found, or is due."""
        if not host.buffer and not self._fill(host):
            return None
        self._buffered -= 1
        return host.buffer.popleft()

    def _fill(self, host: Host) -> bool:
        """Lease the host's share of what memory has room for; whether there was anything."""
        left = self._scrape.limit - self._frontier.pictures - self._pictures_out - self._buffered
        share = max(1, self._scrape.concurrency // (len(self._queue) + 1))
        room = max(1, min(share, self._scrape.concurrency - self._buffered))
        most = min(room, left) if left > 0 else room
        leases = self._frontier.lease(host.name, most, pictures=left > 0, pictures_first=left <= SOON)
        host.buffer.extend(leases)
        self._buffered += len(leases)
        if leases:
            return True
        if (when := self._frontier.next_try(host.name)) is not None:
            if left > 0 or when > self._clock.wall():
                self._join(host, self._clock.to_monotonic(when))
            else:
                self._held.add(host.name)
        elif self._frontier.suspects:
            self._held.add(host.name)
        elif not (host.flight or host.delay or host.strikes):
            self._hosts.pop(host.name, None)
        return False

    def _hand_out(self, host: Host, lease: Lease, now: float, slot_delay: float) -> None:
        host.flight += 1
        if not lease.local:
            host.next_at = now + max(slot_delay, self._scrape.delay_s, host.delay)
        self._out[lease.id] = host, lease
        self._pictures_out += lease.kind == "picture"
        self._join(host, host.next_at)

    def _release(self, host: Host) -> None:
        while host.buffer:
            self._buffered -= 1
            self._frontier.later(host.buffer.popleft(), 0.0, counts=False)
