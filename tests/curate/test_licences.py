"""Which licence a picture has, and what `require_licence` makes of it."""

from contextlib import closing

import pytest
from choose_pictures import folder

from benchmarks.support.folder_data import dataset
from curate import run
from curate.scores.stage import score
from scrapbag import catalog
from scrapbag.recipe import Curate, Score


@pytest.fixture
def files(tmp_path):
    return folder(tmp_path / "files", 3)


def rules(*licences):
    """Quality rules alone, and these licences."""
    return Curate(targets=(), threshold=0.0, size=32, min_side=16, require_licence=licences)


def test_a_licence_that_was_not_asked_for_drops_a_picture(files, tmp_path):
    data = dataset(tmp_path / "x", files[:3], licence={files[0]: "CC0-1.0", files[1]: "unknown", files[2]: "cc0-1.0"})
    score(Score(model="none"), data)
    outcome = run.curate(rules("CC0-1.0"), data)
    assert [row.reason for row in outcome.rows] == ["", "licence", ""]


STATED = ("CC0-1.0", "CC-BY-NC-4.0")


@pytest.mark.parametrize("stated", [STATED, STATED[::-1], ("unknown", *STATED)], ids=str)
@pytest.mark.parametrize("by", ["pages", "addresses"])
def test_a_picture_of_two_licences_is_disputed_and_the_stricter_counts(files, tmp_path, stated, by):
    data = dataset(tmp_path / "x", files[:2], licence={files[0]: stated[0], files[1]: "CC0-1.0"})
    with closing(catalog.connect(data.catalog)) as connection:
        (first,) = [one for one in catalog.records(connection) if one.number == 1]
        for number, licence in enumerate(stated[1:]):
            url = first.url if by == "pages" else f"{first.url}?{number}"
            connection.execute(
                "insert into sighting (url, page_url, source, licence) values (?, ?, ?, ?)",
                (url, f"https://zz.example/{number}", first.source, licence),
            )
            if by == "addresses":
                connection.execute(
                    "insert into request (url, host, source, kind, state, attempts, sha256)"
                    " values (?, 'a', ?, 'picture', 'done', 1, ?)",
                    (url, first.source, first.sha256),
                )
        found = list(catalog.records(connection))
    assert [one.licence_disputed for one in found if one.number == 2] == [""]
    score(Score(model="none"), data)
    kept = {}
    for wanted in ((), ("CC0-1.0",), STATED):
        rows = run.curate(rules(*wanted), data).rows
        kept[wanted] = [any(row.kept for row in rows if row.number == number) for number in (1, 2)]
        ours = [row for row in rows if row.number == 1]
        assert {row.licence_disputed for row in ours} == {"CC-BY-NC-4.0 | CC0-1.0"}
    assert kept == {(): [True, True], ("CC0-1.0",): [False, True], STATED: [True, True]}
