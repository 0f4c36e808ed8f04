"""The one process that writes the catalog while workers crawl: it says who asks which site, and notes what they found.

It stands between `Frontier` and the workers, which call the frontier's methods in it. So there is one catalog, which is
whole after every answer, whoever dies: no parts to merge, one limit of pictures, one order of finding.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.guards.suffixes import site_of
from pipelines.store import store, tidy
from scrapbag.catalog import connect
from scrapbag.crawl import afield
from scrapbag.crawl.frontier import Frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scrapbag.crawl.frontier import Lease, Stored
    from scrapbag.layout import Data
    from scrapbag.recipe import Scrape

# What workers may call of the frontier
CALLS = frozenset(
    {"next_try", "rest", "page_done", "unchanged", "picture_done", "lost", "later", "pause", "stop", "lease", "hosts"}
)
_EVERY_S = 1.0  # at most so often is it written down that workers are at work


class ReplacedError(Exception):
    """A process is taken for dead, and another has its place: it must ask nothing any more."""


class Ticket(NamedTuple):
    """Who calls: a worker's number, and which of the processes that have been this worker."""

    worker: int
    process: str


@dataclass(frozen=True)
class News:
    """What a worker hears with every answer."""

    hosts: frozenset[str]  # its own, of which something new may be asked
    pictures: int  # that are stored, or that others have under way
    suspects: bool
    over: bool = False  # nothing is left for anybody
    stop: bool = False  # close now, in order


@dataclass(frozen=True)
class SoFar:
    """How far the crawl is."""

    workers: frozenset[int]  # that have a site
    pages: int
    pictures: int


@dataclass
class _Worker:
    process: str = ""
    idle: bool = False
    asked: set[str] = field(default_factory=set)  # hosts
    leases: dict[int, Lease] = field(default_factory=dict)  # under way
    news: set[str] = field(default_factory=set)  # hosts that it has not heard of yet

    @property
    def pictures(self) -> int:
        return sum(lease.kind == "picture" for lease in self.leases.values())


