"""A file of the dataset as a worker reads it: where it lies, or, on a computer without that folder, as a copy."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FETCH: ContextVar[Callable[[Path], bytes] | None] = ContextVar("fetch", default=None)


@contextmanager
def fetching(fetch: Callable[[Path], bytes]) -> Iterator[None]:
    """Within, a file that this computer lacks is asked of `fetch`, which reads it where the dataset is."""
    token = _FETCH.set(fetch)
    try:
        yield
    finally:
        _FETCH.reset(token)


@contextmanager
def reach(path: Path, sha256: str) -> Iterator[Path]:
    """Where the file can be read for now: `path`, or a copy that is deleted afterwards.

    A copy is fetched where `path` is missing, or has other bytes, as on a computer with another dataset in a folder of
    that name. The copy may differ from `sha256`, too; then the file is damaged where it came from.
    Raises OSError where neither gives it.
    """
    fetch = _FETCH.get()
    if fetch is None or _is(path, sha256):
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=path.suffix) as copy:
        copy.write(fetch(path))
        copy.flush()
        yield Path(copy.name)


def _is(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
