"""Columns written at once are, to the byte, what write_csv makes of the same values one by one."""

import io

import pyarrow as pa
import pytest

from curate.report import cells
from scrapbag.plain import plain, write_csv

TEXTS = [
    "", "a", "a quilt", "a, quilt", 'a "star"', "=1+1", "'=1", "-2", "@x", " a", "a ", "a,", ",a", "007", "Löne, 1890",
    "Ünder", "漢字", "\u202e=1", "a\u200bb", "a\nb", "\t", "é", "(x)", "<b>", "x\u00adx", "\u2212 1", "\u115f=1",
]  # fmt: skip
NUMBERS = [None, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-6, 7.9e-5, 0.0001, 0.1 + 0.2, 123456.789, 1e15, 1e16, 1e22, -0.25, 100.0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TEXTS, pa.string()),
        pa.array(TEXTS, pa.string()).dictionary_encode(),
        pa.array(NUMBERS, pa.float64()),
        pa.array([None, 0, -7, 2**60], pa.int64()),
        pa.array([True, False]),
    ],
    ids=["texts", "coded texts", "floats", "whole numbers", "truths"],
)
def test_a_column_is_written_as_its_values_are(column):
    table = pa.table({"one": column, "two, of them": column})
    slowly = io.StringIO(newline="")
    write_csv(slowly, table.column_names, zip(*[column.to_pylist()] * 2, strict=True))
    for portion in (1, 7, 1000):
        assert b"".join(map(bytes, cells.lines(table, portion))) == slowly.getvalue().encode()


def test_words_are_plain_whatever_they_hold():
    column = pa.chunked_array([pa.array(TEXTS[:9]), pa.array(TEXTS[9:])])
    assert cells.plain_words(column).to_pylist() == [plain(text) for text in TEXTS]
    alone = [cells.plain_words(pa.chunked_array([[text]])).to_pylist() for text in TEXTS]
    assert alone == [[plain(text)] for text in TEXTS]
