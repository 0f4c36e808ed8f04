"""A server on loopback whose every answer a test writes, and a crawl of it in a process of its own."""

from __future__ import annotations

import io
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from scrapbag.catalog import Record, connect, records


@dataclass
class Answer:
    """`length` is what Content-Length says: None for the truth, -1 for nothing at all."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "text/html"
    length: int | None = None
    wait: float = 0.0  # before the answer
    drip: float = 0.0  # between its bytes
    hang_up: bool = False  # instead of an answer, as a connection that is reset


@dataclass(frozen=True)
class Hit:
    at: float
    path: str
    headers: dict[str, str]
    status: int


Routes = dict[str, Answer | Callable[[dict[str, str], int], Answer]]


class Site:
    """`routes` are paths to answers, or to functions of the hit's headers and number (from 1) that give one."""

    def __init__(
        self, routes: dict[str, Answer | Callable[[dict[str, str], int], Answer]], pem: Path | None = None
    ) -> None:
        self.routes = routes
        self.pem = pem  # a certificate and its key: serve TLS
        self.hits: list[Hit] = []
        self.host = ""
        self.running = 0
        self.most = 0  # requests at once
        self.finished: list[str] = []  # what was sent to its last byte
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self.pem else 'http'}://{self.host}"

    def asked(self, path: str = "") -> list[Hit]:
        return [hit for hit in self.hits if (hit.path == path if path else hit.path != "/robots.txt")]

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        with self._lock:
            route = self.routes.get(path, Answer(status=404))
            number = 1 + sum(hit.path == path for hit in self.hits)
            answer = route(headers, number) if callable(route) else route
            self.hits.append(Hit(time.time(), path, headers, answer.status))
            return answer


@contextmanager
def serving(*sites: Site, host: str = "127.0.0.1") -> Iterator[None]:
    servers = []
    for site in sites:
        family = {"address_family": socket.AF_INET6 if ":" in host else socket.AF_INET}
        server = type("Server", (ThreadingHTTPServer,), family)((host, 0), type("Handler", (_Handler,), {"site": site}))
        server.daemon_threads = True
        server.handle_error = lambda *_args: None  # clients that hang up
        if site.pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(site.pem)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        site.host = f"{f'[{host}]' if ':' in host else host}:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        with self.site._lock:
            self.site.running += 1
            self.site.most = max(self.site.most, self.site.running)
        try:
            self._send(self.site.answer(self.path, {k.lower(): v for k, v in self.headers.items()}))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.site._lock:
                self.site.running -= 1

    def _send(self, answer: Answer) -> None:
        time.sleep(answer.wait)
        if answer.hang_up:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.length != -1 and answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()
        if answer.drip:
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                time.sleep(answer.drip)
        else:
            self.wfile.write(answer.body)
        self.site.finished.append(self.path)
        if answer.length is not None:
            self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        pass


@dataclass(frozen=True)
class Crawled:
    code: int
    out: str
    data: Path
    seconds: float

    def records(self) -> dict[str, Record]:
        """By address."""
        with closing(connect(self.data / "catalog.db")) as connection:
            return {record.url: record for record in records(connection)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(connect(self.data / "catalog.db")) as connection:
            return connection.execute(sql).fetchall()


def crawl(data: Path, recipe: str, *options: str, timeout: float = 60) -> Crawled:
    write(data, recipe)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "spiders", "scrape", "--data", str(data), *options],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Crawled(done.returncode, done.stdout + done.stderr, data, time.monotonic() - began)


def write(data: Path, recipe: str) -> None:
    (data / "settings").mkdir(parents=True, exist_ok=True)
    (data / "settings" / "scrape.toml").write_text(recipe)


def recipe(*sources: str, allow: tuple[Site, ...] = (), **scrape: Any) -> str:
    """A recipe with these sources; numbers, texts and lists of [scrape] by name."""
    values = {"delay_s": 0.0, "timeout_s": 5.0, "max_fail": 1.0, "allow_hosts": [site.host for site in allow], **scrape}
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join(['name = "test"', "[scrape]", *lines, *sources])


def gallery(site: Site, start: str = "/", name: str = "shop", **values: Any) -> str:
    values = {"image": "img", **values}
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join(["[[source]]", f'name = "{name}"', 'kind = "gallery"', f'start = ["{site.url}{start}"]', *lines])


def urls(path: Path, *addresses: str, name: str = "list") -> str:
    path.write_text("".join(f"{address}\n" for address in addresses))
    return f'[[source]]\nname = "{name}"\nkind = "urls"\npath = "{path}"'


def picture(colour: int = 0, kind: str = "JPEG", side: int = 64, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((side, side), 40 + colour).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def images(*paths: str) -> Answer:
    return Answer("".join(f'<img src="{path}">' for path in paths).encode())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