class Clerk:
    """Holds the frontier. A site is one worker's from its first request to the end of the crawl.

    `caps` is as the Frontier has it, of all sources; what `left` names is not asked by workers; `most` is their number.
    """

    def __init__(
        self, data: Data, scrape: Scrape, caps: Mapping[str, int], names: Sequence[str], left: Sequence[str], most: int
    ) -> None:
        self._data, self._scrape, self._most = data, scrape, most
        self._connection = connect(data.catalog)
        self._frontier = Frontier(self._connection, names, time.time, caps)
        self._frontier.listener = self
        self._frontier.go_on(leave=left)
        self._sites: dict[str, int] = {}  # whose each is
        self._workers: defaultdict[int, _Worker] = defaultdict(_Worker)
        self._delays: dict[str, float] = {}  # of hosts with a Crawl-delay, in seconds
        self._aside: list[Lease] = []  # that lead to a site of another worker; for whoever asks afterwards
        self._settled: Lease | None = None
        self._counts = Counter[tuple[str, str]]()  # of calls that ended a lease, by its kind
        self._stopping = False
        self._reported = 0.0
        self.found(set(self._frontier.hosts()))

    def join(self, ticket: Ticket) -> float:
        """A process begins to be a worker; what time it is here (seconds since 1970).

        If it takes the place of one that was killed, what that had under way is queued again, and its hosts are left
        alone for their delay.
        """
        worker = self._workers[ticket.worker]
        if worker.process:
            self._frontier.abandoned(list(worker.leases.values()))
            worker.leases.clear()
            self._rest(worker.asked)
            worker.news |= worker.asked
        worker.process, worker.idle = ticket.process, False
        self._report()
        return time.time()

    def call(self, ticket: Ticket, name: str, given: tuple[Any, ...], how: dict[str, Any]) -> tuple[Any, bool, News]:
        """What that method of the frontier returns, whether it ended the lease that it was given, and the news."""
        worker = self._known(ticket)
        worker.idle, self._settled = False, None
        if name == "hosts":
            every = self._frontier.hosts().items()
            result: Any = {host: at for host, at in every if self._owner(host) == ticket.worker}
        elif name == "lease":
            result = self._lease(worker, *given, **how)
        elif name in CALLS:
            result = getattr(self._frontier, name)(*given, **how)
        else:
            raise AttributeError(name)
        if self._settled is not None:
            worker.leases.pop(self._settled.id, None)
            self._counts[name, self._settled.kind] += 1
        return result, self._settled is not None, self._news(worker)

    def beat(self, ticket: Ticket, *, idle: bool) -> News:
        """A worker is there, and `idle` if it has nothing to ask and nothing under way."""
        worker = self._known(ticket)
        worker.idle = idle and not worker.news
        return self._news(worker)

    def claim(self, ticket: Ticket, host: str) -> bool:
        """Whether this worker may ask that host; nobody's becomes its own."""
        worker = self._known(ticket)
        if self._sites.setdefault(site_of(host), ticket.worker) != ticket.worker:
            return False
        worker.asked.add(host)
        return True

    def slow(self, ticket: Ticket, host: str, seconds: float) -> None:
        """The host has a Crawl-delay."""
        self._known(ticket)
        self._delays[host] = seconds

    def elsewhere(self, ticket: Ticket, lease: Lease) -> News:
        """A request leads to a site of another worker: it is left for whoever asks when all of them have ended."""
        worker = self._known(ticket)
        if worker.leases.pop(lease.id, None) is not None:
            self._aside.append(lease)
        return self._news(worker)

    def so_far(self) -> SoFar:
        """For the command that waits for the end."""
        pages = self._counts["page_done", "page"] + self._counts["unchanged", "page"]
        return SoFar(frozenset(self._sites.values()), pages, self._counts["picture_done", "picture"])

    def stop(self) -> None:
        """Let every worker close in order."""
        self._stopping = True

    def end(self, *, ended: bool) -> None:
        """Queue again what the workers left, and let their hosts rest. `ended`: none of them is at work any more."""
        for worker in self._workers.values():
            self._frontier.abandoned(list(worker.leases.values()))
            self._rest(worker.asked)
        for lease in self._aside:
            self._frontier.later(lease, 0.0, counts=False)
        self._connection.close()
        if ended:
            afield.returned(self._data)

    def found(self, hosts: set[str]) -> None:
        """The frontier's word that these have something new: for whoever asks them."""
        for host in sorted(hosts):
            worker = self._workers[self._owner(host)]
            worker.news.add(host)
            worker.idle = False

    def settled(self, lease: Lease) -> None:
        """The frontier's word that a lease has ended."""
        self._settled = lease

    def _owner(self, host: str) -> int:
        """Whose that host's site is; a new one goes to the worker that has fewest."""
        site = site_of(host)
        if site not in self._sites:
            many = Counter(self._sites.values())
            self._sites[site] = min(range(1, self._most + 1), key=lambda number: (many[number], number))
        return self._sites[site]

    def _lease(self, worker: _Worker, host: str, count: int, *, pictures: bool = True, **how: bool) -> list[Lease]:
        """Pictures no more than the limit has room for, whoever has them under way."""
        under_way = sum(one.pictures for one in self._workers.values())
        left = self._scrape.limit - self._frontier.pictures - under_way
        pictures = pictures and left > 0
        leases = self._frontier.lease(host, min(count, left) if pictures else count, pictures=pictures, **how)
        worker.leases |= {lease.id: lease for lease in leases}
        worker.asked.add(host)
        return leases

    def _rest(self, hosts: set[str]) -> None:
        """Leave hosts alone for their delay from now on, because nobody knows when they were asked last."""
        for host in sorted(hosts):
            delay = max(self._scrape.delay_s, self._delays.get(host, 0.0))
            known, asked = self._frontier.rest(host)
            if delay and time.time() + delay > known:
                self._frontier.pause(host, time.time() + delay, asked=asked)

    def _known(self, ticket: Ticket) -> _Worker:
        worker = self._workers[ticket.worker]
        if worker.process != ticket.process:
            raise ReplacedError(f"worker {ticket.worker} is another process by now")
        self._report()
        return worker

    def _report(self) -> None:
        if time.monotonic() - self._reported >= _EVERY_S:
            self._reported = time.monotonic()
            afield.reported(self._data)

    def _news(self, worker: _Worker) -> News:
        hosts, worker.news = frozenset(worker.news), set()
        others = sum(one.pictures for one in self._workers.values() if one is not worker)
        working = set(self._sites.values())
        over = all(one.idle for number, one in self._workers.items() if number in working)
        return News(hosts, self._frontier.pictures + others, self._frontier.suspects, over, self._stopping)


class Depot:
    """Writes the pictures that workers send, beside the clerk, so that nobody waits for a disk in between."""

    def __init__(self, data: Data) -> None:
        self._data = data
        tidy(data)

    def keep(self, body: bytes, max_pixels: int, expected: str) -> Stored:
        """As `pipelines.store.store` does; a body that differs from what was sent differs in its sha256, too."""
        return store(self._data, body, max_pixels, expected)
