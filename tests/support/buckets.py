"""An S3 server on loopback (moto's), whose listings lag, and a TCP proxy that cuts or stalls what goes through it."""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ACCOUNT = "123456789012"  # moto's own
_NUMBERS = count()


@dataclass
class S3:
    """`asked` counts requests by method; a listing says that there is nothing, as one of a moment ago would."""

    port: int
    asked: Counter[str] = field(default_factory=Counter)
    before: Callable[[str, str], None] = lambda _method, _path: None  # called before each request is answered

    def environment(self, port: int = 0) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """A new one."""
        name = f"bucket-{next(_NUMBERS)}"
        self._backend().create_bucket(name, "us-east-1")
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All that is there, uploads that were not completed left out."""
        return {name: key.value for name, key in self._backend().buckets[bucket].keys.items()}

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self._backend().put_object(bucket, name, content)

    def delete(self, bucket: str, name: str) -> None:
        self._backend().delete_object(bucket, name)

    def _backend(self) -> Any:
        from moto.backends import get_backend  # noqa: PLC0415

        return get_backend("s3")[_ACCOUNT]["aws"]


_EMPTY = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<IsTruncated>false</IsTruncated><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys></ListBucketResult>"
)


@contextmanager
def s3() -> Iterator[S3]:
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  half a second
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto: Any = DomainDispatcherApplication(create_backend_app)
    there = S3(0)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        there.asked[method] += 1
        there.before(method, path)
        if "list-type" in environ["QUERY_STRING"]:
            there.asked["LIST"] += 1
            start("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(_EMPTY)))])
            return [_EMPTY]
        return moto(environ, start)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    there.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Proxy:
    """Passes connections on to `port`. One that has sent `after` bytes is cut (reset), or stalls, the first `times`."""

    def __init__(self, port: int, after: int, times: int, *, stall: bool = False) -> None:
        self._to, self._after, self._left, self._stall = port, after, times, stall
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port: int = self._listening.getsockname()[1]
        self.faults = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_args: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, upwards: bool) -> None:
        sent = 0
        with suppress(OSError):
            while got := one.recv(65536):
                sent += len(got)
                if upwards and sent > self._after and self._take():
                    if self._stall:
                        return  # nothing more goes, and nobody hangs up
                    break
                other.sendall(got)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _take(self) -> bool:
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            self.faults += 1
            return True
