"""What a server has done, in Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats")."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

TEXT = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds
_HELP = {
    "scrapbag_requests_total": ("counter", "Requests that were answered, by path and status."),
    "scrapbag_sent_bytes_total": ("counter", "Bytes of answers, by path; headers are not counted."),
    "scrapbag_request_seconds": ("histogram", "From a request to its answer being handed to the network."),
    "scrapbag_requests_in_flight": ("gauge", "Requests that are being answered now."),
}


class Metrics:
    """Counts what passes through a WSGI application."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Any other path than `paths` is counted as `other`."""
        self._paths = frozenset(paths)
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[str] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._in_flight = 0

    def around(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The application, counted."""

        def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
            path = environ.get("PATH_INFO", "")
            path, began, status, sent = path if path in self._paths else "other", time.perf_counter(), "500", 0

            def start(line: str, *rest: Any) -> Any:
                nonlocal status
                status = line.partition(" ")[0]
                return start_response(line, *rest)

            with self._lock:
                self._in_flight += 1
            try:
                body = app(environ, start)
                try:
                    for part in body:
                        sent += len(part)
                        yield part
                finally:
                    getattr(body, "close", lambda: None)()
            finally:
                self._count(path, status, sent, time.perf_counter() - began)

        return counted

    def text(self) -> str:
        """All of it."""
        with self._lock:
            lines = {
                "scrapbag_requests_total": [
                    f'{{path="{path}",status="{status}"}} {count}'
                    for (path, status), count in sorted(self._requests.items())
                ],
                "scrapbag_sent_bytes_total": [
                    f'{{path="{path}"}} {count}' for path, count in sorted(self._bytes.items())
                ],
                "scrapbag_request_seconds": self._histogram(),
                "scrapbag_requests_in_flight": [f" {self._in_flight}"],
            }
        out = []
        for name, (kind, words) in _HELP.items():
            out += [f"# HELP {name} {words}", f"# TYPE {name} {kind}", *(f"{name}{line}" for line in lines[name])]
        return "\n".join(out) + "\n"

    def _count(self, path: str, status: str, sent: int, seconds: float) -> None:
        with self._lock:
            self._in_flight -= 1
            self._requests[path, status] += 1
            self._bytes[path] += sent
            self._seconds += seconds
            self._buckets[sum(seconds > bound for bound in BUCKETS)] += 1

    def _histogram(self) -> list[str]:
        ends = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
        counts = [sum(self._buckets[: place + 1]) for place in range(len(ends))]
        rows = [f'_bucket{{le="{end}"}} {count}' for end, count in zip(ends, counts, strict=True)]
        return [*rows, f"_sum {self._seconds:.6f}", f"_count {counts[-1]}"]
