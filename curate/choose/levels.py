"""Which squares to train on first: the densest part of what was kept, taken from all its clusters.

DeVries, Drozdzal, Taylor, Instance Selection for GANs (2020, arXiv 2007.15255): a generator learns better from the
dense part of feature space first. By density alone one cluster would come first as a whole, so each half of the order,
the dense one and the sparse one, takes from the clusters in turn (round-robin). Of more than 20,000 vectors density is
measured against a sample of 1,024 of them, and clusters are found among 20,000: nearly the same order, and the cost
grows with N, not with its square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEVELS = 4
_NEIGHBOURS = 10  # density is measured by the distance to the tenth
_CLUSTERS = 16
_FEWEST = 40  # vectors, below which density means nothing
_MOST = 20_000  # vectors; of more the distance is to the tenth of a sample, evenly spaced, or it takes their square
_SAMPLE = 1024
_BLOCK = 4096  # vectors compared with the sample at a time


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
    means = MiniBatchKMeans(min(_CLUSTERS, len(vectors) // 8), n_init=1, random_state=0)
    means.fit(vectors[_spaced(len(vectors), _MOST)].astype(np.float32))
    return np.concatenate([means.predict(block) for block in _blocks(vectors)])


def _distance(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The distance to the tenth neighbour, or what orders a sample's in the same way: (N,)."""
    if len(vectors) <= _MOST:
        vectors = vectors.astype(np.float32)
        neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(vectors)
        return np.asarray(neighbours.kneighbors(vectors)[0][:, -1])
    sample = vectors[_spaced(len(vectors), _SAMPLE)].astype(np.float32)
    squares, found = (sample**2).sum(axis=1), []
    for block in _blocks(vectors):
        far = squares - 2 * block @ sample.T
        found.append(np.partition(far, _NEIGHBOURS, axis=1)[:, _NEIGHBOURS] + (block**2).sum(axis=1))
    return np.concatenate(found)


def _spaced(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of 0 to count - 1, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _blocks(vectors: NDArray[np.floating]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), _BLOCK):
        yield vectors[start : start + _BLOCK].astype(np.float32)


def _round_robin(rows: NDArray[np.int64], cluster: NDArray[np.integer]) -> NDArray[np.int64]:
    """`rows`, densest first, reordered: the densest of every cluster, then the second of every cluster, and so on."""
    turn = np.empty(rows.size, dtype=np.int64)
    for one in np.unique(cluster):
        mine = np.flatnonzero(cluster == one)
        turn[mine] = np.arange(mine.size)
    return rows[np.argsort(turn, kind="stable")]
