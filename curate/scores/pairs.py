"""Which pictures resemble each other, as numbers that no setting changes: hash distances and feature cosines.

Memory and disk do not grow with the square of the number of pictures, however alike they are: duplicates are grouped
under a leader first, only the leaders are compared with each other, and of the pairs by features the MOST nearest are
kept.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.look import hashes
from curate.scores.derived import derived
from curate.scores.neighbours import unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from curate.scores.shards import Shards

NAME, VERSION = "pairs", 3  # raise the version by hand when other pairs are found
FLOOR = 0.9  # pairs of a lower cosine are not kept: curate.near cannot be lower
DUPLICATE = 0.998  # cosine from which two pictures are duplicates, whatever curate.near is
MOST = 1_000_000  # pairs by features; of more the nearest are kept
_WIDTH = 256  # of a sketch
_SLACK = 0.03  # by which a sketch's cosine may be too low: 7 standard deviations at 0.97
_BLOCK = 1024  # pairs or sketches that are worked on at once
_TILE = (512, 4096)  # rows and columns of the matrix of cosines that are in memory at once

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of the shards, first < second, each at most once by hash and once by features.

    Of a group of duplicates only the leader, its lowest row, is in any pair.
    """

    duplicate: NDArray[np.int64]  # (D, 3): row, its leader, position in choose.duplicates.HOW
    phash: NDArray[np.int64]  # (P, 4): first, second, bits of difference, 1 when found by the mirror image
    phash_cosine: NDArray[np.float32]  # (P,) of their features; NaN without a model
    first: NDArray[np.int64]  # (F,) of the pairs by features
    second: NDArray[np.int64]  # (F,)
    cosine: NDArray[np.float32]  # (F,) FLOOR to 1


