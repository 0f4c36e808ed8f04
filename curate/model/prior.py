"""Confidences for this dataset instead of for the network's training set: the class prior, estimated and put in.

A softmax p(c|x) holds under the class prior of its training set. Where the pictures come with another prior pi, and
the training prior was uniform, the posterior is

    q(c|x) = p(c|x) pi(c) / sum_k p(k|x) pi(k)

and pi is the mean of q over the dataset, which EM finds from unlabelled pictures (Saerens, Latinne, Decaestecker,
"Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14, 2002). Pictures come in
kinds, so a share of the prior of each one is then the mean q of its nearest neighbours. docs/curate.md has what else
was tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

ROUNDS, CLOSE = 200, 1e-6  # of EM, at most, and the largest change of pi at which it ends
NEAREST = 8  # neighbours that give of their prior
SHARE, SPREADS = 0.8, 3  # of the prior that neighbours give, and how often they give it
_BLOCK = 4096  # rows that are spread at a time, for the sake of memory
FEWEST = 50  # pictures, below which nothing can be estimated
CLASSES = 100  # with fewer the network was made for just these classes, and its prior was somebody's choice
MOST = 150_000_000  # probabilities, of which four arrays of float32 are held
SURE = 0.8  # mean probability of the winning class, from which the softmax needs no help


@dataclass(frozen=True)
class Corrected:
    """What the prior of this dataset makes of N pictures and C classes."""

    posterior: NDArray[np.float32]  # (N, C), each row sums to 1
    prior: NDArray[np.float64]  # (C,), sums to 1


def correct(
    p: NDArray[np.float32],
    group: NDArray[np.int64],
    neighbour: NDArray[np.int32],
    width: NDArray[np.float32] | None = None,
    *,
    share: float = SHARE,
    spreads: int = SPREADS,
    nearest: int = NEAREST,
) -> Corrected:
    """The posterior of every picture under this dataset's prior.

    `p` is the softmax, (N, C). `group` has one number for all copies of a picture, (N,): each group votes once for the
    prior. `neighbour` has the rows of the nearest others, (N, K), nearest first; the first `nearest` that vote give a
    `share` of the prior, `spreads` times over: copies of a picture do not vote for it, nor twice.
    `width` is the number of classes that a column is the sum of, (C,), 1 each where it is not given.
    """
    if width is None:
        width = np.ones(p.shape[1], np.float32)
    else:
        p = p / width  # the likelihood ratio p(c|x) / training prior, but for a factor
    voters = np.zeros(len(p), dtype=bool)
    voters[np.unique(group, return_index=True)[1]] = True
    prior = estimate(p, width, voters)
    whole = prior[None].astype(np.float32)
    mean = _means(group, voters, neighbour, nearest)
    alone = np.asarray(mean.sum(axis=1) == 0)  # nobody votes for it: the dataset's prior alone
    own = np.where(alone, 1, 1 - share).astype(np.float32)[:, None]
    q = posterior(p, whole)
    for _ in range(spreads):
        new = np.empty_like(q)
        for start in range(0, len(p), _BLOCK):
            rows = slice(start, start + _BLOCK)
            new[rows] = posterior(p[rows], own[rows] * whole + np.float32(share) * (mean[rows] @ q))
        q = new
    return Corrected(q, prior)


def estimate(
    p: NDArray[np.float32], width: NDArray[np.float32], voters: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The class prior that is the mean posterior of `p`, (N, C), under itself; one pseudo-count a class.

    Rows that are no `voters` do not count. With pi fixed the sum of q over the pictures is pi * (p^T (1 / p pi)): two
    products of a matrix and a vector.
    """
    vote = np.ones(len(p), np.float32) if voters is None else voters.astype(np.float32)
    count, classes = vote.sum(), width.sum()
    prior = width / classes
    for _ in range(ROUNDS):
        evidence = np.maximum(p @ prior.astype(np.float32), np.finfo(np.float32).tiny)
        new = (prior * (p.T @ (vote / evidence)) + width) / (count + classes)
        done = np.abs(new - prior).max() < CLOSE
        prior = new / new.sum()
        if done:
            break
    return np.asarray(prior)


def posterior(p: NDArray[np.float32], prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """Q of the formula above; `prior` is (1, C), or (N, C) where each picture has one of its own."""
    q = p * prior
    q /= np.maximum(q.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(q, dtype=np.float32)


def aside(winner: NDArray[np.floating], classes: int) -> str:
    """Why the softmax is better left as it is, '' when it is not; `winner` is each picture's highest probability."""
    count = len(winner)
    if count < FEWEST:
        return f"{count} pictures are too few to estimate a prior from"
    if count * classes > MOST:
        return f"{count:,} pictures of {classes:,} classes are more than memory is spent on"
    if classes < CLASSES:
        return f"a model of {classes} classes was made for these very classes"
    if (mean := float(winner.mean())) > SURE:
        return f"the model is sure by itself (its best class has {mean:.2f} on average)"
    return ""


def _means(
    group: NDArray[np.int64], voters: NDArray[np.bool_], neighbour: NDArray[np.int32], nearest: int
) -> csr_array:
    """(N, N): times q it is the mean q of each picture's nearest that vote; a row of zeros where none does."""
    from scipy.sparse import csr_array, diags_array  # noqa: PLC0415  a tenth of a second, and mostly this is in a cache

    count = len(neighbour)
    vote = voters[neighbour] & (group[:, None] != group[neighbour])
    row, place = np.nonzero(vote & (vote.cumsum(axis=1) <= nearest))
    matrix = csr_array((np.ones(len(row), np.float32), (row, neighbour[row, place])), shape=(count, count))
    return csr_array(diags_array(1 / np.maximum(matrix.sum(axis=1), 1), dtype=np.float32) @ matrix)
