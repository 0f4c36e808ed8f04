"""A bucket as a store, by obstore: S3 and what speaks like it, Google's and Azure's.

obstore itself and not its front for fsspec, whose get_file holds a whole object in memory and whose info asks for a
listing wherever an object is not there. Keys and endpoints come from the environment alone (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP ...) and are never printed; nor is what an error of the library
says, because answers of a server may repeat them.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from scrapbag.errors import (
    DiskError,
    LockedError,
    MissingError,
    MissingExtraError,
    NoPermissionError,
    ScrapbagError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")
CHUNK = 5 * 2**20  # bytes of one request; the least that S3 takes as a part
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_SERVICE_ACCOUNT",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")  # the library reads each
_ADDRESS = re.compile(r"https?://[a-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.IGNORECASE)  # RFC 3986's characters
_NO_KEY = ("latest/api/token", "latest/meta-data")  # of the service that is asked where the environment has no key
_ON = {"1", "true", "yes", "on"}
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Patience:
    """How long is waited for an answer, and how often it is asked again."""

    request_s: float = 60.0  # from connecting to the last byte of a request, which moves at most CHUNK
    connect_s: float = 10.0
    tries: int = 3  # of an object; each request in it is tried as often by obstore
    pause_s: float = 1.0  # before the second try, doubled before the next


class BucketStore:
    """Objects under a prefix of a bucket."""

    def __init__(self, url: str, patience: Patience) -> None:
        self.url, self._patience = url, patience
        self._scheme = url.partition("://")[0]
        if self._scheme == "s3":
            _require_endpoints()
        self._endpoint = os.environ.get("AWS_ENDPOINT_URL", "") if self._scheme == "s3" else ""
        self._store = self._open()

    def size(self, name: str) -> int | None:
        import obstore  # noqa: PLC0415  an extra

        try:
            return int(self._asked(lambda: obstore.head(self._store, name))["size"])
        except FileNotFoundError:
            return None

    def read(self, name: str) -> tuple[bytes, str] | None:
        import obstore  # noqa: PLC0415

        def ask() -> tuple[bytes, str]:
            answer = obstore.get(self._store, name)
            return bytes(answer.bytes()), answer.meta["e_tag"] or ""

        try:
            return self._asked(ask)
        except FileNotFoundError as error:
            self._require_bucket(error)
            return None

    def write(self, name: str, content: bytes, over: str | None) -> None:
        import obstore  # noqa: PLC0415
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415

        mode: Any = "overwrite" if over == "" else "create" if over is None else {"e_tag": over}
        try:
            self._asked(lambda: obstore.put(self._store, name, content, mode=mode, use_multipart=False))
        except (AlreadyExistsError, PreconditionError):
            there = self.read(name)
            if there is None or there[0] != content:  # a first try may have come through without its answer
                raise LockedError(f"another machine has written to {self.url} meanwhile; run it again") from None

    def put(self, name: str, path: Path) -> None:
        import obstore  # noqa: PLC0415

        parts = path.stat().st_size > CHUNK  # which become an object when the last one is there, and not before
        try:
            self._asked(
                lambda: obstore.put(self._store, name, path, use_multipart=parts, chunk_size=CHUNK, max_concurrency=1)
            )
        except FileNotFoundError as error:
            self._require_bucket(error)
            raise

    def get(self, name: str, size: int, path: Path) -> None:
        import obstore  # noqa: PLC0415

        try:
            if (there := self.size(name)) != size:
                was = "lost: it is not" if there is None else f"{there:,} bytes long instead of {size:,}"
                raise DiskError(f"{name} is {was} in {self.url}")
            with path.open("wb") as file:
                for start in range(0, size, CHUNK):
                    length = min(CHUNK, size - start)
                    one = self._asked(
                        lambda at=start, n=length: obstore.get_range(self._store, name, start=at, length=n)  # type: ignore[misc]
                    )
                    file.write(one)
        except FileNotFoundError:
            raise DiskError(f"{name} is lost: it is not in {self.url}") from None

    def delete(self, name: str) -> None:
        import obstore  # noqa: PLC0415

        with contextlib.suppress(FileNotFoundError):
            self._asked(lambda: obstore.delete(self._store, name))

    def _open(self) -> ObjectStore:
        try:
            from obstore.exceptions import BaseError  # noqa: PLC0415
            from obstore.store import from_url  # noqa: PLC0415
        except ImportError:
            raise MissingExtraError(f"STORE={self._scheme}://…", "obstore", "storage") from None
        allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in _ON
        if self._endpoint.startswith("http://") and not allowed:
            raise UsageError(
                "AWS_ENDPOINT_URL is http://, so that everybody on the way reads the pictures;"
                " export AWS_ALLOW_HTTP=true if that is meant, or write https://"
            )
        tries = self._patience.tries
        try:
            return from_url(
                self.url,
                client_options={
                    "timeout": f"{self._patience.request_s:g}s",
                    "connect_timeout": f"{self._patience.connect_s:g}s",
                    "allow_http": allowed,
                },
                retry_config={
                    "max_retries": tries - 1,
                    "retry_timeout": timedelta(seconds=tries * self._patience.request_s),
                    "backoff": {
                        "init_backoff": timedelta(seconds=self._patience.pause_s / 4),
                        "max_backoff": timedelta(seconds=15),
                        "base": 2,
                    },
                },
            )
        except ValueError:
            raise UsageError(f"{self.url} is no address of a bucket; write {self._scheme}://bucket/prefix") from None
        except BaseError:
            raise UsageError(f"cannot open {self.url}; export {_KEYS[self._scheme]} (docs/storage.md)") from None

    def _asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """What `ask` returns; asked again where that may help. FileNotFoundError is the caller's."""
        from obstore.exceptions import (  # noqa: PLC0415
            AlreadyExistsError,
            BaseError,
            PermissionDeniedError,
            PreconditionError,
            UnauthenticatedError,
        )

        for number in range(self._patience.tries):
            try:
                return ask()
            except (AlreadyExistsError, PreconditionError):
                raise
            except (PermissionDeniedError, UnauthenticatedError):
                raise NoPermissionError(
                    f"{self.url} refuses the key; see {_KEYS[self._scheme]}, and what it may"
                ) from None
            except BaseError as error:
                said = self._sentence(str(error))
                if number == self._patience.tries - 1 or isinstance(said, NoPermissionError):
                    raise said from None
                time.sleep(self._patience.pause_s * 2**number)
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # of Rust; no module has it to import
                    raise
                raise UsageError(f"{self.url} cannot be asked; see what is exported of it: AWS_REGION …") from None
        raise AssertionError

    def _sentence(self, error: str) -> ScrapbagError:
        """What an error of obstore comes to; of its own words none is shown."""
        if any(path in error for path in _NO_KEY):
            return NoPermissionError(f"there is no key for {self.url}; export {_KEYS[self._scheme]}")
        at = f" at {self._endpoint}" if self._endpoint and "@" not in self._endpoint else ""
        whole = "nothing is lost, and the same command goes on from here"
        if "Timeout" in error or "TimedOut" in error:
            return MissingError(f"{self.url}: no answer{at} within {self._patience.request_s:g} s; {whole}")
        if "error sending request" in error:
            return MissingError(f"{self.url}: nothing answers{at}; see the address and the network: {whole}")
        return MissingError(f"{self.url}: the answers{at} break off or make no sense; {whole}")

    def _require_bucket(self, error: FileNotFoundError) -> None:
        said = str(error)
        if "NoSuchBucket" in said or "bucket does not exist" in said:
            bucket = self.url.partition("://")[2].partition("/")[0]
            raise MissingError(
                f"there is no bucket {bucket}; make it first, or see STORE and AWS_ENDPOINT_URL"
            ) from None


def _require_endpoints() -> None:
    """Raises UsageError for an endpoint that is no address, at which the library would panic; an empty one is unset.

    Its value is not repeated: it may have a key in it.
    """
    for name in _ENDPOINTS:
        value = os.environ.get(name)
        if value == "":
            del os.environ[name]
        elif value is not None and not _is_address(value):
            raise UsageError(f"{name} is no address; write https://host or https://host:port, or unset it")


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return bool(_ADDRESS.fullmatch(value) and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is none, or half a bracket
        return False
