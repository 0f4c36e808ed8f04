"""Cells of our tables: no spreadsheet computes one, and what was written is read back."""

import csv
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scrapbag.plain import cell, plain, shorten, uncell, write_csv

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=400)
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u207a\u207b\u208c\u208a\u2212\ufb29"
BEFORE = " '\u200b\u200c\u200d\u2060\ufeff\u00ad\u00a0\u3000\u2009"
BEFORE += "\u202e\u2066\u061c\u3164\u034f\ufe0f\u0301\t\r\n\x00\x1b\x9b"
NEVER = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
NASTY = st.text(st.sampled_from("=+-@'\t\r\n \x00\x1b\u202e\ufeff\u00ad\u200b\x85\"a1,;|é漢\ud800"), max_size=8)
TEXTS = st.text() | NASTY


@given(TEXTS)
@example("\u202e=1")
@example("\r=1")
@QUICK
def test_a_cell_never_begins_like_a_formula(text):
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.text(st.sampled_from(BEFORE), max_size=4), st.sampled_from(SIGNS), TEXTS)
@QUICK
def test_a_sign_in_any_width_behind_anything_unseen_is_defused_and_read_back(before, sign, after):
    text = f"{before}{sign}{after}"
    assert cell(text).startswith("'")
    assert uncell(cell(text)) == plain(text)
    assert sign in uncell(cell(text))


@given(st.text(st.characters()), st.text(st.sampled_from(BEFORE + SIGNS)))
@QUICK
def test_no_control_and_no_mark_that_reorders_stands_in_a_table(one, other):
    file = io.StringIO(newline="")
    write_csv(file, ["name"], [[one + other + one, 1, None, -0.5]])
    _, line = file.getvalue().splitlines() if "\x85" not in one else ("", "")
    assert not NEVER.search(line)
    assert line.endswith(",1,,-0.5") or not line


@pytest.mark.parametrize(
    "text",
    [
        "caf\u00e9 \u2013 \u5e83\u3044",
        "\U0001f469\u200d\U0001f3a8",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u2764\ufe0f red",
        "2\u00b2 = 4",
        "e\u0301t\u00e9",
        "\u05e9\u05dc\u05d5\u05dd",
        "3 x 4",
    ],
    ids=["dash", "artist", "joiner", "heart", "square", "accent", "hebrew", "plain"],
)
def test_what_people_write_comes_back_whole(text):
    assert cell(text) == uncell(cell(text)) == text


@given(TEXTS)
@example("'=1")
@example("''@")
@QUICK
def test_a_cell_read_back_is_the_text_without_what_nobody_sees(text):
    assert uncell(cell(text)) == plain(text)
    assert plain(plain(text)) == plain(text)


@given(st.lists(TEXTS, min_size=1, max_size=4))
@QUICK
def test_cells_survive_a_csv_file_as_one_line(texts):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerow(map(cell, texts))
    text = file.getvalue()
    assert text.count("\n") == 1
    assert text.encode()  # no half characters, which no file takes
    (row,) = csv.reader(io.StringIO(text, newline=""))
    assert [uncell(one) for one in row] == [plain(one) for one in texts]


@given(st.text(st.characters(max_codepoint=0x7F)), st.integers(1, 12), st.booleans())
@QUICK
def test_a_shortened_text_is_as_wide_as_asked_and_begins_like_the_text(text, width, right):
    shown = shorten(text, width, right=right)
    assert len(shown) == width
    assert plain(text).startswith(shown.strip().removesuffix("…"))


@pytest.mark.parametrize("text", ["plain", "'quoted'", "'=1", "''@", "-", "naïve", ""])
def test_harmless_text_comes_back_as_it_was(text):
    assert uncell(cell(text)) == text
