"""A proxy on loopback for one browser: it resolves, checks and connects, so that a page reaches public addresses only.

Chromium resolves nothing itself behind a proxy, so what is checked here is what is connected to, on every redirect and
for every frame and script. TLS passes through as bytes (CONNECT). Our own, because it has to connect to the very
address that it has checked.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pipelines.guards.addresses import AddressError, resolve

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

Refusal = Literal["address", "dns", "connection", "too_many_bytes"]

_HEAD = 64 * 1024  # bytes of a request's or a response's head
_HOP = re.compile(rb"^(?:proxy-[a-z]+|connection|keep-alive):[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Proxy:
    """Serves on 127.0.0.1 until closed. `max_bytes` bounds what one connection may bring."""

    allow_hosts: tuple[str, ...] = ()
    max_bytes: int = 30_000_000
    timeout_s: float = 30.0
    refused: dict[str, Refusal] = field(default_factory=dict)  # by host, since it was last cleared
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop, and cut what is still open."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            self._server = None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open.add(writer)
        try:
            # IncompleteReadError is the browser closing a connection that it opened ahead of need
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, target = head.split(b"\r\n", 1)[0].decode("latin-1").rpartition(" ")[0].partition(" ")
        tunnel = method == "CONNECT"
        try:
            url = urlsplit(f"//{target}" if tunnel else target)
            host, port = url.hostname or "", url.port or (443 if tunnel else 80)
        except ValueError:
            host = ""
        if not host or (not tunnel and url.scheme != "http"):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        if (upstream := await self._connect(host, port)) is None:
            status = b"403 Forbidden" if self.refused[host] == "address" else b"502 Bad Gateway"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _either(_pipe(reader, upstream[1]), self._bring(host, upstream[0], writer))
            else:
                path = url._replace(scheme="", netloc="").geturl() or "/"
                await self._forward(head, f"{method} {path} HTTP/1.1", reader, upstream[1])
                await _answer_head(upstream[0], writer)
                await _either(_gone(reader), self._bring(host, upstream[0], writer))
        finally:
            upstream[1].close()

    async def _connect(self, host: str, port: int) -> tuple[StreamReader, StreamWriter] | None:
        """A connection to a checked address of `host`; None, with the reason in `refused`, when there is none."""
        try:
            addresses = await resolve(host, port, self.allow_hosts)
        except AddressError:
            self.refused[host] = "address"
            return None
        except (OSError, UnicodeError):
            self.refused[host] = "dns"
            return None
        for address in addresses:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self.timeout_s):
                    return await asyncio.open_connection(address, port, limit=_HEAD)
        self.refused[host] = "connection"
        return None

    async def _forward(self, head: bytes, request: str, reader: StreamReader, upstream: StreamWriter) -> None:
        """One request a connection, so that a second one can never follow to a host that was not checked for it."""
        fields = _HOP.sub(b"", head.split(b"\r\n", 1)[1])
        upstream.write(request.encode("latin-1") + b"\r\nConnection: close\r\n" + fields)
        if found := _LENGTH.search(fields):
            upstream.write(await reader.readexactly(int(found[1])))
        await upstream.drain()

    async def _bring(self, host: str, reader: StreamReader, writer: StreamWriter) -> None:
        brought = 0
        while chunk := await reader.read(_HEAD):
            brought += len(chunk)
            if brought > self.max_bytes:
                self.refused[host] = "too_many_bytes"
                return
            writer.write(chunk)
            await writer.drain()


async def _answer_head(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass a response's head on, saying that the connection will close, as it will."""
    while True:
        status, _, fields = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        interim = re.match(rb"HTTP/1\.\d 1\d\d", status) is not None
        closing = b"" if interim else b"Connection: close\r\n"
        writer.write(status + b"\r\n" + closing + _HOP.sub(b"", fields))
        if not interim:
            return


async def _pipe(reader: StreamReader, writer: StreamWriter) -> None:
    while chunk := await reader.read(_HEAD):
        writer.write(chunk)
        await writer.drain()


async def _gone(reader: StreamReader) -> None:
    """Return when the browser hangs up; what it still sends is not for this server."""
    while await reader.read(_HEAD):
        pass


async def _either(*works: object) -> None:
    """Run until the first of them ends, then end the others."""
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]  # a coroutine each
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
