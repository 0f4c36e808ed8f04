"""Arrays that are computed from all shards of a folder: stored beside them, and read while the shards are the same."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from scrapbag.disk import write_bytes
from scrapbag.layout import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from curate.scores.shards import Shards

_OF = "of"  # the array that identifies the pictures and the version that the other arrays were computed from
_PORTION = 65_536  # pictures whose sha256 are text at once
log = logging.getLogger(__name__)


def derived(
    shards: Shards, name: str, version: int | str, make: Callable[[], Mapping[str, NDArray[Any]]]
) -> Mapping[str, NDArray[Any]]:
    """What `make` returns, or `name`.npz if that was stored for the same pictures in the same order and `version`.

    Raise `version` by hand when `make` returns other values: what an older one stored is then computed anew.
    """
    if (stored := _read(_path(shards, name), _key(shards, version))) is not None:
        return stored
    made = make()
    store(shards, name, version, made)
    return made


def store(shards: Shards, name: str, version: int | str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Store `arrays` as if `derived` had computed them."""
    file = io.BytesIO()
    everything: Any = {_OF: np.array(_key(shards, version)), **arrays}
    np.savez(file, **everything)
    write_bytes(_path(shards, name), file.getvalue())


def _path(shards: Shards, name: str) -> Path:
    return Version(shards.folder).derived(name)


def _key(shards: Shards, version: int | str) -> str:
    """Pictures, their order and the version. The count is not enough: after a torn shard the order is another one."""
    pictures = hashlib.sha256()
    for start in range(0, len(shards), _PORTION):
        pictures.update(shards.digests[start : start + _PORTION].tobytes().hex().encode())
    return f"{version} {len(shards)} {pictures.hexdigest()}"


def _read(path: Path, key: str) -> dict[str, NDArray[Any]] | None:
    """The arrays in `path`; None when they were computed from something else or cannot be read."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            if _OF not in file.files or str(file[_OF]) != key:
                return None
            return {name: file[name] for name in file.files if name != _OF}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s) and is made anew", path, error)
        return None
