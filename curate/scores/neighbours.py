"""Every picture's nearest neighbours by the cosine of features, stored beside the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from curate.scores.derived import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.scores.shards import Shards

NAME, VERSION = "neighbours", 1  # raise the version by hand when the code finds other neighbours
COUNT = 20
_WIDTH = 64  # principal components; with random directions a ranker gained a tenth less, see docs/review.md
_BLOCK = 512  # rows compared with all others at a time
_GROUP = 32  # columns that `_largest` takes one maximum of
_TINY = np.float32(1e-9)  # the smallest norm to divide by, so that a zero vector stays zero


@dataclass(frozen=True)
class Neighbours:
    """Rows and cosines of each picture's neighbours, nearest first, itself not among them: (N, min(COUNT, N - 1))."""

    row: NDArray[np.int32]
    cosine: NDArray[np.float32]


def read(shards: Shards) -> Neighbours:
    """The neighbours of all N rows of the shards, as stored or computed anew: ten CPU-seconds for 40,000 pictures."""
    return Neighbours(**derived(shards, NAME, VERSION, lambda: vars(_found(shards))))


def _found(shards: Shards) -> Neighbours:
    return nearest(principal_components(shards.column("features"), shards.column("problem") == 0))


def power_normalised(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Signed square roots of the features, then unit length, (N, F): a few large features do not dominate the cosine.

    F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image classification" (2010).
    """
    rooted = features.astype(np.float32)
    negative = rooted < 0
    np.sqrt(np.abs(rooted, out=rooted), out=rooted)
    np.negative(rooted, out=rooted, where=negative)
    rooted /= np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), _TINY)
    return rooted


def principal_components(
    features: NDArray[np.floating], usable: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Power-normalised features projected on min(64, F) principal components, at unit length; zeros if not usable."""
    good = np.ones(len(features), dtype=bool) if usable is None else usable
    centred = power_normalised(features)
    if good.any():
        centred -= centred.mean(axis=0, where=good[:, None])
    centred[~good] = 0
    directions = np.linalg.eigh(centred.T @ centred)[1][:, -_WIDTH:]
    return unit(centred @ directions)


def nearest(vectors: NDArray[np.float32], count: int = COUNT) -> Neighbours:
    """The `count` other rows of highest cosine for each unit vector of (N, D); all N - 1 if `count` is more."""
    total = len(vectors)
    count = min(count, total - 1)
    rows, cosines = np.zeros((total, count), dtype=np.int32), np.zeros((total, count), dtype=np.float32)
    if count < 1:
        return Neighbours(rows, cosines)
    others = np.zeros((vectors.shape[1], total + -total % _GROUP), dtype=np.float32)
    others[:, :total] = vectors.T
    for start in tqdm(range(0, total, _BLOCK), desc="neighbours", disable=None if total > 20 * _BLOCK else True):
        block = vectors[start : start + _BLOCK] @ others
        block[:, total:] = -2
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -2
        best, value = _largest(block, count)
        order = np.argsort(-value, axis=1, kind="stable")
        rows[start : start + _BLOCK] = np.take_along_axis(best, order, axis=1)
        cosines[start : start + _BLOCK] = np.take_along_axis(value, order, axis=1)
    return Neighbours(rows, cosines)


def _largest(block: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and values of the `count` largest of each row, in any order.

    Only the `count` groups of _GROUP columns with the largest maxima are partitioned: the largest values must be in
    them, and a maximum costs less than a partition.
    """
    groups = block.shape[1] // _GROUP
    if groups <= count:
        columns, value = np.broadcast_to(np.arange(block.shape[1]), block.shape), block
    else:
        top = np.argpartition(block.reshape(len(block), groups, _GROUP).max(axis=2), -count, axis=1)[:, -count:]
        top.sort(axis=1)
        columns = (top[:, :, None] * _GROUP + np.arange(_GROUP)).reshape(len(block), -1)
        value = np.take_along_axis(block, columns, axis=1)
    best = np.argpartition(value, -count, axis=1)[:, -count:]
    return np.take_along_axis(columns, best, axis=1), np.take_along_axis(value, best, axis=1)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row of (N, D) divided by its norm; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _TINY), dtype=np.float32)
