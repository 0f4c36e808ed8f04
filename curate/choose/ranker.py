"""A ranker (linear probe on frozen features), fitted to people's answers, used unless answers show it to be worse.

It starts from the scores there are, corrected for this dataset's class prior where that is in use. A picture's score is
the sum of two: the logit of those, and the decision function of a class-balanced logistic regression on features and
logit. Before they are summed, label spreading (D. Zhou et al., "Learning with local and global consistency", NIPS 2003)
smooths each over the graph of neighbours, with the answers put in. `docs/review.md` has what else was tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from curate.scores.neighbours import Neighbours

VERSION = 2  # raise it by hand when other confidences are fitted to the same answers
LEAST = 5  # groups of near-duplicates that must be answered yes, and as many no, before anything is fitted
_FOLDS = 5
_KEEP = 0.85  # share of a picture's score that comes from its neighbours: alpha in Zhou's paper
_REACH = 0.1  # the affinity of a neighbour is exp((cosine - 1) / _REACH)
_ANSWER = 2.0  # what an answer puts in place of a score: + for yes, - for no, in the score's standard deviations
_STEPS = 40


@dataclass(frozen=True)
class Ranker:
    """A fitted ranker: every picture's confidence, and the ROC AUC (`area`) beside the model's."""

    confidence: NDArray[np.float32]  # (N,) of every picture, 0 to 1
    answers: int  # how many it was fitted to
    area: float  # ROC AUC on the answers, out of fold: how often a wanted picture is ranked above an unwanted one
    model_area: float  # ROC AUC of the logit that it starts from, on the same answers


@dataclass(frozen=True)
class TrainingSet:
    """N pictures, A of them answered."""

    features: NDArray[np.float32]  # (N, D), from neighbours.power_normalised
    logit: NDArray[np.float32]  # (N,) logit of the confidence to start from; the same for all where there is none
    neighbours: Neighbours
    rows: NDArray[np.int64]  # (A,) of the answered pictures
    wanted: NDArray[np.bool_]  # (A,) whether the answer was yes
    groups: NDArray[np.int64]  # (A,) one number for all near-duplicates: no fold trains on one and tests on another


def fit(examples: TrainingSet) -> Ranker | None:
    """The ranker; None if there are too few answers, or if they show that it ranks worse than the logit it starts from.

    Few answers show little, and scores that rank all of them right cannot be beaten: so the ranker is refused only if
    its out-of-fold ROC AUC is more than one standard error under the logit's. Without scores to start from it must be
    over 0.5.
    """
    folds = _folds(examples)
    if folds is None:
        return None
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  without answers nothing waits for its import
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    graph = _graph(examples.neighbours)
    out_of_fold = np.zeros(len(examples.rows))
    for learn, test in folds:
        out_of_fold[test] = _score(examples, graph, learn)[examples.rows[test]]
    area = float(roc_auc_score(examples.wanted, out_of_fold))
    model = float(roc_auc_score(examples.wanted, examples.logit[examples.rows]))
    if area < model - _standard_error(model, examples.wanted) or area <= 0.5:
        return None
    scale = LogisticRegression(class_weight="balanced").fit(out_of_fold[:, None], examples.wanted)  # Platt scaling
    score = _score(examples, graph, np.arange(len(examples.rows)))
    return Ranker(scale.predict_proba(score[:, None])[:, 1].astype(np.float32), len(examples.rows), area, model)


def _folds(examples: TrainingSet) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    """For each fold its (train, test) positions in `wanted`; None if there are too few yes or too few no."""
    wanted, groups = examples.wanted, examples.groups
    kinds = [len(np.unique(groups[wanted == kind])) for kind in (True, False)]
    if min(kinds) < LEAST:
        return None
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415

    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    folds = list(splitter.split(np.zeros(len(wanted)), wanted, groups))
    return folds if all(len(np.unique(wanted[learn])) == 2 for learn, _ in folds) else None


def _standard_error(area: float, wanted: NDArray[np.bool_]) -> float:
    """Of a ROC AUC that was measured on these answers.

    J. Hanley, B. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    Radiology 143 (1982). An area of 1 has none by their formula: it is taken for that of half a pair ranked wrong.
    """
    yes, no = int(wanted.sum()), int((~wanted).sum())
    area = min(max(area, 0.5), 1 - 0.5 / (yes * no))
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (yes - 1) * (one - area**2) + (no - 1) * (two - area**2)
    return float(np.sqrt(spread / (yes * no)))


def _score(examples: TrainingSet, graph: csr_array, learn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Every picture's score, (N,), fitted only to the answers at the positions `learn`."""
    rows, wanted = examples.rows[learn], examples.wanted[learn]
    starts = (examples.logit.astype(np.float64), _logistic(examples, rows, wanted))
    return np.asarray(sum(_scaled(_propagated(_scaled(start), graph, rows, wanted)) for start in starts))


def _propagated(
    seeds: NDArray[np.float64], graph: csr_array, rows: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """`seeds` (N,), the answers put in, smoothed over the graph of neighbours (label spreading). Overwrites `seeds`."""
    seeds[rows] = np.where(wanted, _ANSWER, -_ANSWER)
    score = seeds
    for _ in range(_STEPS):  # Zhou's iteration, to within 0.85^40 of its fixed point
        score = np.asarray(_KEEP * (graph @ score) + (1 - _KEEP) * seeds)
    return score


def _scaled(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """`score` divided by its standard deviation; the mean stays, because the sign has a meaning."""
    return score / max(float(score.std()), 1e-9)


def _logistic(examples: TrainingSet, rows: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Every picture's value, (N,), of the decision function of a logistic regression that is fitted to `rows`."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

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
    from scipy.sparse import csr_array, diags_array  # noqa: PLC0415

    count, width = neighbours.row.shape
    weight = np.exp((np.clip(neighbours.cosine, 0, 1) - 1) / _REACH) * (neighbours.cosine > 0)
    start = np.arange(0, count * width + 1, width)
    one_way = csr_array((weight.ravel().astype(np.float64), neighbours.row.ravel(), start), shape=(count, count))
    both = one_way.maximum(one_way.T)
    scale = diags_array(1 / np.sqrt(np.maximum(both.sum(axis=1), 1e-9)))
    return csr_array(scale @ both @ scale)
