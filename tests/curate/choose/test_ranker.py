"""The ranker on features and neighbours that are made up: what it starts from, and when it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from curate.choose import ranker
from curate.choose.ranker import TrainingSet
from curate.scores.neighbours import Neighbours, nearest, unit

COUNT = 400


def examples(answers: int, *, separation: float, alike: float, start: bool = True, strangers: int = 0):
    """Pictures, a quarter of them wanted, their first `answers` answered; and which are wanted.

    The logit to start from is `separation` standard deviations higher for wanted ones, the features `alike`. With
    `strangers`, a seed, the neighbours of a picture are any others.
    """
    rng = np.random.default_rng(11)
    wanted = np.arange(COUNT) % 4 == 0
    features = rng.normal(size=(COUNT, 16)).astype(np.float32) + alike * wanted[:, None] * (np.arange(16) < 4)
    logit = rng.normal(size=COUNT) + separation * wanted if start else np.zeros(COUNT)
    near = nearest(unit(features))
    if strangers:
        row = np.random.default_rng(strangers).integers(0, COUNT, (COUNT, 2), dtype=np.int32)
        near = Neighbours(row, np.full((COUNT, 2), 0.9, np.float32))
    rows = rng.permutation(COUNT)[:answers]
    return TrainingSet(features, logit.astype(np.float32), near, rows, wanted[rows], rows), wanted


def test_twenty_answers_rank_the_pictures_that_nobody_was_asked_about_better_than_the_scores_do():
    given, wanted = examples(20, separation=1.5, alike=1.5)
    fitted = ranker.fit(given)
    assert fitted is not None
    others = np.setdiff1d(np.arange(COUNT), given.rows)
    before = average_precision_score(wanted[others], given.logit[others])
    assert before < 0.75
    assert average_precision_score(wanted[others], fitted.confidence[others]) > 0.95


def test_scores_that_rank_every_answer_right_are_no_reason_to_do_without_a_ranker():
    given, _ = examples(40, separation=6.0, alike=1.0)
    fitted = ranker.fit(given)
    assert fitted is not None
    assert fitted.area == fitted.model_area == 1.0


def test_a_ranker_that_answers_show_to_be_worse_than_the_scores_is_refused():
    given, _ = examples(200, separation=3.0, alike=0.0, strangers=1)
    assert ranker.fit(given) is None


@pytest.mark.parametrize("strangers", [0, 1], ids=["neighbours alike", "any neighbours"])
def test_without_scores_it_must_rank_better_than_chance(strangers):
    given, _ = examples(60, separation=0.0, alike=0.0 if strangers else 1.5, start=False, strangers=strangers)
    fitted = ranker.fit(given)
    assert (fitted is None) == bool(strangers)
    assert fitted is None or fitted.model_area == 0.5


@pytest.mark.parametrize(("yes", "fitted"), [(4, False), (5, True)])
def test_it_takes_five_of_each_answer(yes, fitted):
    given, wanted = examples(400, separation=2.0, alike=1.5)
    rows = np.concatenate([np.flatnonzero(wanted)[:yes], np.flatnonzero(~wanted)[:15]])
    some = TrainingSet(given.features, given.logit, given.neighbours, rows, wanted[rows], rows)
    assert (ranker.fit(some) is not None) == fitted
