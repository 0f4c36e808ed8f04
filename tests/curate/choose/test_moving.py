"""What stays certified for somebody who moves THRESH, changes the pool, takes answers back and teaches on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from certifying import SETTINGS, certify, decided, drawn_for, judged, order, teach, truth

from benchmarks.support.simulated_data import Set, answer, dataset, told
from curate import run
from curate.choose.certificate import best
from curate.choose.certify import UNASKED
from curate.review.questions import Desk
from scrapbag import catalog, labels
from scrapbag.recipe import Curate


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return dataset(tmp_path / "quilts", 600)


def cut_off(made: Set, name: str, problem: str = "not_image") -> None:
    """One picture leaves the pool, or comes back: what a scrape or another SIZE does."""
    with closing(catalog.connect(made.data.catalog)) as connection:
        connection.execute("update picture set problem = ? where sha256 = ?", (problem, name))


def numbers(made: Set) -> list[int]:
    return [family.number for family in run.evidence(run.gather(SETTINGS, made.data)).families.values()]


def test_another_pool_is_another_family_which_begins_without_a_certificate_and_the_old_one_comes_back(
    made: Set,
) -> None:
    certify(made, 60)
    before = judged(made)
    unasked = next(name for name in order(made)[60:] if not any(label.sha256 == name for label in told(made)))
    cut_off(made, unasked)
    other = judged(made)
    assert other.scores.family != before.scores.family
    assert (other.cut.certificate, other.family.number, other.family.seed) == (None, 2, "")
    assert (other.pool.answer == UNASKED).all()
    assert other.cut.missing is not None
    assert 40 < other.cut.missing < 62

    certify(made, 1)  # opens it: what is known counts where its own random order reaches it
    opened = judged(made)
    assert numbers(made) == [1, 2]
    assert 30 < (opened.pool.answer != UNASKED).sum() <= 63
    assert opened.scores.pool_row.tolist() != other.scores.pool_row.tolist()
    cut_off(made, unasked, "")
    again = judged(made)
    assert (again.family, again.cut.value, again.cut.by) == (before.family, before.cut.value, "precision")


def test_moving_thresh_moves_no_picture_of_the_pool_and_a_lower_promise_is_kept_by_the_same_answers(made: Set) -> None:
    certify(made, 60)
    home = judged(made)
    lower = judged(made, Curate(targets=("quilt",), size=32, threshold=0.6))
    assert lower.scores.family == home.scores.family
    assert lower.family == home.family
    assert lower.cut.certificate is not None
    assert lower.cut.certificate.size >= home.cut.certificate.size
    assert judged(made, Curate(targets=("quilt",), size=32, threshold=0.99)).cut.certificate is None
    assert judged(made).cut == home.cut


def test_an_answer_that_was_taken_back_has_opened_its_family_all_the_same(made: Set) -> None:
    drawn = drawn_for(judged(made), promise=0.5)
    answer(made, truth(made, order(made)[:1]), "certify", drawn)
    with closing(labels.connect(made.data.catalog)) as connection:
        assert labels.undo(connection, 1)
    now = judged(made)
    assert (now.family.number, now.family.home) == (1, 0.5)
    assert now.family.seed
    assert (now.pool.answer == UNASKED).all()


def test_forty_clean_answers_in_the_order_of_the_page_certify_for_somebody_who_moves_nothing(tmp_path: Path) -> None:
    made = dataset(tmp_path / "clear", 1500, separation=5.0, pairs=False)
    desk = Desk(SETTINGS, made.data)
    asked, missing = 0, desk.progress()["missing"]
    assert missing <= 40
    while desk.progress()["certified"] is None and asked < 41:
        [now] = desk.ask("tab", 1)
        asked += now.purpose == "certify"
        desk.answer("tab", now.sha256, "yes" if now.purpose == "certify" or made.wanted[now.sha256] else "no")
        if asked == 1:
            assert desk.progress()["missing"] == missing - 1
    assert asked in {missing - 1, missing}  # one less where the order has the answer that drew it among the first
    outcome = decided(made)
    assert outcome.certificate is not None
    assert outcome.certificate.lower == 0.9
    assert len({label.sha256 for label in told(made)}) == len(told(made))  # no picture was asked about twice


def test_of_the_certified_versions_the_one_that_keeps_most_decides_and_the_page_tells_of_the_newer(
    tmp_path: Path,
) -> None:
    made = dataset(tmp_path / "middling", 600, separation=2.0)
    certify(made, 120)
    first = judged(made)
    teach(made, 60)
    desk = Desk(SETTINGS, made.data)
    assert desk.progress()["newer"]
    newest = judged(made, newest=True)
    more = replace(first, kept=first.kept + 1)
    fewer = replace(first, kept=first.kept - 1)
    assert best([newest, fewer, first]) is first
    assert best([more, first]) is more
    assert best([newest]) is newest
