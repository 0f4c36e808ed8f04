"""Cells of our tables: no spreadsheet computes one, and what was written is read back."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scrapbag.plain import cell, plain, shorten, uncell

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=400)
NASTY = st.text(st.sampled_from("=+-@'\t\r\n \x00\x1b\u202e\ufeff\u00ad\u200b\x85\"a1,;|é漢\ud800"), max_size=8)
TEXTS = st.text() | NASTY


@given(TEXTS)
@example("\u202e=1")
@example("\r=1")
@QUICK
def test_a_cell_never_begins_like_a_formula(text):
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


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
