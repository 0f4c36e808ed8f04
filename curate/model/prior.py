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
from scipy.sparse import csr_array, diags_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS, CLOSE = 200, 1e-6  # of EM, at most, and the largest change of pi at which it ends
SHARE, SPREADS = 0.7, 3  # of the prior that neighbours give, and how often they give it
FEWEST = 50  # pictures, below which nothing can be estimated
CLASSES = 100  # with fewer the network was made for just these classes, and its prior was somebody's choice
SURE = 0.8  # mean probability of the winning class, from which the softmax needs no help


@dataclass(frozen=True)
class Corrected:
    """What the prior of this dataset makes of N pictures and C classes."""

    posterior: NDArray[np.float32]  # (N, C), each row sums to 1
    prior: NDArray[np.float64]  # (C,), sums to 1


def correct(p: NDArray[np.float32], group: NDArray[np.int64], neighbour: NDArray[np.int32]) -> Corrected:
    """The posterior of every picture under this dataset's prior.

    `p` is the softmax, (N, C). `group` has one number for all copies of a picture, (N,): each group votes once for the
    prior. `neighbour` has the rows of the nearest others, (N, K): copies of a picture do not vote for it, nor twice.
    """
    voters = np.zeros(len(p), dtype=bool)
    voters[np.unique(group, return_index=True)[1]] = True
    prior = estimate(p[voters])
    q = posterior(p, prior[None].astype(np.float32))
    mean = _means(group, voters, neighbour)
    alone = np.asarray(mean.sum(axis=1) == 0)[:, None]  # nobody votes for it: the dataset's prior alone
    for _ in range(SPREADS):
        q = posterior(p, np.where(alone, 1, 1 - SHARE) * prior[None].astype(np.float32) + SHARE * (mean @ q))
    return Corrected(q, prior)


def estimate(p: NDArray[np.float32]) -> NDArray[np.float64]:
    """The class prior that is the mean posterior of `p`, (N, C), under itself; one pseudo-count a class.

    With pi fixed the sum of q over the pictures is pi * (p^T (1 / p pi)): two products of a matrix and a vector.
    """
    count, classes = p.shape
    prior = np.full(classes, 1 / classes)
    for _ in range(ROUNDS):
        evidence = np.maximum(p @ prior.astype(np.float32), np.finfo(np.float32).tiny)
        new = (prior * (p.T @ (1 / evidence)) + 1) / (count + classes)
        done = np.abs(new - prior).max() < CLOSE
        prior = new / new.sum()
        if done:
            break
    return prior


def posterior(p: NDArray[np.float32], prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """Q of the formula above; `prior` is (1, C), or (N, C) where each picture has one of its own."""
    q = p * prior
    q /= np.maximum(q.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(q, dtype=np.float32)


def aside(p: NDArray[np.float32]) -> str:
    """Why the softmax is better left as it is, as a sentence goes on after "not corrected: "; '' when it is not."""
    count, classes = p.shape
    if count < FEWEST:
        return f"{count} pictures are too few to estimate a prior from"
    if classes < CLASSES:
        return f"a model of {classes} classes was made for these very classes"
    if (mean := float(p.max(axis=1).mean())) > SURE:
        return f"the model is sure by itself (its best class has {mean:.2f} on average)"
    return ""


def _means(group: NDArray[np.int64], voters: NDArray[np.bool_], neighbour: NDArray[np.int32]) -> csr_array:
    """(N, N): times q it is the mean q of each picture's voting neighbours; a row of zeros where it has none."""
    count, each = neighbour.shape
    row = np.repeat(np.arange(count), each)
    other = neighbour.ravel()
    vote = (voters[other] & (group[row] != group[other])).astype(np.float32)
    matrix = csr_array((vote, (row, other)), shape=(count, count))
    return csr_array(diags_array(1 / np.maximum(matrix.sum(axis=1), 1), dtype=np.float32) @ matrix)
