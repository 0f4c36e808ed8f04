"""Which pictures resemble each other, as numbers that no threshold changes: hash distances and feature cosines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from curate import hashes
from curate.derived import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.shards import Shards

NAME, VERSION = "pairs", 2  # raise the version by hand when other pairs are found
FLOOR = 0.9  # cosines under it are not kept: curate.near cannot be lower
_WIDTH = 256
_SLACK = 0.03  # a sketch's cosine is off by less, 7 standard deviations at 0.97
_BLOCK = 1024


@dataclass(frozen=True)
class Pairs:
    """Row numbers of the shards, first < second, each pair once a kind."""

    phash: NDArray[np.int64]  # (n, 4): first, second, bits of difference, 1 when found by the mirror image
    phash_cosine: NDArray[np.float32]  # of their features; NaN when no model looked
    first: NDArray[np.int64]  # of the pairs by features
    second: NDArray[np.int64]
    cosine: NDArray[np.float32]


def sketch(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Unit features in 256 random directions, whose cosines are theirs but for a few thousandths."""
    return np.asarray(_unit(features) @ _directions(features.shape[1]), dtype=np.float16)


@cache
def _directions(width: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).standard_normal((width, _WIDTH), dtype=np.float32)
    return drawn / np.float32(_WIDTH**0.5)


def read_pairs(shards: Shards) -> Pairs:
    """All pairs: as they were found before, or found now and stored beside the shards."""
    return Pairs(**derived(shards, NAME, VERSION, lambda: _found(shards)))


def _found(shards: Shards) -> dict[str, NDArray[Any]]:
    phash = _by_hash(shards)
    felt = _by_features(shards)
    cosine = _cosines(shards, np.concatenate([phash[:, :2], felt]))
    close = (cosine[len(phash) :] >= FLOOR) & _alike(shards, felt)
    first, second = felt[close].T
    near = cosine[len(phash) :][close]
    return {"phash": phash, "phash_cosine": cosine[: len(phash)], "first": first, "second": second, "cosine": near}


def _by_hash(shards: Shards) -> NDArray[np.int64]:
    hashed = shards.column("hashes").astype(np.uint64)
    rows = np.flatnonzero(hashed[:, 0])
    found = hashes.pairs(hashed[rows])
    ends = np.sort(rows[found[:, :2]], axis=1)
    mirrored = found[:, 2] == hashes.COLUMNS - 1
    keyed = np.column_stack([ends, found[:, 3], mirrored])
    keyed = keyed[np.lexsort(keyed.T[::-1])]
    _, firsts = np.unique(keyed[:, :2], axis=0, return_index=True)  # of each pair the closest, straight before mirrored
    return keyed[firsts].astype(np.int64)


def _by_features(shards: Shards) -> NDArray[np.int64]:
    """Pairs (n, 2) that may have a cosine of FLOOR or more, by their sketches."""
    found = [np.empty((0, 2), dtype=np.int64)]
    if shards.has("sketch"):
        sketches = _unit(shards.column("sketch").astype(np.float32))
        sketches[shards.column("problem") != 0] = 0
        for start in range(0, len(sketches), _BLOCK):
            likeness = sketches[start : start + _BLOCK] @ sketches[start:].T
            near = np.argwhere(likeness >= FLOOR - _SLACK)
            found.append(near[near[:, 0] < near[:, 1]] + start)
    return np.concatenate(found)


def _alike(shards: Shards, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether both have coarse structure or both have none: what features find alike in a page and a blank is white."""
    telling = shards.column("hashes")[:, 0] != 0
    same: NDArray[np.bool_] = telling[pairs[:, 0]] == telling[pairs[:, 1]]
    return same


def _cosines(shards: Shards, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of the features themselves, a block of pairs at a time; NaN when no model looked."""
    cosine = np.full(len(pairs), np.nan, dtype=np.float32)
    if not shards.has("features") or not len(pairs):
        return cosine
    used, place = np.unique(pairs, return_inverse=True)
    features, place = _rows(shards, used), place.reshape(-1, 2)
    for start in range(0, len(pairs), _BLOCK):
        one, other = (_unit(features[place[start : start + _BLOCK, end]].astype(np.float32)) for end in (0, 1))
        cosine[start : start + _BLOCK] = np.einsum("nf,nf->n", one, other)
    return cosine


def _rows(shards: Shards, rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """Some rows of the features, which as a whole may not fit into memory; `rows` is sorted."""
    parts, start = [], 0
    for part in shards.parts("features"):
        inside = rows[(rows >= start) & (rows < start + len(part))]
        parts.append(part[inside - start])
        start += len(part)
    return np.concatenate(parts).astype(np.float16, copy=False)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
