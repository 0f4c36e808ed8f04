"""The cache of scores: safetensors files of SIZE pictures each, only ever added, each complete or not there."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from scrapbag.disk import write_bytes
from scrapbag.layout import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = 256  # pictures a shard, which is also what a killed run loses at most
_BYTES = 32  # of a sha256
_PORTION = 16_384  # of them as text at once
log = logging.getLogger(__name__)


class Shards:
    """The shards in one folder, in order. A column is one array, concatenated over all of them: (N, ...).

    Row n of every column belongs to the picture `sha256[n]`. A shard that cannot be read is renamed to .broken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = [path for path in Version(folder).shards() if _whole(path)]
        self._held: dict[str, NDArray[Any]] = {}  # columns of one number a picture, read together
        self._digests = [self.column("sha256") if self._paths else np.empty((0, _BYTES), dtype=np.uint8)]

    def __len__(self) -> int:
        return sum(map(len, self._digests))

    @property
    def digests(self) -> NDArray[np.uint8]:
        """Of each row the picture's sha256 in 32 bytes: (N, 32)."""
        self._digests = [np.concatenate(self._digests)] if len(self._digests) > 1 else self._digests
        return self._digests[0]

    @cached_property
    def sha256(self) -> list[str]:
        """Of each row the picture's, in hex: 120 megabytes for a million."""
        return list(self.named(np.arange(len(self))))

    @cached_property
    def row(self) -> RowsBySha256:
        """By sha256 the row."""
        return RowsBySha256(self.digests)

    def named(self, rows: NDArray[np.int64]) -> Iterator[str]:
        """The sha256 of some rows, in their order; few of them are in memory at once."""
        for start in range(0, len(rows), _PORTION):
            text = self.digests[rows[start : start + _PORTION]].tobytes().hex()
            yield from (text[place : place + 2 * _BYTES] for place in range(0, len(text), 2 * _BYTES))

    def append(self, sha256: Sequence[str], columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Add one shard of len(sha256) rows; it survives a power cut once this returns."""
        digests = np.frombuffer(bytes.fromhex("".join(sha256)), dtype=np.uint8).reshape(len(sha256), _BYTES)
        arrays = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        last = int(self._paths[-1].stem.partition("-")[2]) if self._paths else -1
        path = Version(self.folder).shard(last + 1)
        content = save({"sha256": digests, **arrays})
        write_bytes(path, content)
        with Version(self.folder).sums.open("a", encoding="ascii") as sums:
            sums.write(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
        self._paths.append(path)
        self._held = {}
        self._digests.append(digests)
        self.__dict__.pop("sha256", None)
        self.__dict__.pop("row", None)

    def has(self, name: str) -> bool:
        """Whether the shards hold that array."""
        if not self._paths:
            return False
        with safe_open(self._paths[0], framework="numpy") as shard:
            return name in shard.keys()  # noqa: SIM118  not a dict

    def column(self, name: str) -> NDArray[Any]:
        """One array of every shard, in memory. Those of one number a picture are read with the first of them.

        Without a shard nobody knows its type: it is an empty one.
        """
        if not self._paths:
            return np.empty(0)
        if not self._held:
            self._held = self._narrow()
        return self._held[name].copy() if name in self._held else np.concatenate(list(self.parts(name)))

    def rows(self, name: str, rows: NDArray[np.int64], dtype: type = np.float32) -> NDArray[Any]:
        """One array of some rows alone, in their order, as `dtype`; the others are never in memory together."""
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        found, start, end = None, 0, 0
        for part in self.parts(name):
            stop = int(np.searchsorted(ascending, end + len(part)))
            found = np.empty((len(rows), *part.shape[1:]), dtype) if found is None else found
            found[order[start:stop]] = part[ascending[start:stop] - end]
            start, end = stop, end + len(part)
        return np.empty((0, 0), dtype) if found is None else found

    def _narrow(self) -> dict[str, NDArray[Any]]:
        parts: dict[str, list[NDArray[Any]]] = {}
        for path in self._paths:
            with safe_open(path, framework="numpy") as shard:
                for name in shard.keys():  # noqa: SIM118  not a dict
                    if len(shard.get_slice(name).get_shape()) == 1:
                        parts.setdefault(name, []).append(shard.get_tensor(name))
        return {name: np.concatenate(some) for name, some in parts.items()}

    def parts(self, name: str) -> Iterator[NDArray[Any]]:
        """One array of each shard in turn, for those too large to hold."""
        for path in self._paths:
            with safe_open(path, framework="numpy") as shard:
                yield shard.get_tensor(name)


class RowsBySha256(Mapping[str, int]):
    """Which row has which sha256, by a binary search in 16 bytes a row: a dict of texts takes 200."""

    def __init__(self, digests: NDArray[np.uint8]) -> None:
        """`digests` is (N, 32)."""
        first = _first(digests)
        self._digests, self._order = digests, np.argsort(first, kind="stable")
        self._sorted = first[self._order]

    def __getitem__(self, sha256: str) -> int:
        try:
            wanted = np.frombuffer(bytes.fromhex(sha256), dtype=np.uint8)
        except ValueError:
            raise KeyError(sha256) from None
        if wanted.size != _BYTES:
            raise KeyError(sha256)
        start, end = (np.searchsorted(self._sorted, _first(wanted[None])[0], side) for side in ("left", "right"))
        alike = self._order[start:end]
        same = alike[(self._digests[alike] == wanted).all(axis=1)]
        if not same.size:
            raise KeyError(sha256)
        return int(same[-1])

    def find(self, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The rows of (n, 32) digests, -1 where there is none: (n,)."""
        if not len(self):
            return np.full(len(digests), -1)
        first = _first(digests)
        place = np.minimum(np.searchsorted(self._sorted, first), len(self) - 1)
        row = self._order[place]
        same = (self._digests[row] == digests).all(axis=1)
        found = np.where(same, row, -1)
        for one in np.flatnonzero(~same & (self._sorted[place] == first)):  # whose first eight bytes another one has
            found[one] = self.get(digests[one].tobytes().hex(), -1)
        return found

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return (digest.tobytes().hex() for digest in self._digests)


def _first(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The first eight bytes of each as a number."""
    return np.ascontiguousarray(digests[:, :8]).view(">u8").ravel().astype(np.uint64)


def _whole(path: Path) -> bool:
    """Whether a shard is whole. A torn one is put aside, and its pictures are scored again.

    Raises OSError where the disk does not give it: that says nothing of the shard.
    """
    path.open("rb").close()  # whose errors have a number and a name, which safetensors' own lack
    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError as error:
        aside = path.with_suffix(".broken")
        path.replace(aside)
        log.warning("%s cannot be read (%s); its pictures are scored again, the file is kept as %s", path, error, aside)
        return False
