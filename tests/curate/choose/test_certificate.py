"""Answers brought to bear: what certifies, what teaches, and what neither may do."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.support.simulated_data import Set, answer, dataset, store_pairs, told
from curate import run
from curate.choose.certify import UNASKED
from curate.choose.versions import teaching_answers
from curate.report.sweep import sweep
from curate.review.questions import Desk
from scrapbag import catalog
from scrapbag.recipe import Curate

if TYPE_CHECKING:
    pass

from certifying import SETTINGS, certify, decided, drawn_for, judged, order, teach, truth


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return dataset(tmp_path / "quilts", 600)


@pytest.fixture
def doubtful(tmp_path: Path) -> Set:
    """Pictures whose features tell the wanted ones well, which the model's scores do not."""
    return dataset(tmp_path / "doubtful", 600, separation=1.0)


def test_without_labels_the_cut_is_the_promise_and_it_says_how_many_clicks_are_missing(made: Set) -> None:
    outcome = decided(made)
    assert (outcome.by, outcome.cut, outcome.certificate) == ("prob", 0.9, None)
    assert outcome.missing is not None
    assert 20 <= outcome.missing <= 40
    assert all(row.certified is None for row in outcome.rows)


def test_certificate_answers_certify_a_cut_that_keeps_the_promise_and_the_rows_carry_it(made: Set) -> None:
    certify(made, 60)
    outcome = decided(made)
    assert outcome.by == "precision"
    assert outcome.certificate.lower >= 0.9
    assert outcome.certificate.n + outcome.certificate.errors >= 30
    assert outcome.certificate.labels == outcome.labels
    assert len(outcome.labels) == 16
    kept = [row for row in outcome.rows if row.kept]
    assert np.mean([made.wanted[row.sha256] for row in kept]) >= 0.9
    assert min(row.confidence or 0 for row in kept) >= outcome.cut or any(row.answer == "yes" for row in kept)
    assert any(row.certified is not None and row.certified > 0.5 for row in kept)
    assert all(outcome.certificate.labels in row.certificate for row in kept)
    assert max(row.certified_answers or 0 for row in kept) >= outcome.certificate.n
    assert any(step.answers == outcome.certificate.n for step in sweep(outcome.rows, outcome.labels))


@pytest.mark.parametrize(
    ("purpose", "version"),
    [("teach", "same"), ("import", "same"), ("certify", "another")],
    ids=["teaching", "imported", "another version of the scores"],
)
def test_no_other_answers_certify(made: Set, purpose: str, version: str) -> None:
    drawn: dict[str, object] = {"version": judged(made).scores.version if version == "same" else "f" * 16}
    answer(made, truth(made, order(made)[:18]), purpose, drawn)
    now = judged(made)
    assert (now.pool.answer == UNASKED).all()
    assert now.cut.certificate is None


def test_answers_about_other_targets_do_not_certify(made: Set) -> None:
    certify(made, 60)
    other = Curate(targets=("other",), size=32)
    assert (judged(made, other).pool.answer == UNASKED).all()


def test_unsure_counts_against_the_promise(made: Set) -> None:
    for count in (1, 9):  # the first opens the family, which gets its own random order
        answer(made, [(name, "unsure") for name in order(made)[:count]], "certify", drawn_for(judged(made)))
    now = judged(made)
    assert (now.pool.answer == 0).sum() in {9, 10}
    assert now.cut.missing is None or now.cut.missing > 40


def test_a_picture_that_a_person_refused_never_comes_back_whatever_is_promised(made: Set) -> None:
    refused = order(made)[0]
    answer(made, [(refused, "no")], "teach")
    for promise in (0.9, 0.1):
        settings = Curate(targets=("quilt",), size=32, threshold=promise)
        [row] = [r for r in run.choose(run.gather(settings, made.data), settings).rows if r.sha256 == refused]
        assert (row.kept, row.reason) == (False, "human_reject")


def test_answers_outlive_new_scores_and_a_new_crawl_which_a_certificate_does_not(made: Set) -> None:
    certify(made, 60)
    refused = next(name for name in order(made) if name not in {label.sha256 for label in told(made)})
    answer(made, [(refused, "no")], "teach")
    assert decided(made).certificate is not None
    (made.data.scored / "0123456789abcdef").rename(made.data.scored / "fedcba9876543210")
    (made.data.scored / "index.json").write_text('{"key": "fedcba9876543210"}')
    with closing(catalog.connect(made.data.catalog)) as connection:  # found anew, at another address
        connection.execute("delete from request")
        connection.execute(
            "insert into request (url, host, source, kind, state, attempts, sha256)"
            " select 'http://127.0.0.1/new/' || sha256, '127.0.0.1', 'new', 'picture', 'done', 1, sha256 from picture"
        )
    outcome = decided(made)
    assert outcome.certificate is None
    assert outcome.missing is not None
    assert {row.sha256: row.answer for row in outcome.rows if row.answer} == {x.sha256: x.answer for x in told(made)}
    assert next(row.reason for row in outcome.rows if row.sha256 == refused) == "human_reject"


def test_what_was_kept_before_a_certificate_is_remembered_and_by_prob_has_it_back(made: Set) -> None:
    before = decided(made)
    assert (before.before, before.by_prob) == (None, None)
    certify(made, 60)
    after = decided(made)
    prob = decided(made, replace(SETTINGS, by="prob"))
    assert after.certificate is not None
    assert after.by_prob == prob.kept
    assert prob.kept in range(before.kept - 60, before.kept + 1)  # all but those that were answered no
    assert after.before == after.by_prob  # two classes: no prior is corrected


