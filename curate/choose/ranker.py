"""A ranker on the frozen features, fitted to people's answers and used only where it ranks better than the model.

Two scores of every picture are averaged: the model's own logit, and a balanced logistic regression on features and
logit; each is first smoothed over near neighbours together with the answers (D. Zhou et al., "Learning with local and
global consistency", NIPS 2003: label spreading). `docs/review.md` has what else was tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.scores.neighbours import Neighbours

LEAST = 5  # groups of near-duplicates answered yes, and as many answered no, below which nothing is fitted
_FOLDS = 5
_KEEP = 0.85  # share of a picture's score that comes from its neighbours: alpha in Zhou's paper
_REACH = 0.1  # a neighbour whose cosine is lower by this has 1/e of the affinity
_ANSWER = 2.0  # score of an answered picture, + for yes and - for no, in standard deviations of the logit
_STEPS = 40


@dataclass(frozen=True)
class Ranker:
    """A fitted ranker: what it gives every picture, and how good it is."""

    confidence: NDArray[np.float32]  # (N,) of every picture, 0 to 1
    answers: int  # that it was fitted to
    area: float  # under the ROC curve of the answers, out of fold: how often a wanted one is ranked above another
    model_area: float  # the same of the model alone


@dataclass(frozen=True)
class TrainingSet:
    """N pictures, A of them answered."""

    features: NDArray[np.float32]  # (N, D), from neighbours.power_normalised
    logit: NDArray[np.float32]  # (N,) of the model's summed probability
    neighbours: Neighbours
    rows: NDArray[np.int64]  # (A,) of the answered pictures
    wanted: NDArray[np.bool_]  # (A,) whether the answer was yes
    groups: NDArray[np.int64]  # (A,) near-duplicates have one number: they must not be on both sides of a fold


def fit(examples: TrainingSet) -> Ranker | None:
    """The ranker, or None when out of fold it ranks no better than the model does, or there are too few answers."""
    folds = _folds(examples)
    if folds is None:
        return None
    graph = _graph(examples.neighbours)
    out_of_fold = np.zeros(len(examples.rows))
    for learn, test in folds:
        out_of_fold[test] = _score(examples, graph, learn)[examples.rows[test]]
    area = float(roc_auc_score(examples.wanted, out_of_fold))
    model = float(roc_auc_score(examples.wanted, examples.logit[examples.rows]))
    if area <= model:
        return None
    scale = LogisticRegression(class_weight="balanced").fit(out_of_fold[:, None], examples.wanted)  # Platt scaling
    score = _score(examples, graph, np.arange(len(examples.rows)))
    return Ranker(scale.predict_proba(score[:, None])[:, 1].astype(np.float32), len(examples.rows), area, model)


def _folds(examples: TrainingSet) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    """Positions to learn from and to test on, by fold; None when either kind of answer is too rare."""
    wanted, groups = examples.wanted, examples.groups
    kinds = [len(np.unique(groups[wanted == kind])) for kind in (True, False)]
    if min(kinds) < LEAST:
        return None
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    folds = list(splitter.split(np.zeros(len(wanted)), wanted, groups))
    return folds if all(len(np.unique(wanted[learn])) == 2 for learn, _ in folds) else None


def _score(examples: TrainingSet, graph: csr_array, learn: NDArray[np.int64]) -> NDArray[np.float64]:
    """A score of every picture, (N,), fitted to the answers at the positions `learn` alone."""
    rows, wanted = examples.rows[learn], examples.wanted[learn]
    starts = (examples.logit.astype(np.float64), _logistic(examples, rows, wanted))
    return np.asarray(sum(_scaled(_propagated(_scaled(start), graph, rows, wanted)) for start in starts))


def _propagated(
    seeds: NDArray[np.float64], graph: csr_array, rows: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """`seeds` with the answers written in, smoothed over the graph of neighbours (label spreading)."""
    seeds[rows] = np.where(wanted, _ANSWER, -_ANSWER)
    score = seeds
    for _ in range(_STEPS):  # Zhou's iteration, to within 0.85^40 of its fixed point
        score = np.asarray(_KEEP * (graph @ score) + (1 - _KEEP) * seeds)
    return score


def _scaled(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divided by its standard deviation; not centred, because its sign has a meaning."""
    return score / max(float(score.std()), 1e-9)


def _logistic(examples: TrainingSet, rows: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The decision function, (N,), of a logistic regression on features and logit that is fitted to `rows`."""
    features, logit = examples.features, examples.logit
    mean, width = features[rows].mean(axis=0), max(float(features[rows].std()), 1e-9) * features.shape[1] ** 0.5
    deviation = max(float(logit.std()), 1e-9)
    columns = np.column_stack([(features[rows] - mean) / width, logit[rows] / deviation])
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(columns, wanted)
    weights = model.coef_[0]
    scaled_logit = logit / deviation * weights[-1]
    return np.asarray((features - mean) @ (weights[:-1] / width) + scaled_logit + model.intercept_[0])


def _graph(neighbours: Neighbours) -> csr_array:
    """The affinities of neighbours as a symmetric, normalised matrix (N, N): D^-1/2 W D^-1/2, of spectral norm 1."""
    count, width = neighbours.row.shape
    weight = np.exp((np.clip(neighbours.cosine, 0, 1) - 1) / _REACH) * (neighbours.cosine > 0)
    start = np.arange(0, count * width + 1, width)
    one_way = csr_array((weight.ravel().astype(np.float64), neighbours.row.ravel(), start), shape=(count, count))
    both = one_way.maximum(one_way.T)
    scale = diags_array(1 / np.sqrt(np.maximum(both.sum(axis=1), 1e-9)))
    return csr_array(scale @ both @ scale)
