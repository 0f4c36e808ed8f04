"""A small web server for 127.0.0.1: keep-alive, entity tags, and nothing that the standard library does not have."""

from __future__ import annotations

import errno
import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_IDENTITY = "X-Demo-Site"


@dataclass(frozen=True)
class Reply:
    """What a site answers. `modified` is seconds since 1970, if the site knows."""

    body: bytes
    content_type: str
    status: int = 200
    modified: float | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


class Site(Protocol):
    """Something that can be served. Two sites with the same `identity` serve the same things."""

    @property
    def identity(self) -> str: ...

    def answer(self, path: str, base: str) -> Reply | None:
        """The reply to GET `path` (with its query) on a server whose address is `base`; None is a 404."""


class PortTakenError(click.ClickException):
    """Something else listens where the site should be."""

    exit_code = 75

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is taken by another program; stop it, or name another with --port")

    def show(self, file: object = None) -> None:  # noqa: ARG002  # click's signature
        click.echo(f"error: {self.message}", err=True)


@contextmanager
def running(site: Site, port: int = 0) -> Iterator[str]:
    """Serve `site` while the block runs; port 0 takes a free one. Yields the address, without a slash at its end.

    Raises PortTakenError.
    """
    server = bound(site, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.address
    finally:
        server.shutdown()
        server.server_close()


def bound(site: Site, port: int) -> Server:
    """A server that holds its port already, so that those who connect wait; it answers once it is served."""
    try:
        return Server(site, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port) from None
        raise click.UsageError(f"port {port} cannot be opened: {error.strerror}; name another with --port") from None


def is_open(site: Site, port: int) -> bool:
    """Whether this very site is being served there already, by another process."""
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("HEAD", "/robots.txt")
        return connection.getresponse().getheader(_IDENTITY) == site.identity
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Server(ThreadingHTTPServer):
    """Holds a site; one daemon thread a connection."""

    request_queue_size = 64

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        super().__init__((HOST, port), _Handler)
        self.address = f"http://{HOST}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60
    wbufsize = 1 << 16  # headers and body in one packet; apart, each reply would wait for a delayed ACK
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        reply = self.server.site.answer(self.path, self.server.address)
        if reply is None:
            reply = Reply(b"<!doctype html><title>Not here</title><h1>Not here</h1>\n", "text/html", 404)
        fresh = reply.status == 200 and self._has(reply)
        self.send_response(304 if fresh else reply.status)
        self.send_header(_IDENTITY, self.server.site.identity)
        self.send_header("ETag", reply.etag)
        if reply.modified is not None:
            self.send_header("Last-Modified", formatdate(reply.modified, usegmt=True))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not fresh:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if not fresh and self.command != "HEAD":
            self.wfile.write(reply.body)

    do_HEAD = do_GET  # noqa: N815  # http.server's name

    def _has(self, reply: Reply) -> bool:
        """Whether the client says that it has this very reply (RFC 9110, 13.2.2)."""
        if tags := self.headers.get("If-None-Match"):
            return reply.etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        since = self.headers.get("If-Modified-Since")
        if since is None or reply.modified is None:
            return False
        try:
            return int(reply.modified) <= parsedate_to_datetime(since).timestamp()
        except ValueError:
            return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's signature
        """Say nothing: the crawler tells what it got."""
