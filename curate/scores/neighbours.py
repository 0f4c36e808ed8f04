"""The nearest neighbours of every picture by its features, kept beside the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from curate.scores.derived import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.scores.shards import Shards

NAME, VERSION = "neighbours", 1  # raise the version by hand when other neighbours are found
COUNT = 20
_WIDTH = 64  # principal components; with as many random directions answers brought a tenth less, see docs/review.md
_BLOCK = 1024  # rows of the matrix of cosines that are in memory at once


@dataclass(frozen=True)
class Neighbours:
    """For each row of the shards its nearest others, nearest first: (N, up to COUNT) rows and cosines."""

    row: NDArray[np.int32]
    cosine: NDArray[np.float32]


def read(shards: Shards) -> Neighbours:
    """The neighbours of all pictures of the shards, found anew when pictures have come. 40,000 take a minute."""
    return Neighbours(**derived(shards, NAME, VERSION, lambda: vars(_found(shards))))


def _found(shards: Shards) -> Neighbours:
    return nearest(principal_components(shards.column("features"), shards.column("problem") == 0))


def power_normalised(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Signed square roots of the features, (N, F), at unit length: a few large ones then do not decide every cosine.

    F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image classification" (2010).
    """
    plain = features.astype(np.float32)
    return unit(np.sign(plain) * np.sqrt(np.abs(plain)))


def principal_components(
    features: NDArray[np.floating], usable: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """(N, at most 64) principal components of the power-normalised features, as unit vectors; zeros if not usable."""
    good = np.ones(len(features), dtype=bool) if usable is None else usable
    normalised = power_normalised(features)
    centred = np.where(good[:, None], normalised - normalised[good].mean(axis=0) if good.any() else 0, 0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, -_WIDTH:]
    return unit(centred @ directions)


def nearest(vectors: NDArray[np.float32], count: int = COUNT) -> Neighbours:
    """The `count` nearest others of each unit vector (N, D), or all others where there are fewer."""
    total = len(vectors)
    count = min(count, total - 1)
    rows, cosines = np.zeros((total, count), dtype=np.int32), np.zeros((total, count), dtype=np.float32)
    if count < 1:
        return Neighbours(rows, cosines)
    for start in tqdm(range(0, total, _BLOCK), desc="neighbours", disable=None if total > 10 * _BLOCK else True):
        block = vectors[start : start + _BLOCK] @ vectors.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -2
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        value = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        rows[start : start + _BLOCK] = np.take_along_axis(best, order, axis=1)
        cosines[start : start + _BLOCK] = np.take_along_axis(value, order, axis=1)
    return Neighbours(rows, cosines)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) at unit length; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)