def test_certificate_answers_never_teach(made: Set) -> None:
    certify(made, 60)
    assert teaching_answers(run.evidence(run.gather(SETTINGS, made.data))) == []
    assert judged(made, newest=True).scores.ranker is None


def test_a_picture_drawn_for_a_certificate_does_not_teach_even_when_it_is_answered_again(made: Set) -> None:
    certify(made, 40)
    answer(made, truth(made, order(made)[:40]), "teach")
    assert teaching_answers(run.evidence(run.gather(SETTINGS, made.data))) == []


def test_a_ranker_is_fitted_once_there_are_twenty_teaching_answers(doubtful: Set) -> None:
    teach(doubtful, 18)
    before = judged(doubtful, newest=True).scores
    assert before.ranker is None
    teach(doubtful, 60)
    after = judged(doubtful, newest=True).scores
    assert after.version != before.version
    assert after.ranker is not None
    assert after.ranker.answers == 50
    assert after.ranker.area > after.ranker.model_area
    assert "a ranker" in after.ranked_by


def test_a_certified_version_stays_in_use_while_a_newer_ranker_is_not_certified(made: Set) -> None:
    certify(made, 60)
    first = judged(made)
    teach(made, 60)
    assert judged(made).scores.version == first.scores.version
    assert judged(made).cut.certificate is not None


def test_the_page_goes_on_showing_the_certificate_that_stands_while_a_newer_ranker_has_none(tmp_path: Path) -> None:
    made = dataset(tmp_path / "middling", 600, separation=2.0)
    certify(made, 60)
    standing = judged(made).cut.certificate
    teach(made, 60)
    newest = judged(made, newest=True)
    assert newest.scores.ranker is not None
    assert newest.cut.certificate is None
    desk = Desk(SETTINGS, made.data)
    said = desk.progress()
    assert standing is not None
    assert (said["certified"], said["lower"], said["certifying"]) == (standing.size, standing.lower, 60)
    assert said["missing"] == newest.cut.missing
    [asked] = desk.ask("tab", 1)
    desk.answer("tab", asked.sha256, "yes")
    assert desk.progress()["certified"] == standing.size


def test_what_a_ranker_was_fitted_to_is_not_in_the_pool_that_certifies_it(doubtful: Set) -> None:
    teach(doubtful, 60)
    now = judged(doubtful, newest=True)
    assert now.scores.ranker is not None
    material = run.gather(SETTINGS, doubtful.data)
    learnt = {label.sha256 for label in teaching_answers(run.evidence(material))[:50]}
    assert not learnt & {material.scores.shards.sha256[row] for row in now.scores.pool_row}


def test_copies_of_a_picture_count_once_and_inherit_its_answer(tmp_path: Path) -> None:
    made = dataset(tmp_path / "pairs", 200)
    store_pairs(made.data.scored / "0123456789abcdef", np.arange(0, 200, 2), np.arange(1, 200, 2))
    now = judged(made)
    assert len(now.pool.answer) == 100
    names = run.gather(SETTINGS, made.data).scores.shards.sha256
    answer(made, [(names[1], "yes"), (names[0], "yes")], "certify", drawn_for(now))
    assert (judged(made).pool.answer != UNASKED).sum() == 1


FREE = Curate(targets=(), size=32)  # no classifier is asked


def test_without_targets_answers_certify_what_the_quality_rules_keep(tmp_path: Path) -> None:
    made = dataset(tmp_path / "free", 300, share=0.98)
    assert decided(made, FREE).missing == 36
    certify(made, 160, FREE)
    outcome = decided(made, FREE)
    assert outcome.certificate is not None
    assert outcome.certificate.n in {160, 161}
    assert (outcome.by, outcome.certificate.size, outcome.ranked_by) == ("precision", 300, "nobody")
    refused = {label.sha256 for label in told(made) if label.answer == "no"}
    assert {row.sha256 for row in outcome.rows if not row.kept} == refused
    assert all(row.confidence is None for row in outcome.rows)
    assert all(row.certified_answers == outcome.certificate.n for row in outcome.rows)


def test_without_targets_nothing_is_dropped_by_a_number_until_a_ranker_is_certified(made: Set) -> None:
    teach(made, 60, FREE)
    learnt = judged(made, FREE, newest=True)
    assert learnt.scores.ranker is not None
    assert learnt.scores.ranker.model_area == 0.5
    refused = {label.sha256 for label in told(made) if label.answer == "no"}
    before = decided(made, FREE)
    assert (before.ranked_by, before.certificate) == ("nobody", None)
    assert {row.sha256 for row in before.rows if not row.kept} == refused

    certify(made, 60, FREE)
    after = decided(made, FREE)
    assert "a ranker" in after.ranked_by
    kept = [row for row in after.rows if row.kept]
    assert np.mean([made.wanted[row.sha256] for row in kept]) >= 0.9
    assert sum(row.reason in {"low_confidence", "off_target"} for row in after.rows) > 200


def test_without_a_model_answers_still_certify(tmp_path: Path) -> None:
    made = dataset(tmp_path / "plain", 200, share=0.98, model=False)
    teach(made, 6, FREE)
    assert judged(made, FREE, newest=True).scores.ranker is None
    certify(made, 90, FREE)
    assert decided(made, FREE).certificate is not None
