"""A head on the frozen features that people's answers have taught, used only where it ranks better than the model.

Three ways are tried and judged by answers that they were not shown: the balanced logistic regression on features and
logit; the model's own logit spread over near neighbours, answers included (D. Zhou et al., "Learning with local and
global consistency", NIPS 2003); and the regression's output spread in the same way. `docs/review.md` has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedGroupKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.neighbours import Neighbours

LEAST = 5  # answers of either kind, below which nothing is learnt
_FOLDS = 5
_KEEP = 0.85  # of a picture's score comes from its neighbours, and so on through theirs
_REACH = 0.1  # a neighbour whose cosine is lower by this counts 1/e
_ANSWER = 2.0  # what an answer weighs, in standard deviations of the logit
_STEPS = 40
WAYS = ("spread", "logistic", "spread logistic")


@dataclass(frozen=True)
class Head:
    """What the answers made of the scores."""

    way: str
    confidence: NDArray[np.float32]  # of every picture, 0 to 1
    answers: int
    precision: float  # average precision on the answers, out of fold
    model_precision: float  # the same of the model alone


@dataclass(frozen=True)
class Lesson:
    """What a head learns from. N pictures; answers to some of them."""

    features: NDArray[np.float32]  # (N, D)
    logit: NDArray[np.float32]  # (N,) of the summed probability
    neighbours: Neighbours
    rows: NDArray[np.int64]  # of the answered pictures
    wanted: NDArray[np.bool_]  # what was answered
    groups: NDArray[np.int64]  # pictures that must not be on both sides of a fold: near-duplicates


def teach(lesson: Lesson) -> Head | None:
    """The best of the ways out of fold, or None when none is better than the model or there are too few answers."""
    folds = _folds(lesson)
    if folds is None:
        return None
    graph = _graph(lesson.neighbours)
    unseen = {way: np.zeros(len(lesson.rows)) for way in WAYS}
    for learn, judge in folds:
        for way in WAYS:
            unseen[way][judge] = _score(way, lesson, graph, learn)[lesson.rows[judge]]
    quality = {way: float(average_precision_score(lesson.wanted, unseen[way])) for way in WAYS}
    model = float(average_precision_score(lesson.wanted, lesson.logit[lesson.rows]))
    best = max(WAYS, key=lambda way: quality[way])
    if quality[best] <= model:
        return None
    scale = LogisticRegression(class_weight="balanced").fit(unseen[best][:, None], lesson.wanted)
    score = _score(best, lesson, graph, np.arange(len(lesson.rows)))
    confidence = scale.predict_proba(score[:, None])[:, 1].astype(np.float32)
    return Head(best, confidence, len(lesson.rows), quality[best], model)


def _folds(lesson: Lesson) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    wanted, groups = lesson.wanted, lesson.groups
    kinds = [len(np.unique(groups[wanted == kind])) for kind in (True, False)]
    if min(kinds) < LEAST:
        return None
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    folds = list(splitter.split(np.zeros(len(wanted)), wanted, groups))
    return folds if all(len(np.unique(wanted[learn])) == 2 for learn, _ in folds) else None


def _score(way: str, lesson: Lesson, graph: csr_array, learn: NDArray[np.int64]) -> NDArray[np.float64]:
    """A score of every picture, taught by those answers alone that `learn` names."""
    rows, wanted = lesson.rows[learn], lesson.wanted[learn]
    start = np.asarray(lesson.logit / max(float(lesson.logit.std()), 1e-9), dtype=np.float64)
    if way != "spread":
        start = _logistic(lesson, rows, wanted)
    if way == "logistic":
        return start
    seeds = start / max(float(start.std()), 1e-9)
    seeds[rows] = np.where(wanted, _ANSWER, -_ANSWER)
    score = seeds.copy()
    for _ in range(_STEPS):  # the fixed point of Zhou's iteration, to 0.85^40
        score = np.asarray(_KEEP * (graph @ score) + (1 - _KEEP) * seeds)
    return score


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
