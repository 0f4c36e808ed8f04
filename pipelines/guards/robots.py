"""robots.txt as RFC 9309 has it, with Crawl-delay."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser

from pipelines.guards.failures import (
    ElsewhereError,
    HostStoppedError,
    NotYetError,
    RefusedError,
    is_transient,
    reason_of,
)
from scrapbag.crawl.found import host_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapbag.reasons import FetchReason

log = logging.getLogger(__name__)

MAX_BYTES = 500 * 1024  # RFC 9309, 2.5: what a crawler reads at least, and all that this one does
MAX_AGE_S = 24 * 3600.0  # RFC 9309, 2.4: how long rules are used before they are asked for again


_AGENT_LINE = re.compile(r"^(\s*user[- ]?agent(?:[ \t]*:|[ \t]+)[ \t]*)([^#\n]*)", re.IGNORECASE | re.MULTILINE)
_NOBODY = "!"  # no part of any product token


class RobotsGuard:
    """A downloader middleware: asks for each site's robots.txt first, once a day, and keeps to it.

    A 4xx means that there are no rules; a 5xx, a 429 or no answer that nothing of that host may be asked (2.3.1).
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._attempts = crawler.settings.getint("ATTEMPTS")
        self._agent = crawler.settings["USER_AGENT"].partition("/")[0]
        self._sites: dict[str, asyncio.Task[ProtegoRobotParser | FetchReason]] = {}
        self._asked: dict[str, float] = {}  # when, on the monotonic clock

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsGuard:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("robots") or not request.url.startswith(("http://", "https://")):
            return
        new = await self._judge(request.url)
        if new and "redirect_times" not in request.meta:  # a redirect would begin again at its first hop
            raise NotYetError(f"robots.txt of {host_of(request.url)} has just been asked")

    async def process_response(self, request: Request, response: Response) -> Response:
        """Judge also the document that a browser ended with, whose address scripts, actions and servers may change."""
        if response.url != request.url and not request.meta.get("robots"):
            await self._judge(response.url)
        return response

    async def _judge(self, url: str) -> bool:
        """Raise what forbids an address; returns whether its site's rules had still to be asked for."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        known = self._sites.get(site)
        if known is None or (known.done() and time.monotonic() - self._asked[site] > MAX_AGE_S):
            self._asked[site] = time.monotonic()
            self._sites[site] = asyncio.ensure_future(self._ask(site, known.result() if known else "robots"))
        new = not self._sites[site].done()
        rules = await asyncio.shield(self._sites[site])
        if isinstance(rules, str):
            said = f"{site}/robots.txt cannot be read, so nothing of it may be asked"
            raise HostStoppedError(rules, host_of(url), said)
        if not rules.allowed(url, self._agent):
            raise RefusedError("robots", f"{site}/robots.txt forbids {url}", skipped=True)
        return new

    async def _ask(self, site: str, before: ProtegoRobotParser | FetchReason) -> ProtegoRobotParser | FetchReason:
        """The rules of a site, or the reason why they cannot be had; those of `before` hold on while none can."""
        reason: FetchReason = "robots"
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(2.0**attempt)
            meta = {
                "robots": True,
                "download_maxsize": 4 * MAX_BYTES,
                "download_slot": host_of(site),
                "autothrottle_dont_adjust_delay": True,  # how long these rules took says nothing of what follows
            }
            request = Request(f"{site}/robots.txt", callback=NO_CALLBACK, meta=meta)
            try:
                response = await self._crawler.engine.download_async(request)
            except ElsewhereError:  # they are redirected to a host that this process may not ask
                raise
            except Exception as error:  # noqa: BLE001  (whatever it was, it has a reason)
                reason = reason_of(error)
                log.info("%s: %s", request.url, error)
                if reason == "redirect":  # 2.3.1.2: more than five hops may be taken for unavailable
                    return rules_for(self._agent, b"")
                if not is_transient(error, reason):
                    break
                continue
            reason = "robots"
            if response.status < 500 and response.status != 429:
                rules = rules_for(self._agent, response.body[:MAX_BYTES] if response.status < 300 else b"")
                self._crawler.signals.send_catch_log(signals.robots_parsed, robotparser=rules, request=request)
                return rules
        return reason if isinstance(before, str) else before


def rules_for(agent: str, body: bytes) -> ProtegoRobotParser:
    """The rules of a robots.txt. A group is ours if the product token that it names is `agent`, whole (2.2.1).

    Protego compares by substring: it takes `scrap` for us, and not `scrapbag/1.0`. So each name is written as ours, *
    or neither.
    """

    def named(line: re.Match[str]) -> str:
        token = (line[2].partition("/")[0].split() or [""])[0].lower()
        ours = {agent.lower(): agent, "*": "*"}
        return f"{line[1]}{ours.get(token, _NOBODY)}"

    text = "\n".join(body.decode("utf-8-sig", "replace").splitlines())
    return ProtegoRobotParser(_AGENT_LINE.sub(named, text).encode(), None)
