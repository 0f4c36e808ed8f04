"""Bets, cuts and certificates: what they promise, and when they promise nothing."""

from __future__ import annotations

import numpy as np
import pytest

from curate.choose.betting import log_capital, lower_bound, missing
from curate.choose.certify import NO, UNASKED, YES, Pool, asked_next, bounds, choose, drawn, ladder, loosest
from curate.choose.families import Family, shuffled


def pool(wanted: np.ndarray, confidence: np.ndarray, asked: int) -> Pool:
    """A pool of which the first `asked` were answered truly."""
    answer = np.where(wanted, YES, NO).astype(np.int8)
    answer[asked:] = UNASKED
    return Pool(confidence, answer)


def world(seed: int, count: int = 4000, separation: float = 3.0, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    wanted = rng.random(count) < share
    logit = (
        separation * (rng.normal(size=count) + separation * wanted) - separation**2 / 2 + np.log(share / (1 - share))
    )
    return wanted, 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize(
    ("promise", "errors", "most"), [(0.9, 0, 40), (0.9, 1, 70), (0.95, 0, 88)], ids=["clean", "one error", "95 %"]
)
def test_some_forty_clean_answers_certify_and_one_error_does_not_end_it(promise: float, errors: int, most: int) -> None:
    answers = np.ones(most)
    answers[5 : 5 + errors] = 0
    assert missing(answers[:-1], 20_000, promise) <= 1
    assert missing(answers[:20], 20_000, promise) > 0


def test_the_capital_of_a_sceptic_who_is_right_stays_small_however_often_one_looks() -> None:
    rng = np.random.default_rng(0)
    order = np.argsort(rng.random((2000, 500)), axis=1)
    answers = (order < 449).astype(float)  # 449 of 500 are wanted, one less than .9
    ever = log_capital(answers, 500, 0.9)[:, :450].max(axis=1) >= np.log(20)
    assert ever.mean() <= 0.05


def test_a_set_that_is_asked_out_is_known_for_certain() -> None:
    enough, too_few = np.ones(50), np.ones(50)
    enough[[3, 10, 20, 30, 40]] = 0
    too_few[[3, 10, 20, 30, 40, 49]] = 0
    assert log_capital(enough, 50, 0.9)[-1] > np.log(20)
    assert log_capital(too_few, 50, 0.9).max() < np.log(20)


def test_the_lower_bound_is_below_the_truth_and_rises_with_clean_answers() -> None:
    lows = [lower_bound(np.ones(count), 10_000) for count in (0, 20, 40, 80, 200)]
    assert lows == sorted(lows)
    assert lows[0] == 0
    assert 0.9 <= lows[2] < 1


def test_answers_to_a_strict_set_count_for_a_looser_one_only_up_to_the_first_gap() -> None:
    confidence = np.array([0.9, 0.2, 0.95, 0.5, 0.99, 0.97])
    answer = np.array([YES, UNASKED, NO, UNASKED, YES, UNASKED], dtype=np.int8)
    assert drawn(Pool(confidence, answer), 0.9)[0].tolist() == [YES, NO, YES]
    assert drawn(Pool(confidence, answer), 0.1)[0].tolist() == [YES]
    assert asked_next(Pool(confidence, answer), 0.4).tolist() == [3, 5]


def test_without_an_answer_nothing_is_certified_and_the_missing_clicks_are_named() -> None:
    wanted, confidence = world(1)
    found = choose(pool(wanted, confidence, 0), 0.9)
    assert (found.value, found.by, found.certificate) == (0.9, "prob", None)
    assert found.missing is not None
    assert 30 <= found.missing <= 40


def test_answers_certify_a_cut_that_keeps_the_promise() -> None:
    wanted, confidence = world(2)
    found = choose(pool(wanted, confidence, 600), 0.9)
    assert found.by == "precision"
    assert found.certificate is not None
    assert found.certificate.lower >= 0.9
    assert wanted[confidence >= found.value].mean() >= 0.9
    assert found.certificate.size == (confidence >= found.value).sum()


def test_by_prob_cuts_at_the_promise_whatever_was_answered() -> None:
    wanted, confidence = world(2)
    assert choose(pool(wanted, confidence, 600), 0.9, "prob").value == 0.9


def test_a_classifier_that_knows_nothing_gets_no_certificate() -> None:
    rng = np.random.default_rng(3)
    for asked in (50, 100, 200, 400):
        found = choose(pool(rng.random(2000) < 0.5, rng.random(2000), asked), 0.9)
        assert (found.by, found.certificate) == ("prob", None)


def test_the_ladder_depends_on_the_scores_alone_and_spends_the_level_once() -> None:
    _, confidence = world(4)
    steps = ladder(confidence, 0.9)
    assert [step.cut for step in steps] == sorted((step.cut for step in steps), reverse=True)
    assert sum(step.share for step in steps) == pytest.approx(1)
    assert loosest(steps, lambda _, level: level <= 0.05 + 1e-12) == len(steps) - 1


def test_a_set_is_not_tested_past_one_that_failed_unless_level_starts_there() -> None:
    _, confidence = world(4)
    steps = ladder(confidence, 0.9)
    tested: list[int] = []

    def refuted(place: int, level: float) -> bool:
        tested.append(place)
        assert level > 0
        return False

    assert loosest(steps, refuted) is None
    assert len(tested) == sum(step.share > 0 for step in steps)


def test_the_random_order_is_the_same_every_time_and_another_for_another_version() -> None:
    names = [f"{number:064x}" for number in range(500)]
    one = shuffled(names, "a")
    assert one.tolist() == shuffled(names, "a").tolist()
    assert one.tolist() != shuffled(names, "b").tolist()
    assert sorted(one.tolist()) == list(range(500))
    assert abs(np.corrcoef(one, np.arange(500))[0, 1]) < 0.15


@pytest.mark.parametrize("count", [0, 1, 7], ids=["none", "one", "few"])
def test_a_few_pictures_are_no_special_case(count: int) -> None:
    found = choose(Pool(np.full(count, 0.95), np.full(count, YES, np.int8)), 0.9)
    assert (found.certificate is not None) == (count > 0)
    assert found.ask is None
    assert bounds(Pool(np.full(count, 0.95), np.full(count, YES, np.int8)), [0.99], Family(1, 0.9)) == [None]


def test_looking_at_every_set_after_every_answer_is_wrong_in_five_of_a_hundred_runs_at_most() -> None:
    wrong = 0
    for seed in range(120):
        wanted, confidence = world(seed, 2000, separation=2.0, share=0.2)
        for asked in range(20, 320, 25):
            found = choose(pool(wanted, confidence, asked), 0.9)
            if found.certificate and wanted[confidence >= found.value].mean() < 0.9:
                wrong += 1
                break
    assert wrong <= 6
