"""What is worked out from all shards of a folder at once: kept beside them, and only trusted while it is still true."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from scrapbag.disk import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from curate.scores.shards import Shards

_OF = "of"  # the array that says which pictures, and which code, the others are of
log = logging.getLogger(__name__)


def derived(
    shards: Shards, name: str, version: int, make: Callable[[], Mapping[str, NDArray[Any]]]
) -> Mapping[str, NDArray[Any]]:
    """The arrays that `make` gives, from `name`.npz while the pictures, their order and `version` are what they were.

    Raise `version` by hand when `make` comes to other values: what an older one stored is then made anew.
    """
    if (stored := _read(_path(shards, name), _key(shards, version))) is not None:
        return stored
    made = make()
    store(shards, name, version, made)
    return made


def store(shards: Shards, name: str, version: int, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep `arrays` as what `derived` would make."""
    file = io.BytesIO()
    everything: Any = {_OF: np.array(_key(shards, version)), **arrays}
    np.savez(file, **everything)
    write_bytes(_path(shards, name), file.getvalue())


def _path(shards: Shards, name: str) -> Path:
    return shards.folder / f"{name}.npz"


def _key(shards: Shards, version: int) -> str:
    """The count alone would not tell: after a torn shard the same pictures stand in another order."""
    return f"{version} {len(shards)} {hashlib.sha256(''.join(shards.sha256).encode()).hexdigest()}"


def _read(path: Path, key: str) -> dict[str, NDArray[Any]] | None:
    """The arrays in `path`, None when they are of something else or cannot be read."""
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
