"""Which squares to train on first: the densest part of what was kept, taken from all its clusters.

DeVries, Drozdzal, Taylor, Instance Selection for GANs (2020, arXiv 2007.15255): a generator learns better from the
dense part of feature space first. By density alone one cluster would come first as a whole, so each half of the order,
the dense one and the sparse one, takes from the clusters in turn (round-robin). Of more than 20,000 vectors density is
measured against a sample of 1,024 of them, and clusters are found among 20,000: nearly the same order, and the cost
grows with N, not with its square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEVELS = 4
_NEIGHBOURS = 10  # density is measured by the distance to the tenth
_CLUSTERS = 16
_FEWEST = 40  # vectors, below which density means nothing
_MOST = 20_000  # vectors; of more the distance is to the tenth of a sample, evenly spaced, or it takes their square
_SAMPLE = 1024
_BLOCK, _DISTANCES = 4096, 2**22  # vectors and their distances to others at a time, at most
_SIDE = 8  # distances in a group, of which the farther ones are left out
_ENDS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-4)  # k-means: so many steps, or so small a one


def levels(vectors: NDArray[np.floating]) -> NDArray[np.int64]:
    """A level from 0 to 3 for each unit vector of (N, F), a quarter of them each: (N,). All 0 of fewer than 40.

    They may be in float16, of which few at a time are made float32.
    """
    count = len(vectors)
    if count < _FEWEST or not vectors.any():
        return np.zeros(count, dtype=np.int64)
    dense_first = np.argsort(_distance(vectors), kind="stable")
    cluster = _cluster(vectors)
    half = (count + 1) // 2
    order = np.concatenate([_round_robin(part, cluster[part]) for part in (dense_first[:half], dense_first[half:])])
    level = np.empty(count, dtype=np.int64)
    level[order] = np.arange(count) * LEVELS // count
    return level


def _cluster(vectors: NDArray[np.floating]) -> NDArray[np.integer]:
    """Which cluster each is in: (N,). Of many vectors the clusters are those of some, evenly spaced."""
    some = vectors[_spaced(len(vectors), _MOST)].astype(np.float32)
    unset = np.empty((len(some), 1), dtype=np.int32)
    cv2.setRNGSeed(0)  # of k-means++, which chooses the first centres
    centres = cv2.kmeans(some, min(_CLUSTERS, len(vectors) // 8), unset, _ENDS, 1, cv2.KMEANS_PP_CENTERS)[2]
    squares = (centres**2).sum(axis=1)
    return np.concatenate(
        [np.argmin(squares - 2 * some @ centres.T, axis=1) for some in _blocks(vectors, len(centres))]
    )


def _distance(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The square of the distance to the tenth neighbour, or what orders a sample's in the same way: (N,)."""
    count = len(vectors)
    sample = vectors[_spaced(count, count if count <= _MOST else _SAMPLE)].astype(np.float32)
    squares, found = (sample**2).sum(axis=1), []
    more = -len(sample) % _SIDE  # which are infinitely far
    sample, squares = np.pad(sample, ((0, more), (0, 0))), np.pad(squares, (0, more), constant_values=np.inf)
    for some in _blocks(vectors, len(sample)):
        near = _smallest(squares - 2 * some @ sample.T)  # a vector of the sample is its own nearest
        found.append(near + (some**2).sum(axis=1))
    return np.concatenate(found)


def _smallest(far: NDArray[np.float32]) -> NDArray[np.float32]:
    """The eleventh-smallest of each row of (n, s), s a multiple of the groups' size: (n,).

    It is in one of the eleven groups whose smallest are the smallest: to sort those alone takes a sixth of the time.
    """
    groups = far.reshape(len(far), _SIDE, -1)
    least = groups.min(axis=1)
    if least.shape[1] > _NEIGHBOURS + 1:
        best = np.argpartition(least, _NEIGHBOURS, axis=1)[:, None, : _NEIGHBOURS + 1]
        groups = np.take_along_axis(groups, best, axis=2)
    return np.partition(groups.reshape(len(far), -1), _NEIGHBOURS, axis=1)[:, _NEIGHBOURS]


def _spaced(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of 0 to count - 1, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _blocks(vectors: NDArray[np.floating], others: int) -> Iterator[NDArray[np.float32]]:
    """As many at a time as may be compared with so many others."""
    step = min(_BLOCK, max(1, _DISTANCES // others))
    for start in range(0, len(vectors), step):
        yield vectors[start : start + step].astype(np.float32)


def _round_robin(rows: NDArray[np.int64], cluster: NDArray[np.integer]) -> NDArray[np.int64]:
    """`rows`, densest first, reordered: the densest of every cluster, then the second of every cluster, and so on."""
    turn = np.empty(rows.size, dtype=np.int64)
    for one in np.unique(cluster):
        mine = np.flatnonzero(cluster == one)
        turn[mine] = np.arange(mine.size)
    return rows[np.argsort(turn, kind="stable")]
