"""A head on the frozen features that people's answers have taught, used only where it ranks better than the model.

Two scores of every picture are averaged: the model's own logit, and a balanced logistic regression on features and
logit; each is first spread over near neighbours, together with the answers (D. Zhou et al., "Learning with local and
global consistency", NIPS 2003). `docs/review.md` has what else was tried.
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

LEAST = 5  # answers of either kind, below which nothing is learnt
_FOLDS = 5
_KEEP = 0.85  # of a picture's score comes from its neighbours, and so on through theirs
_REACH = 0.1  # a neighbour whose cosine is lower by this counts 1/e
_ANSWER = 2.0  # what an answer weighs, in standard deviations of the logit
_STEPS = 40


@dataclass(frozen=True)
class Head:
    """What the answers made of the scores."""

    confidence: NDArray[np.float32]  # of every picture, 0 to 1
    answers: int
    area: float  # under the ROC curve of the answers, out of fold: how often a wanted one is ranked above another
    model_area: float  # the same of the model alone


@dataclass(frozen=True)
class Lesson:
    """What a head learns from. N pictures; answers to some of them."""

    features: NDArray[np.float32]  # (N, D), from neighbours.evened
    logit: NDArray[np.float32]  # (N,) of the summed probability
    neighbours: Neighbours
    rows: NDArray[np.int64]  # of the answered pictures
    wanted: NDArray[np.bool_]  # what was answered
    groups: NDArray[np.int64]  # pictures that must not be on both sides of a fold: near-duplicates


def teach(lesson: Lesson) -> Head | None:
    """The head, or None when out of fold it ranks no better than the model does, or there are too few answers."""
    folds = _folds(lesson)
    if folds is None:
        return None
    graph = _graph(lesson.neighbours)
    unseen = np.zeros(len(lesson.rows))
    for learn, judge in folds:
        unseen[judge] = _score(lesson, graph, learn)[lesson.rows[judge]]
    area = float(roc_auc_score(lesson.wanted, unseen))
    model = float(roc_auc_score(lesson.wanted, lesson.logit[lesson.rows]))
    if area <= model:
        return None
    scale = LogisticRegression(class_weight="balanced").fit(unseen[:, None], lesson.wanted)
    score = _score(lesson, graph, np.arange(len(lesson.rows)))
    return Head(scale.predict_proba(score[:, None])[:, 1].astype(np.float32), len(lesson.rows), area, model)


def _folds(lesson: Lesson) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    wanted, groups = lesson.wanted, lesson.groups
    kinds = [len(np.unique(groups[wanted == kind])) for kind in (True, False)]
    if min(kinds) < LEAST:
        return None
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    folds = list(splitter.split(np.zeros(len(wanted)), wanted, groups))
    return folds if all(len(np.unique(wanted[learn])) == 2 for learn, _ in folds) else None


def _score(lesson: Lesson, graph: csr_array, learn: NDArray[np.int64]) -> NDArray[np.float64]:
    """A score of every picture, taught by those answers alone that `learn` names."""
    rows, wanted = lesson.rows[learn], lesson.wanted[learn]
    starts = (lesson.logit.astype(np.float64), _logistic(lesson, rows, wanted))
    return np.asarray(sum(_even(_spread(_even(start), graph, rows, wanted)) for start in starts))


def _spread(
    seeds: NDArray[np.float64], graph: csr_array, rows: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    seeds[rows] = np.where(wanted, _ANSWER, -_ANSWER)
    score = seeds
    for _ in range(_STEPS):  # Zhou's iteration, to within 0.85^40 of its fixed point
        score = np.asarray(_KEEP * (graph @ score) + (1 - _KEEP) * seeds)
    return score


def _even(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """On the scale of its own spread; its sign stays."""
    return score / max(float(score.std()), 1e-9)


def _logistic(lesson: Lesson, rows: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    features, logit = lesson.features, lesson.logit
    middle, width = features[rows].mean(axis=0), max(float(features[rows].std()), 1e-9) * features.shape[1] ** 0.5
    spread = max(float(logit.std()), 1e-9)
    columns = np.column_stack([(features[rows] - middle) / width, logit[rows] / spread])
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(columns, wanted)
    weights = model.coef_[0]
    return np.asarray((features - middle) @ (weights[:-1] / width) + logit / spread * weights[-1] + model.intercept_[0])


def _graph(neighbours: Neighbours) -> csr_array:
    """Likeness as a symmetric matrix, scaled so that spreading over it never grows a score."""
    count, width = neighbours.row.shape
    weight = np.exp((np.clip(neighbours.cosine, 0, 1) - 1) / _REACH) * (neighbours.cosine > 0)
    start = np.arange(0, count * width + 1, width)
    one_way = csr_array((weight.ravel().astype(np.float64), neighbours.row.ravel(), start), shape=(count, count))
    both = one_way.maximum(one_way.T)
    scale = diags_array(1 / np.sqrt(np.maximum(both.sum(axis=1), 1e-9)))
    return csr_array(scale @ both @ scale)
