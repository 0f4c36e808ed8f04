"""Answers to many pictures at once, which nobody drew at random: they decide and teach, and certify nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certifying import SETTINGS, certify, decided, judged

from benchmarks.support.simulated_data import Set, dataset
from curate import run
from curate.choose.certify import UNASKED
from curate.choose.versions import teaching_answers
from scrapbag import labels
from scrapbag.labels import Act

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return dataset(tmp_path / "quilts", 600)


def lasso(made: Set, names: Iterable[str], word: str, act: str = "1") -> str:
    with closing(labels.connect(made.data.catalog)) as connection:
        return labels.give(connection, Act(act * 36, word, 0, labels.now(), ("quilt",)), names, "lasso").id


def take_back(made: Set, act: str) -> None:
    with closing(labels.connect(made.data.catalog)) as connection:
        labels.take_back(connection, act)


def test_any_number_of_lassoed_answers_certifies_nothing(made: Set) -> None:
    before = decided(made)
    lasso(made, [name for name, wanted in made.wanted.items() if wanted], "yes")
    lasso(made, [name for name, wanted in made.wanted.items() if not wanted], "no", "2")
    outcome = decided(made)
    assert before.certificate is outcome.certificate is None
    assert all(row.certified is None for row in outcome.rows)
    assert (judged(made).pool.answer == UNASKED).all()


def test_a_certificate_counts_the_same_answers_after_a_lasso_and_after_its_undo(made: Set) -> None:
    certify(made, 60)
    before = decided(made)
    evidence = before.certificate.n, before.certificate.errors, before.certificate.labels
    names = [row.sha256 for row in before.rows if row.kept and not made.wanted[row.sha256]][:2]
    names += [row.sha256 for row in before.rows if row.kept and row.sha256 not in names][:10]
    act = lasso(made, names, "no")
    outcome = decided(made)
    assert outcome.certificate is not None
    assert (outcome.certificate.n, outcome.certificate.errors, outcome.certificate.labels) == evidence
    said = {row.sha256: row for row in outcome.rows}
    assert {said[name].reason for name in names} == {"human_reject"}
    take_back(made, act)
    assert [(row.sha256, row.kept) for row in decided(made).rows] == [(row.sha256, row.kept) for row in before.rows]


def test_lassoed_answers_teach_the_ranker(tmp_path: Path) -> None:
    doubtful = dataset(tmp_path / "doubtful", 600, separation=1.0)
    for act, (kind, word) in enumerate(((True, "yes"), (False, "no")), 1):
        lasso(doubtful, [name for name, wanted in doubtful.wanted.items() if wanted is kind][:60], word, str(act))
    newest = judged(doubtful, newest=True)
    assert newest.scores.ranker is not None
    assert newest.scores.ranker.area > newest.scores.ranker.model_area


def test_a_ranker_learns_from_the_first_answers_of_both_kinds_however_many_of_one_came_first(tmp_path: Path) -> None:
    doubtful = dataset(tmp_path / "doubtful", 1200, separation=1.0)
    unwanted = [name for name, wanted in doubtful.wanted.items() if not wanted]
    lasso(doubtful, unwanted[:300], "no")
    assert judged(doubtful, newest=True).scores.ranker is None
    lasso(doubtful, [name for name, wanted in doubtful.wanted.items() if wanted][:20], "yes", "2")
    ranker = judged(doubtful, newest=True).scores.ranker
    assert len(teaching_answers(run.evidence(run.gather(SETTINGS, doubtful.data)))) == 320
    assert ranker is not None
    assert ranker.area > ranker.model_area
