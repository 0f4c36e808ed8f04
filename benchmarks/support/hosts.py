"""Many slow hosts: how near a crawl comes to what its delay and its concurrency allow."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

LATENCY_S = 0.05
PER_HOST = 2
CONCURRENCY = 16
EACH = 25  # pictures of a host


class Hosts:
    """Servers on so many ports of 127.0.0.1; each answer takes the latency, and is a picture that nobody else has."""

    def __init__(self, count: int) -> None:
        self.ports: list[int] = []
        self.times: list[float] = []
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(count,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, count: int) -> None:
        asyncio.set_event_loop(self._loop)
        for _ in range(count):
            server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
            self.ports.append(server.sockets[0].getsockname()[1])
        self._started.set()
        self._loop.run_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2):
                await asyncio.sleep(LATENCY_S)
                if request[1] != b"/robots.txt":
                    self.times.append(time.monotonic())
                body = b"GIF89a" + b"%d %s" % (port, request[1])
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def rate(out: Path, count: int, delay_s: float) -> dict[str, float]:
    """Requests a second over `count` hosts, and their share of what `delay_s` and the concurrency would allow."""
    (out / "settings").mkdir(parents=True)
    with Hosts(count) as hosts:
        addresses = [f"http://127.0.0.1:{port}/{n}.gif" for n in range(EACH) for port in hosts.ports]
        (out / "list.txt").write_text("\n".join(addresses))
        allow = ", ".join(f'"127.0.0.1:{port}"' for port in hosts.ports)
        (out / "settings" / "scrape.toml").write_text(f"""
name = "hosts"
[scrape]
contact = "bench@example.org"
allow_hosts = [{allow}]
delay_s = {delay_s}
concurrency = {CONCURRENCY}
per_host = {PER_HOST}
[[source]]
name = "list"
kind = "urls"
path = "{out}/list.txt"
""")
        subprocess.run([sys.executable, "-m", "spiders", "scrape", "--data", str(out)], check=True)
    allowed = min(count / delay_s, count * PER_HOST / LATENCY_S, CONCURRENCY / LATENCY_S)
    took = max(hosts.times) - min(hosts.times)
    reached = (len(hosts.times) - count) / took  # the first of each host is free of its delay
    return {"allowed_per_s": allowed, "reached_per_s": round(reached, 1), "share": round(reached / allowed, 3)}
