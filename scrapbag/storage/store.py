"""What a store can do, and the two ways through it: a file there whole, or here whole, or not at all.

Nothing is ever asked what it holds: a listing may lag behind, or end early. Names come from the catalog and from index
objects, which are written after all that they name.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Protocol

from scrapbag.disk import writing
from scrapbag.errors import DiskError
from scrapbag.make.command import quoted

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 3
_PAUSE_S = 0.2  # before the second try, doubled before the third


class Store(Protocol):
    """A place for whole objects by name. Errors of the place are ScrapbagErrors, in one sentence each."""

    @property
    def url(self) -> str:
        """As one writes it; no key is ever in it."""

    def size(self, name: str) -> int | None:
        """Bytes of an object; None where there is none."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A small object and its version, for `write`; None where there is none."""

    def write(self, name: str, content: bytes, over: str | None) -> None:
        """A small object, in the place of the version `over`. Raises LockedError where another one stands there."""

    def put(self, name: str, path: Path) -> None:
        """The file at `path` as an object: afterwards it is whole or not there."""

    def get(self, name: str, size: int, path: Path) -> None:
        """The first `size` bytes of an object into `path`. Raises DiskError where it is lost or shorter."""

    def delete(self, name: str) -> None:
        """Away with an object, where it is there."""


def variable(store: Store) -> str:
    """STORE=… as it can be pasted behind a target of make."""
    return f"STORE={quoted(store.url)}"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def send(store: Store, name: str, path: Path) -> int:
    """Put a file there; returns its bytes. Raises DiskError when the store then says another size, time and again.

    A bucket checks the SHA-256 itself: each request is signed over that of its body (AWS Signature Version 4).
    """
    size = path.stat().st_size
    for pause in (*_pauses(), None):
        store.put(name, path)
        if store.size(name) == size:
            return size
        if pause is not None:
            time.sleep(pause)
    raise DiskError(f"{name} in {store.url} is not as long as {path}, which was sent; run it again")


def fetch(store: Store, name: str, size: int, sha256: str, path: Path, *, way: str = "make push") -> int:
    """Get an object into `path`: what stands there then has this size and hash; returns the size.

    Raises DiskError, which names the object and the `way` to send it again, where the store has it not, or has another
    one, time and again.
    """
    again = f"run {way} {variable(store)} FRESH=1 where it is whole"
    with writing(path) as part:
        for pause in (*_pauses(), None):
            try:
                store.get(name, size, part)
            except DiskError as error:
                raise DiskError(f"{error}; {again}") from None
            if digest(part) == sha256:
                return size
            time.sleep(pause or 0)
        raise DiskError(f"{name} in {store.url} is not what was sent; {again}")


def _pauses() -> list[float]:
    return [_PAUSE_S * 2**n for n in range(_TRIES - 1)]
