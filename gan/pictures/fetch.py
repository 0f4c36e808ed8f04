"""Answers of a server of pictures, asked for again until they come whole, for a bounded time."""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from gan.pictures import bearer, wire
from scrapbag.errors import MissingError, NoPermissionError, ScrapbagError, UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

PATIENCE_S = 600.0  # without a whole answer, after which a run gives up
FIRST_S = 30.0  # the same before the first one: a server may be starting, or nobody is there
TIMEOUT_S = 30.0  # of the connection, and without a byte of an answer
_FIRST_S, _LONGEST_S = 0.25, 10.0  # pauses between tries: the first, doubled up to the longest
_LARGEST = 2**28  # bytes of an answer
_SAID = 300  # characters that are shown of a server's own sentence
log = logging.getLogger(__name__)


class _TornError(Exception):
    """An answer that may come whole the next time."""


def _is_hopeless(error: Exception) -> bool:
    """Whether no server of make serve will be there: no such name, no TLS, no HTTP, but not a line that broke."""
    kinds = (socket.gaierror, ssl.SSLError, http.client.BadStatusLine, http.client.UnknownProtocol)
    return isinstance(error, kinds) and not isinstance(error, http.client.RemoteDisconnected)


class Fetcher:
    """A connection to one server, kept open; for one thread at a time.

    The token goes to the host that was named and to no other: a redirect is an error, and no proxy is asked.
    """

    def __init__(self, url: str, token: str = "", patience: float = PATIENCE_S) -> None:
        """Raises UsageError for what is no address of a server."""
        parts = address(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._headers = {"User-Agent": "scrapbag", **bearer.header(token)}
        self._patience = patience
        self._met = False  # whether it ever answered
        self._ended = threading.Event()

    def get(self, path: str, **query: object) -> tuple[bytes, str]:
        """The body, whole by its digest, and the key of the dataset that it is of.

        Raises MissingError when no whole answer came for `patience` seconds, or `stop` was called, and before the first
        answer sooner: after FIRST_S, and at once where the name is unknown or another protocol is spoken. Raises
        UsageError when the server refuses, in its own words, and NoPermissionError when it does not take the token.
        """
        began, pause, why, patience = time.monotonic(), _FIRST_S, "", self._patience
        target = f"/{path}?{urlencode(query)}" if query else f"/{path}"
        while not self._ended.is_set():
            try:
                found = self._once(target)
            except (OSError, http.client.HTTPException, _TornError) as error:
                self._connection.close()
                if self._ended.is_set():
                    break
                if not self._met and _is_hopeless(error):
                    raise MissingError(
                        f"{self.url} is not reached ({_words(error)}); write DATA_URL=http://<host>:<port> of a server"
                    ) from None
                patience = self._patience if self._met else min(self._patience, FIRST_S)
                waited = time.monotonic() - began
                if not why:
                    log.warning("%s: %s; waiting for it, up to %g seconds", self.url, _words(error), patience)
                why = _words(error)
                if waited >= patience:
                    break
                self._ended.wait(min(pause, patience - waited))
                pause = min(2 * pause, _LONGEST_S)
            else:
                if why:
                    log.warning("%s answers again, after %.0f seconds", self.url, time.monotonic() - began)
                return found
        raise MissingError(
            f"{self.url} gave no picture for {patience:g} seconds ({why}); start make serve there, and the same "
            "command goes on from here"
        )

    def stop(self) -> None:
        """End a `get` that waits in another thread; none is answered from here on."""
        self._ended.set()
        if (open_one := self._connection.sock) is not None:
            with suppress(OSError):  # it was over
                open_one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, once no other thread uses it."""
        self._connection.close()

    def _once(self, target: str) -> tuple[bytes, str]:
        self._connection.request("GET", target, headers=self._headers)
        answer = self._connection.getresponse()
        self._met = True
        length = answer.headers.get("Content-Length") or "0"
        if not re.fullmatch(r"[0-9]{1,18}", length) or int(length) > _LARGEST:
            raise UsageError(f"{self.url} sends {_printable(length.encode())} bytes; that is no server of make serve")
        body = answer.read(_LARGEST)  # cut off or not: the digest says so
        if answer.status >= http.client.INTERNAL_SERVER_ERROR or answer.status == http.client.TOO_MANY_REQUESTS:
            raise _TornError(f"it answered {answer.status}")
        if answer.status != http.client.OK:
            raise self._refused(answer.status, body)
        key = answer.headers.get(wire.DATASET, "")
        if not key:
            raise UsageError(f"{self.url} is no server of make serve; write DATA_URL=http://<host>:<port> of one")
        if answer.headers.get(wire.DIGEST) != wire.digest(body):
            raise _TornError("what came is not what its SHA-256 says")
        return body, key

    def _refused(self, status: int, body: bytes) -> ScrapbagError:
        if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            return NoPermissionError(
                f"{self.url} refuses: {_printable(body)}; give the token that it was started with, by TOKEN_FILE or "
                f"{bearer.VARIABLE}"
            )
        if http.client.MULTIPLE_CHOICES <= status < http.client.BAD_REQUEST:
            return UsageError(f"{self.url} sends elsewhere ({status}), which is not followed; write that DATA_URL")
        return UsageError(f"{self.url} answered {status}: {_printable(body)}")


def address(url: str) -> SplitResult:
    """The parts of a server's address: http or https, a host and, perhaps, a port. Raises UsageError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
        host = parts.hostname or ""
        host.encode("idna")  # as the socket will: no label is empty, or longer than 63
        usable = usable and re.fullmatch(r"[^\s\x00-\x1f\x7f]+", host) is not None
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.fragment or parts.path not in ("", "/"):
        shown = re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)  # without a password
        raise UsageError(f"DATA_URL={shown!r:.200} is no address of a server; write DATA_URL=http://<host>:<port>")
    return parts


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())


def _printable(body: bytes) -> str:
    text = body[: 4 * _SAID].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SAID] or "without a word"
