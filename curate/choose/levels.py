"""Which squares to learn from first: the densest part of what was kept, spread over its kinds.

DeVries, Drozdzal, Taylor, Instance Selection for GANs (2020, arXiv 2007.15255): a generator learns better from the
dense part of feature space first. Density alone would take one kind of picture only, so that each half of the order,
the dense one and the sparse one, is dealt out by clusters in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 4
_NEIGHBOURS = 10
_KINDS = 16
_FEWEST = 40  # under this there is nothing to be said of density


def levels(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """A level from 0 to 3 for each unit vector (N, F), a quarter each; all 0 when they are few or none."""
    count = len(vectors)
    if count < _FEWEST or not vectors.any():
        return np.zeros(count, dtype=np.int64)
    neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(vectors)
    distance = neighbours.kneighbors(vectors)[0][:, -1]
    dense_first = np.argsort(distance, kind="stable")
    kind = MiniBatchKMeans(min(_KINDS, count // 8), n_init=1, random_state=0).fit_predict(vectors)
    half = (count + 1) // 2
    order = np.concatenate([_dealt(part, kind[part]) for part in (dense_first[:half], dense_first[half:])])
    level = np.empty(count, dtype=np.int64)
    level[order] = np.arange(count) * LEVELS // count
    return level


def _dealt(rows: NDArray[np.int64], kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """`rows`, dense first, reordered: the densest of every kind, then the second of every kind ..."""
    turn = np.empty(rows.size, dtype=np.int64)
    for one in np.unique(kind):
        mine = np.flatnonzero(kind == one)
        turn[mine] = np.arange(mine.size)
    return rows[np.argsort(turn, kind="stable")]
