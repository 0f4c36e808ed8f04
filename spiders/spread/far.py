"""The frontier as a worker has it: its methods are carried out by the clerk, in the process that has the catalog."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from scrapbag.crawl.afield import PATIENCE_S
from scrapbag.workers.on_ray import result
from spiders.spread.clerk import CALLS, ReplacedError, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.crawl.frontier import Lease, Listener
    from spiders.spread.clerk import News

_ASKING = {"hosts", "lease", "next_try", "rest"}  # the turns call these while they decide: news wait


class Far:
    """Stands in for a `Frontier`. A process whose clerk does not answer in time ends at once, and asks no host more."""

    def __init__(self, clerk: Any, worker: int) -> None:
        self.listener: Listener | None = None
        self.pictures = 0
        self.suspects = False
        self.waited: Callable[[float], None] = lambda _began: None  # told when this process was held up, by time.time
        self._clerk = clerk
        self._ticket = Ticket(worker, uuid4().hex)
        self._mine: set[str] = set()  # hosts
        self._found: set[str] = set()  # hosts that the listener has still to hear of
        self._ahead: float = self._get("join") - time.time()  # the clerk's clock before this computer's, in seconds

    def wall(self) -> float:
        """Seconds since 1970, by the clerk's clock: it and every worker mean the same moment."""
        return time.time() + self._ahead

    def claim(self, host: str) -> bool:
        """Whether this process may ask that host. What is its own stays so."""
        if host not in self._mine and self._get("claim", host):
            self._mine.add(host)
        return host in self._mine

    def slow(self, host: str, seconds: float) -> None:
        """The host has a Crawl-delay."""
        self._get("slow", host, seconds)

    def elsewhere(self, lease: Lease) -> None:
        """The request leads to a host that is another process's."""
        self._hear(self._get("elsewhere", lease), lease)

    def beat(self, *, idle: bool) -> News:
        """Say that this process is there, and hear the news."""
        news: News = self._get("beat", idle=idle)
        self._hear(news)
        return news

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *given: Any, **how: Any) -> Any:
        answer, settled, news = self._get("call", name, given, how)
        if name in _ASKING:
            self._note(news)
        else:
            self._hear(news, given[0] if settled else None)
        return answer

    def _hear(self, news: News, lease: Lease | None = None) -> None:
        self._note(news)
        found, self._found = self._found, set()
        if self.listener is not None:
            if found:
                self.listener.found(found)
            if lease is not None:
                self.listener.settled(lease)

    def _note(self, news: News) -> None:
        self.pictures, self.suspects = news.pictures, news.suspects
        self._found |= news.hosts

    def _get(self, method: str, *given: Any, **how: Any) -> Any:
        import ray  # noqa: PLC0415  an extra

        began = time.time()
        try:
            return result(getattr(self._clerk, method).remote(self._ticket, *given, **how), seconds=PATIENCE_S)
        except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError, ReplacedError):
            os._exit(1)
        finally:
            self.waited(began)
