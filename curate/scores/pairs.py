"""Which pictures resemble each other, as numbers that no threshold changes: hash distances and feature cosines.

What it takes does not grow with the square of the pictures, however alike they are: twins are put together first and
only one of each set is compared further, and of the pairs by features the nearest MOST are kept.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.look import hashes
from curate.scores.derived import derived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from curate.scores.shards import Shards

NAME, VERSION = "pairs", 3  # raise the version by hand when other pairs are found
FLOOR = 0.9  # cosines under it are not kept: curate.near cannot be lower
TWIN = 0.998  # cosine from which two pictures are one, whatever curate.near is
MOST = 1_000_000  # pairs by features; of more the nearest are kept
_WIDTH = 256
_SLACK = 0.03  # a sketch's cosine is off by less, 7 standard deviations at 0.97
_BLOCK = 1024
_TILE = (512, 4096)  # rows and columns whose cosines are looked at in one go

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pairs:
    """Row numbers of the shards, first < second, each pair once a kind; of twins only the leader is in any."""

    twin: NDArray[np.int64]  # (n, 3): row, the lowest row that it is a twin of, position in duplicates.HOW
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
    hashed = shards.column("hashes").astype(np.uint64)
    twin = _twins(shards, hashed)
    alone = np.ones(len(shards), dtype=bool)
    alone[twin[:, 0]] = False
    phash = _by_hash(hashed, np.flatnonzero(alone & (hashed[:, 0] != 0)))
    felt = _by_features(shards, alone)
    cosine = _cosines(shards, np.concatenate([phash[:, :2], felt]))
    close = (cosine[len(phash) :] >= FLOOR) & _alike(hashed, felt[:, 0], felt[:, 1])
    first, second = felt[close].T
    near = cosine[len(phash) :][close]
    return {
        "twin": twin, "phash": phash, "phash_cosine": cosine[: len(phash)],
        "first": first, "second": second, "cosine": near,
    }  # fmt: skip


def _twins(shards: Shards, hashed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """By features, or where no model looked those of one hash: rows, their leaders, and how they were found."""
    leader = np.arange(len(shards))
    if not shards.has("features"):
        telling = np.flatnonzero(hashed[:, 0])
        _, first, group = np.unique(hashed[telling, 0], return_index=True, return_inverse=True)
        leader[telling] = telling[first[group]]
    elif shards.has("sketch"):
        for row, column, likeness in _tiles(_sketches(shards), leader):
            close = likeness >= TWIN
            for one in np.flatnonzero(close.any(axis=1)):
                others = column[close[one]]
                others = others[(others > row[one]) & (leader[others] == others)]
                if leader[row[one]] == row[one]:
                    leader[others[_alike(hashed, row[one], others)]] = row[one]
    rows = np.flatnonzero(leader != np.arange(len(shards)))
    straight, mirrored = (
        np.bitwise_count(hashed[rows, 0] ^ hashed[leader[rows], column]) <= hashes.REACH
        for column in (0, hashes.COLUMNS - 1)
    )
    how = np.where(hashed[rows, 0] == 0, 3, np.where(straight, 1, np.where(mirrored, 2, 3)))
    return np.column_stack([rows, leader[rows], how]).astype(np.int64)


def _by_hash(hashed: NDArray[np.uint64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    found = hashes.pairs(hashed[rows])
    ends = np.sort(rows[found[:, :2]], axis=1)
    mirrored = found[:, 2] == hashes.COLUMNS - 1
    keyed = np.column_stack([ends, found[:, 3], mirrored])
    keyed = keyed[np.lexsort(keyed.T[::-1])]
    _, firsts = np.unique(keyed[:, :2], axis=0, return_index=True)  # of each pair the closest, straight before mirrored
    return keyed[firsts].astype(np.int64)


def _by_features(shards: Shards, alone: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs (n, 2) that may have a cosine of FLOOR or more, by their sketches; of more than MOST the nearest."""
    pairs, cosines, floor = np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=np.float32), FLOOR - _SLACK
    if not shards.has("sketch"):
        return pairs.astype(np.int64)
    waiting: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
    for row, column, likeness in _tiles(_sketches(shards), np.where(alone, np.arange(len(alone)), -1)):
        near = np.nonzero((likeness >= floor) & (row[:, None] < column))
        waiting.append((np.column_stack([row[near[0]], column[near[1]]]).astype(np.int32), likeness[near]))
        if len(pairs) + sum(len(found) for _, found in waiting) > 2 * MOST:
            pairs, cosines = _nearest(pairs, cosines, waiting)
            floor = max(floor, float(cosines.min()))
    pairs, cosines = _nearest(pairs, cosines, waiting)
    if floor > FLOOR - _SLACK:
        log.warning(
            "these pictures are so alike to the model that only pairs from a cosine of %.3f are known; "
            "a curate.near under that counts as that", min(floor + _SLACK, TWIN),
        )  # fmt: skip
    return pairs[np.lexsort(pairs.T[::-1])].astype(np.int64)


def _nearest(
    pairs: NDArray[np.int32], cosines: NDArray[np.float32], waiting: list[tuple[NDArray[np.int32], NDArray[np.float32]]]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The MOST nearest of all; `waiting` is emptied."""
    pairs = np.concatenate([pairs, *(one for one, _ in waiting)])
    cosines = np.concatenate([cosines, *(one for _, one in waiting)])
    waiting.clear()
    best = np.argpartition(-cosines, MOST)[:MOST] if len(pairs) > MOST else slice(None)
    return pairs[best], cosines[best]


def _sketches(shards: Shards) -> NDArray[np.float32]:
    """Of unit length; zeros where a picture could not be used."""
    sketches = _unit(shards.column("sketch").astype(np.float32))
    sketches[shards.column("problem") != 0] = 0
    return sketches


def _tiles(
    sketches: NDArray[np.float32], leader: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Cosines of all pairs of leaders, a tile of rows and of columns from theirs on at a time; `leader` may change."""
    high, wide = _TILE
    for top in range(0, len(sketches), high):
        for left in range(top, len(sketches), wide):
            row = np.arange(top, min(top + high, len(sketches)))
            column = np.arange(left, min(left + wide, len(sketches)))
            row, column = row[leader[row] == row], column[leader[column] == column]
            if len(row) and len(column):
                yield row, column, sketches[row] @ sketches[column].T


def _alike(hashed: NDArray[np.uint64], one: Any, other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether both have coarse structure or both have none: what features find alike in a page and a blank is white."""
    same: NDArray[np.bool_] = (hashed[one, 0] != 0) == (hashed[other, 0] != 0)
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