def sketch(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """A random projection of the unit features, (N, F) -> (N, 256), that keeps their cosines nearly.

    The standard deviation of a cosine c is (1 - c^2) / 16 (W. B. Johnson, J. Lindenstrauss 1984: 16 is the square root
    of the number of directions).
    """
    return np.asarray(unit(features) @ _directions(features.shape[1]), dtype=np.float16)


@cache
def _directions(width: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).standard_normal((width, _WIDTH), dtype=np.float32)
    return drawn / np.float32(_WIDTH**0.5)


def read_pairs(shards: Shards) -> Pairs:
    """All pairs: as they were found before, or found now and stored beside the shards."""
    arrays = derived(shards, NAME, VERSION, lambda: stored(_found(shards)))
    return Pairs(**{"duplicate" if name == "twin" else name: array for name, array in arrays.items()})


def stored(pairs: Pairs) -> dict[str, NDArray[Any]]:
    """The arrays of pairs.npz, in which duplicates have their older name."""
    return {"twin" if name == "duplicate" else name: array for name, array in vars(pairs).items()}


def _found(shards: Shards) -> Pairs:
    hashed = shards.column("hashes").astype(np.uint64)
    duplicate = _duplicates(shards, hashed)
    leads = np.ones(len(shards), dtype=bool)
    leads[duplicate[:, 0]] = False
    phash = _by_hash(hashed, np.flatnonzero(leads & (hashed[:, 0] != 0)))
    candidates = _by_features(shards, leads)
    cosine = _cosines(shards, np.concatenate([phash[:, :2], candidates]))
    close = (cosine[len(phash) :] >= FLOOR) & _alike(hashed, candidates[:, 0], candidates[:, 1])
    first, second = candidates[close].T
    return Pairs(duplicate, phash, cosine[: len(phash)], first, second, cosine[len(phash) :][close])


def _duplicates(shards: Shards, hashed: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(D, 3): rows, their leaders, and how they were found. By features; without a model, pictures of one hash."""
    leader = np.arange(len(shards))
    if not shards.has("features"):
        telling = np.flatnonzero(hashed[:, 0])
        _, first, group = np.unique(hashed[telling, 0], return_index=True, return_inverse=True)
        leader[telling] = telling[first[group]]
    elif shards.has("sketch"):
        for row, column, likeness in _tiles(_sketches(shards), leader):
            close = likeness >= DUPLICATE
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
    """The pairs among `rows` whose hashes agree, as Pairs.phash has them."""
    found = hashes.pairs(hashed[rows])
    ends = np.sort(rows[found[:, :2]], axis=1)
    mirrored = found[:, 2] == hashes.COLUMNS - 1
    keyed = np.column_stack([ends, found[:, 3], mirrored])
    keyed = keyed[np.lexsort(keyed.T[::-1])]
    _, firsts = np.unique(keyed[:, :2], axis=0, return_index=True)  # of each pair the closest, straight before mirrored
    return keyed[firsts].astype(np.int64)


def _by_features(shards: Shards, leads: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs (F, 2) of leaders that may have a cosine of FLOOR or more, by their sketches: at most the MOST nearest.

    Once MOST are known, `floor` rises to the lowest cosine among them: what is under it cannot be among the nearest.
    """
    pairs, cosines, floor = np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=np.float32), FLOOR - _SLACK
    if not shards.has("sketch"):
        return pairs.astype(np.int64)
    waiting: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
    for row, column, likeness in _tiles(_sketches(shards), np.where(leads, np.arange(len(leads)), -1)):
        near = np.nonzero((likeness >= floor) & (row[:, None] < column))
        waiting.append((np.column_stack([row[near[0]], column[near[1]]]).astype(np.int32), likeness[near]))
        if len(pairs) + sum(len(found) for _, found in waiting) > 2 * MOST:
            pairs, cosines = _nearest(pairs, cosines, waiting)
            floor = max(floor, float(cosines.min()))
    pairs, cosines = _nearest(pairs, cosines, waiting)
    if floor > FLOOR - _SLACK:
        log.warning(
            "these pictures are so alike to the model that only pairs from a cosine of %.3f are known; "
            "a curate.near under that counts as that", min(floor + _SLACK, DUPLICATE),
        )  # fmt: skip
    return pairs[np.lexsort(pairs.T[::-1])].astype(np.int64)


def _nearest(
    pairs: NDArray[np.int32], cosines: NDArray[np.float32], waiting: list[tuple[NDArray[np.int32], NDArray[np.float32]]]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The MOST pairs of the highest cosine among `pairs` and those in `waiting`, which is emptied."""
    pairs = np.concatenate([pairs, *(one for one, _ in waiting)])
    cosines = np.concatenate([cosines, *(one for _, one in waiting)])
    waiting.clear()
    best = np.argpartition(-cosines, MOST)[:MOST] if len(pairs) > MOST else slice(None)
    return pairs[best], cosines[best]


def _sketches(shards: Shards) -> NDArray[np.float32]:
    """(N, 256) of unit length; zeros of an unusable file."""
    sketches = shards.column("sketch").astype(np.float32)
    for start in range(0, len(sketches), _BLOCK):
        sketches[start : start + _BLOCK] = unit(sketches[start : start + _BLOCK])
    sketches[shards.column("problem") != 0] = 0
    return sketches


def _tiles(
    sketches: NDArray[np.float32], leader: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """The upper triangle of the matrix of cosines in tiles: rows, columns, and the cosines of each with each.

    Only leaders are in it. The caller may write to `leader` between two tiles, and later tiles follow.
    """
    high, wide = _TILE
    for top in range(0, len(sketches), high):
        for left in range(top, len(sketches), wide):
            row = np.arange(top, min(top + high, len(sketches)))
            column = np.arange(left, min(left + wide, len(sketches)))
            row, column = row[leader[row] == row], column[leader[column] == column]
            if len(row) and len(column):
                yield row, column, sketches[row] @ sketches[column].T


def _alike(hashed: NDArray[np.uint64], one: Any, other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether both have a hash or neither has: to the features a page of text and a blank are alike, both are white."""
    same: NDArray[np.bool_] = (hashed[one, 0] != 0) == (hashed[other, 0] != 0)
    return same


def _cosines(shards: Shards, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """The cosines of the features of `pairs` (n, 2), a block at a time; NaN without a model."""
    cosine = np.full(len(pairs), np.nan, dtype=np.float32)
    if not shards.has("features") or not len(pairs):
        return cosine
    used, place = np.unique(pairs, return_inverse=True)
    features, place = _rows(shards, used), place.reshape(-1, 2)
    for start in range(0, len(pairs), _BLOCK):
        one, other = (unit(features[place[start : start + _BLOCK, end]].astype(np.float32)) for end in (0, 1))
        cosine[start : start + _BLOCK] = np.einsum("nf,nf->n", one, other)
    return cosine


def _rows(shards: Shards, rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """The features of `rows`, which are sorted: (len(rows), F). Those of all pictures may not fit into memory."""
    parts, start = [], 0
    for part in shards.parts("features"):
        inside = rows[(rows >= start) & (rows < start + len(part))]
        parts.append(part[inside - start])
        start += len(part)
    return np.concatenate(parts).astype(np.float16, copy=False)
