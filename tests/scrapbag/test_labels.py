"""Answers are kept, taken back, exported and imported."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scrapbag import catalog, labels
from scrapbag.errors import UsageError
from scrapbag.labels import Act, Label

QUILT = ("quilt",)
ONE, OTHER = "a" * 64, "b" * 64
DRAWN = {"version": "0123", "threshold": 0.9}


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    catalog.connect(tmp_path / "catalog.db", create=True).close()
    return labels.connect(tmp_path / "catalog.db")


def test_the_last_answer_to_a_question_holds(connection: sqlite3.Connection) -> None:
    labels.add(connection, [Label(ONE, "yes", QUILT, "teach"), Label(ONE, "no", QUILT, "teach")])
    assert labels.latest(labels.every(connection, QUILT))[ONE].answer == "no"


def test_an_answer_taken_back_is_still_known_to_have_been_given(connection: sqlite3.Connection) -> None:
    first, second = labels.add(connection, [Label(ONE, "yes", QUILT, "certify"), Label(ONE, "no", QUILT, "teach")])
    labels.undo(connection, first)
    assert [(one.id, one.undone) for one in labels.every(connection, QUILT)] == [(second, False)]
    ever = labels.every(connection, QUILT, undone=True)
    assert [(one.id, one.undone) for one in ever] == [(first, True), (second, False)]


def test_an_answer_taken_back_uncovers_the_one_before(connection: sqlite3.Connection) -> None:
    labels.add(connection, [Label(ONE, "yes", QUILT, "teach")])
    [later] = labels.add(connection, [Label(ONE, "no", QUILT, "teach")])
    assert labels.undo(connection, later) == Label(ONE, "no", QUILT, "teach", id=later)
    assert labels.undo(connection, later) is None
    assert labels.latest(labels.every(connection, QUILT))[ONE].answer == "yes"


def test_an_answer_belongs_to_its_question(connection: sqlite3.Connection) -> None:
    labels.add(connection, [Label(ONE, "no", ("shoe",), "teach"), Label(ONE, "yes", ("hat", "bag"), "teach")])
    assert labels.every(connection, QUILT) == []
    assert [label.answer for label in labels.every(connection, ("bag", "hat"))] == ["yes"]


def test_how_a_picture_was_drawn_is_kept_with_its_answer(connection: sqlite3.Connection) -> None:
    labels.add(connection, [Label(ONE, "yes", QUILT, "certify", DRAWN, "2026-01-02T03:04:05.678+00:00")])
    [label] = labels.every(connection)
    assert (label.purpose, label.drawn, label.at) == ("certify", DRAWN, "2026-01-02T03:04:05.678+00:00")


@pytest.mark.parametrize(
    ("label", "named"),
    [
        (Label("../etc/passwd", "yes", QUILT), "sha256"),
        (Label(ONE, "maybe", QUILT), "answer"),
        (Label(ONE, "yes", QUILT, "guess"), "purpose"),
    ],
    ids=["picture", "answer", "purpose"],
)
def test_what_is_no_answer_is_refused_and_nothing_is_written(
    connection: sqlite3.Connection, label: Label, named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        labels.add(connection, [Label(OTHER, "yes", QUILT), label])
    assert labels.every(connection) == []


def test_labels_come_back_from_their_file_and_a_second_import_adds_none(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    given = [Label(ONE, "yes", QUILT, "certify", DRAWN, labels.now()), Label(OTHER, "unsure", ("käse", "x"), "teach")]
    labels.add(connection, given)
    assert labels.export(connection, tmp_path / "labels.csv") == (2, True)
    assert labels.export(connection, tmp_path / "labels.csv") == (2, False)
    catalog.connect(tmp_path / "new" / "catalog.db", create=True).close()
    other = labels.connect(tmp_path / "new" / "catalog.db")
    assert [labels.load(other, tmp_path / "labels.csv") for _ in range(2)] == [(2, 2), (0, 2)]
    assert [replace(label, id=0) for label in labels.every(other)] == given


def test_a_corrected_line_takes_the_place_of_what_it_corrects(connection: sqlite3.Connection, tmp_path: Path) -> None:
    given = [
        Label(ONE, "yes", QUILT, "certify", DRAWN, labels.now()),
        Label(OTHER, "yes", QUILT, "teach", {"tab": "t"}, labels.now()),
        Label(OTHER, "no", QUILT, "teach", {"tab": "t"}, "2030-01-01T00:00:00Z"),  # a second thought
    ]
    labels.add(connection, given)
    path = tmp_path / "labels.csv"
    labels.export(connection, path)
    first, second, third, fourth = path.read_text().splitlines(keepends=True)
    path.write_text(first + second.replace(",yes,", ",no,") + third.replace(",yes,", ",unsure,") + fourth)
    assert labels.load(connection, path) == (2, 3)
    assert labels.load(connection, path) == (0, 3)
    wanted = [replace(given[0], answer="no"), replace(given[1], answer="unsure"), given[2]]
    assert [replace(label, id=0) for label in labels.every(connection)] == wanted
    assert labels.latest(labels.every(connection))[OTHER].answer == "no"  # the second thought holds on


def test_an_answer_taken_back_is_not_exported(connection: sqlite3.Connection, tmp_path: Path) -> None:
    [only] = labels.add(connection, [Label(ONE, "yes", QUILT)])
    labels.undo(connection, only)
    assert labels.export(connection, tmp_path / "labels.csv")[0] == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sha256,answer\n", "no column targets"),
        (f"sha256,answer,targets\n{ONE},yes,quilt\n", "line 2"),
        (f'sha256,answer,targets\n{ONE},yes,"[""quilt""]"\n{ONE},ja,"[]"\n', "line 3: answer is 'ja'"),
        (f'sha256,answer,targets\n{ONE},yes,"[1, null]"\n', "targets is"),
        (f'sha256,answer,targets\n{ONE},yes,"{"[" * 50_000}"\n', "targets is .{42}; write"),
        (f'sha256,answer,targets,drawn\n{ONE},yes,[],"[1]"\n', "drawn is"),
        ("sha256,answer,targets\n../../etc/passwd,yes,[]\n", "sha256 is"),
        (f"sha256,answer,targets\n{ONE}\n", "line 2"),
        (f"sha256,answer,targets\n{ONE},yes,{'x' * 200_000}\n", "cannot read"),
        ("", "no column sha256"),
    ],
    ids=["column", "targets", "answer", "numbers", "deep", "drawn", "picture", "short line", "long cell", "empty"],
)
def test_a_file_that_cannot_be_used_is_refused_whole(
    connection: sqlite3.Connection, tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UsageError, match=named):
        labels.load(connection, tmp_path / "labels.csv")
    assert labels.every(connection) == []


def test_a_folder_or_latin_text_is_one_sentence_too(connection: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(f"sha256,answer,targets\n{ONE},yes,[]\nK\xe4se".encode("latin-1"))
    for path in (tmp_path, tmp_path / "latin.csv"):
        with pytest.raises(UsageError, match="cannot read"):
            labels.load(connection, path)
    assert labels.every(connection) == []


def test_labels_of_pictures_that_are_not_here_wait_and_a_file_of_no_picture_that_is_here_is_refused(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    picture = "insert into picture (sha256, extension, bytes, added_at) values (?, 'jpg', 1, '')"
    connection.execute(picture, (ONE,))
    path = tmp_path / "labels.csv"
    path.write_text(f"sha256,answer,targets\n{OTHER},yes,[]\n")
    with pytest.raises(UsageError, match="none of its 1 is in this dataset"):
        labels.load(connection, path)
    path.write_text(f"sha256,answer,targets\n{OTHER},yes,[]\n{ONE},no,[]\n")
    assert labels.load(connection, path) == (2, 1)


def test_a_killed_process_loses_no_answer_that_add_returned_for(tmp_path: Path) -> None:
    catalog.connect(tmp_path / "catalog.db", create=True).close()
    program = f"""
