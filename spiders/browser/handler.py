"""A Scrapy download handler: requests with meta["browser"] are opened in Chromium, all others by Scrapy's own handler.

meta["browser"] = {"actions": [["click", "css"], ["scroll", {"count": "css", "max": 50}], ...]}. The request comes
through Scrapy's middlewares, so that robots.txt, delays and the address guard hold before a browser sees it; what the
page then asks for goes through the filtering proxy.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.http import HtmlResponse, Response

from pipelines.guards.addresses import AddressError
from scrapbag.programs import require
from spiders.browser.chromium import BrowserError, BrowserTimeoutError, BrowserTooLargeError, Session
from spiders.browser.profiles import sweep
from spiders.browser.proxy import Proxy

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from spiders.browser.documents import Rendered

log = logging.getLogger(__name__)

_OF_THE_BODY = ("content-encoding", "content-length", "content-type", "transfer-encoding")  # ours is the DOM, as text

RECYCLE_PAGES = 50
RECYCLE_BYTES = 600_000_000  # a browser that holds more after a page is replaced, well before it may hold no more


class BrowserHandler(HTTP11DownloadHandler):
    """For both http and https. Settings: BROWSER_SESSIONS (2), BROWSER_ALLOW_HOSTS, DOWNLOAD_MAXSIZE, USER_AGENT."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if crawler not in _POOLS:  # Scrapy makes a handler for each scheme
            _POOLS[crawler] = Browsers(crawler.settings)
        self._browsers = _POOLS[crawler]

    async def download_request(self, request: Request) -> Response:
        if "browser" not in request.meta:
            return await super().download_request(request)
        return await self._browsers.fetch(request)

    async def close(self) -> None:
        await self._browsers.close()
        await super().close()


class Browsers:
    """At most BROWSER_SESSIONS browsers, opened when they are first needed."""

    def __init__(self, settings: BaseSettings) -> None:
        self._settings = settings
        self._idle: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        self._workers = [Worker(settings) for _ in range(settings.getint("BROWSER_SESSIONS", 2))]
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def fetch(self, request: Request) -> Response:
        worker = await self._idle.get()
        try:
            return await worker.fetch(request)
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        workers, self._workers = self._workers, []  # the handlers of http and https share the pool, and both close it
        await asyncio.gather(*(worker.close() for worker in workers))


class Worker:
    """One thread, one browser, one proxy. The browser is replaced after any error, many pages, or much memory."""

    def __init__(self, settings: BaseSettings) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._proxy = Proxy(tuple(settings.getlist("BROWSER_ALLOW_HOSTS")), settings.getint("DOWNLOAD_MAXSIZE"))
        self._user_agent = settings["USER_AGENT"]
        self._max_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._session: Session | None = None
        self._source = ""  # what the browser remembers is of this source alone

    async def fetch(self, request: Request) -> Response:
        """The page, or a redirect if it lies elsewhere. Raises as Scrapy's own handler does, or AddressError."""
        if not self._proxy.port:
            await self._proxy.start()
        self._proxy.refused.clear()
        actions = tuple((name, value) for name, value in request.meta["browser"].get("actions", ()))
        timeout = float(request.meta.get("download_timeout") or 30)
        loop = asyncio.get_running_loop()
        try:
            source = getattr(request.meta.get("lease"), "source", "")
            load = loop.run_in_executor(self._thread, self._load, request.url, actions, timeout, source)
            page, cookies, request.meta["ends"] = await load
        except BrowserTimeoutError as error:
            raise DownloadTimeoutError(f"{request.url}: {error}") from error
        except BrowserTooLargeError as error:
            raise DownloadCancelledError(f"{request.url}: {error}") from error
        except BrowserError as error:
            self._raise_refusal(error.url or request.url)
            raise DownloadFailedError(f"{request.url}: {error}") from error
        if page.status in (0, 403, 502):
            self._raise_refusal(page.url)
        if page.moved:  # so that robots.txt and the guards see the new address as well
            there = {"Location": page.url, "Set-Cookie": cookies}
            return Response(page.url, status=302, headers=there, request=request)
        body = page.html.encode()
        if 0 < self._max_bytes < len(body):
            raise DownloadCancelledError(f"{request.url}: {len(body):,} bytes, more than {self._max_bytes:,}")
        headers: dict[str, str | list[str]] = {
            name: value for name, value in page.headers.items() if name not in _OF_THE_BODY
        }
        headers["set-cookie"] = cookies
        return HtmlResponse(
            page.url, status=page.status or 200, headers=headers, body=body, encoding="utf-8", request=request
        )

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)
        await self._proxy.close()

    def _load(
        self, url: str, actions: tuple[tuple[str, object], ...], timeout: float, source: str
    ) -> tuple[Rendered, list[str], list[tuple[str, str]]]:
        """The page, its cookies as Set-Cookie headers, and how its actions ended. On the worker's thread."""
        if self._session is None:
            sweep()
            self._session = Session(require(), self._proxy.port, self._user_agent)
        try:
            if source != self._source:
                self._session.forget()
            self._source = source
            page = self._session.load(url, actions, timeout)
            cookies, ends = self._session.cookies(), self._session.ends
        except BrowserError:
            self._drop()
            raise
        if self._session.pages >= RECYCLE_PAGES or self._session.memory() > RECYCLE_BYTES:
            self._drop()
        return page, cookies, ends

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _raise_refusal(self, url: str) -> None:
        """Raise why the proxy refused the page itself; a script or frame that it refused is no failure of the page."""
        host = urlsplit(url).hostname or ""
        reason = self._proxy.refused.get(host)
        if reason == "address":
            raise AddressError(f"{url}: {host} is not at a public address")
        if reason == "dns":
            raise CannotResolveHostError(f"{url}: no address for {host}")
        if reason is not None:
            raise DownloadFailedError(f"{url}: {reason}")


_POOLS: WeakKeyDictionary[Crawler, Browsers] = WeakKeyDictionary()
