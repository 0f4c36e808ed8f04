"""The desk that tabs ask: who may change which answer, what may be asked again, what is said of the answers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.support.simulated_data import Set, dataset, told
from curate.review.questions import Desk
from scrapbag import labels
from scrapbag.recipe import Curate

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Curate(targets=("quilt",), size=32)


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return dataset(tmp_path / "quilts", 600)


def say(desk: Desk, made: Set, tab: str, count: int) -> list[str]:
    """Answer so many questions truly, and return their pictures."""
    asked = []
    for _ in range(count):
        [question] = desk.ask(tab, 1)
        desk.answer(tab, question.sha256, "yes" if made.wanted[question.sha256] else "no")
        asked.append(question.sha256)
    return asked


def test_a_tab_that_is_closed_leaves_its_question_to_the_next_at_once(made: Set) -> None:
    desk = Desk(SETTINGS, made.data)
    [shown] = desk.ask("first", 1)
    assert desk.ask("second", 1)[0].sha256 != shown.sha256
    for tab in ("first", "second"):
        desk.leave(tab)
    assert desk.ask("third", 1)[0].sha256 == shown.sha256


def test_a_new_tab_may_go_back_and_undo_what_a_closed_one_answered_and_never_what_an_open_one_did(made: Set) -> None:
    desk = Desk(SETTINGS, made.data)
    asked = say(desk, made, "first", 4)
    desk.ask("second", 1)
    assert desk.given("second") == []  # the first one is open
    assert desk.undo("second") is None
    desk.leave("first")
    assert [question.sha256 for question, _ in desk.given("second")] == asked
    desk.answer("second", asked[0], "unsure")  # back, to change an answer
    assert labels.latest(told(made))[asked[0]].answer == "unsure"
    assert desk.undo("second") == asked[0]
    assert desk.undo("second") == asked[-1]
    again = Desk(SETTINGS, made.data)  # a new server, a new tab
    assert [question.sha256 for question, _ in again.given("new")] == asked[:-1]


def test_answers_from_a_file_are_counted_by_a_server_that_is_running(made: Set, tmp_path: Path) -> None:
    desk = Desk(SETTINGS, made.data)
    asked = say(desk, made, "tab", 8)
    desk.look_again()
    path = tmp_path / "labels.csv"
    with closing(labels.connect(made.data.catalog)) as connection:
        labels.export(connection, path)
        path.write_text(path.read_text().replace(",yes,", ",unsure,").replace(",no,", ",unsure,"))
        labels.load(connection, path)
    desk.look_again()
    assert {answer for _, answer in desk.given("tab")} == {"unsure"}
    assert desk.progress()["answers"] == len(asked)
    assert len(told(made)) == len(asked)


def test_a_ranker_that_counts_anew_says_what_became_of_the_answers_before(tmp_path: Path) -> None:
    made = dataset(tmp_path / "doubtful", 600, separation=1.0)
    desk = Desk(SETTINGS, made.data)
    while desk.progress()["teaching"] < 20:
        say(desk, made, "tab", 1)
    desk.settle()
    said = desk.progress()
    drawn = {label.sha256 for label in told(made) if label.purpose == "certify"}
    assert said["ranker"] == 20
    assert said["certifying"] == 0
    assert said["earlier"] == len(drawn) > 0
