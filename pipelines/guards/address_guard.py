"""The address guard: only http and https, only public addresses, and only the very addresses that were checked."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.exceptions import CannotResolveHostError
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer

from pipelines.guards.addresses import AddressError, resolve
from pipelines.guards.failures import RefusedError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler, CrawlerProcess

_TTL_S = 600.0  # so that a long crawl sees a changed DNS record
_FAILED_TTL_S = 1.0  # no more than what passes before a request is tried again
_PORTS = {"http": 80, "https": 443}


class AddressGuard:
    """A downloader middleware; it runs on every hop, because a redirect is a request like any other."""

    def __init__(self, allow_hosts: tuple[str, ...]) -> None:
        self._allow = allow_hosts
        self._asked: dict[tuple[str, int], asyncio.Task[tuple[float, Exception | None]]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> AddressGuard:
        return cls(tuple(crawler.settings.getlist("ALLOW_HOSTS")))

    async def process_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _PORTS:
            if parts.scheme == "folder" and request.meta.get("local"):
                return
            raise RefusedError("address", f"{request.url}: only http and https are asked")
        if "@" in parts.netloc:
            raise RefusedError("address", f"{request.url}: no address with a name and password is asked")
        host = parts.hostname or ""
        try:
            key = (host, parts.port or _PORTS[parts.scheme])
        except ValueError:
            raise RefusedError("address", f"{request.url}: no such port") from None
        task = self._asked.get(key)
        if task is None or (task.done() and task.result()[0] < time.monotonic()):
            task = self._asked[key] = asyncio.ensure_future(self._ask(*key))
        _, error = await asyncio.shield(task)
        if error is not None:
            raise error.with_traceback(None)  # a traceback grows each time its error is raised

    async def _ask(self, host: str, port: int) -> tuple[float, Exception | None]:
        """Resolve and check a host once for all requests that wait for it: until when that holds, and what is wrong."""
        try:
            CHECKED[host, port] = await resolve(host, port, self._allow)
        except AddressError as error:
            return time.monotonic() + _TTL_S, error
        except (OSError, UnicodeError) as error:
            return time.monotonic() + _FAILED_TTL_S, CannotResolveHostError(f"{host}: {error}")
        return time.monotonic() + _TTL_S, None


@implementer(IHostnameResolver)
class CheckedResolver:
    """Twisted's resolver for the whole process: it knows the addresses that the guard has checked, and no others."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    @classmethod
    def from_crawler(cls, _crawler: CrawlerProcess, reactor: Any) -> CheckedResolver:
        return cls(reactor)

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802  (Twisted's interface, names included)
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Any = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> Any:
        resolutionReceiver.resolutionBegan(self)
        for address in CHECKED.get((hostName.lower(), portNumber), []):
            kind = IPv6Address if ":" in address else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return self

    def cancel(self) -> None:
        """Nothing to do: a resolution ends before its caller goes on."""


CHECKED: dict[tuple[str, int], list[str]] = {}  # (host, port) -> where it is