import itertools, sys
from pathlib import Path
from scrapbag import labels
connection = labels.connect(Path({str(tmp_path / "catalog.db")!r}))
for number in itertools.count():
    labels.add(connection, [labels.Label(f"{{number:064x}}", "yes", ("quilt",), "teach")])
    print(number, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as told:
        for line in told:
            if int(line) == 25:
                process.kill()
                break
        last = max([25, *map(int, told.read().split())])
    process.wait()
    with labels.connect(tmp_path / "catalog.db") as connection:
        assert len(labels.every(connection)) > last


def test_many_answers_are_one_act_that_is_given_once_and_taken_back_whole(connection: sqlite3.Connection) -> None:
    labels.add(connection, [Label(ONE, "yes", QUILT, "certify")])
    first, second = (Act(number * 36, "no", 0, "2026", QUILT) for number in "12")
    for _ in range(2):  # as when the page did not hear that it was written
        assert labels.give(connection, first, [ONE, OTHER], "lasso") == replace(first, count=2)
    assert labels.give(connection, second, [ONE], "lasso").count == 1
    given = labels.every(connection, QUILT)
    assert [(one.purpose, one.drawn.get("how")) for one in given] == [("certify", None), *[("teach", "lasso")] * 3]
    assert [act.id for act in labels.acts(connection)] == [first.id, second.id]
    assert labels.take_back(connection, first.id) == 2
    assert labels.take_back(connection, first.id) == 0
    assert [act.id for act in labels.acts(connection)] == [second.id]
    assert labels.take_back(connection, second.id) == 1
    assert [(one.sha256, one.answer) for one in labels.every(connection)] == [(ONE, "yes")], (
        "what was said before holds"
    )


def test_an_act_that_cannot_be_written_whole_is_not_written(connection: sqlite3.Connection) -> None:
    with pytest.raises(UsageError, match="sha256"):
        labels.give(connection, Act("1" * 36, "no", 0, "2026", QUILT), [ONE, "x"], "lasso")
    assert labels.every(connection, undone=True) == []


def test_one_name_for_the_same_answers_in_any_order() -> None:
    one, other = Label(ONE, "yes", QUILT), Label(OTHER, "no", QUILT)
    assert (
        labels.digest([one, other]) == labels.digest([other, one]) != labels.digest([one, replace(other, answer="yes")])
    )
