"""Columns as the lines of a CSV file: what scrapbag.plain.write_csv writes of the same values, a column at a time.

Words that need no care are told by one regular expression for a whole column. Only the others, and the numbers that
Python spells in another way than Arrow does, go through write_csv by themselves.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from scrapbag.disk import writing
from scrapbag.plain import plain, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

# Without quotation marks, of letters of ASCII and Latin that are printed as they are: such a cell is written as it is,
# or, with a comma, between quotation marks. It begins with a letter or a digit, so that no spreadsheet computes it
_LETTERS = r"!#-~\x{C0}-\x{24F}"
_CELL = rf"^([A-Za-z0-9]([ {_LETTERS}]*[{_LETTERS}])?)?$"
PORTION = 16_384  # rows that are text at once
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()  # BOM
_PLAIN = r"^([!-~]([ -~]*[!-~])?)?$"


def lines(table: pa.Table, portion: int = PORTION) -> Iterator[bytes | memoryview]:
    """The table as CSV in UTF-8, its names first: so many rows at a time."""
    yield _encoded([], table.column_names)
    for start in range(0, len(table), portion):
        some = table.slice(start, portion)
        columns = [spelt(column) for column in some.columns]
        ends = [*columns[:-1], pc.binary_join_element_wise(columns[-1], "\n", "")]
        text = pc.binary_join_element_wise(*ends, ",")
        yield memoryview(text.buffers()[2])[: pc.sum(pc.binary_length(text)).as_py()]


def write(path: Path, table: pa.Table, *, mark: bool = False) -> bool:
    """Write the table as CSV, whole, and only if something changed. Returns whether it did. `mark` is a BOM."""
    before = path.stat().st_ino if path.exists() else None
    with writing(path, only_changed=True) as part, part.open("wb") as file:
        file.write(_MARK if mark else b"")
        for portion in lines(table):
            file.write(portion)
    return path.stat().st_ino != before


def csv(frame: pd.DataFrame) -> str:
    """Any table as CSV: no cell is a formula (`plain.cell`), an unknown value is an empty cell, and no index."""
    text = io.StringIO(newline="")
    known = frame.astype(object).where(frame.notna(), None)
    write_csv(text, frame.columns, known.itertuples(index=False, name=None))
    return text.getvalue()


def spelt(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as the cells of a CSV file."""
    values = _whole(column)
    if pa.types.is_dictionary(values.type):
        return pc.take(spelt(values.dictionary), values.indices)
    if values.type == pa.string():
        quoted = pc.binary_join_element_wise('"', values, '"', "")
        cells = pc.if_else(pc.match_substring(values, ","), quoted, values)
        return _replaced(values, pc.invert(pc.match_substring_regex(values, _CELL)), _cell, cells)
    if values.type == pa.bool_():
        return pc.if_else(values, "True", "False")
    text = pc.fill_null(pc.cast(values, pa.string()), "")
    if values.type == pa.int64():
        return text
    return pc.fill_null(_replaced(values, _otherwise(values), repr, text), "")


def plain_words(column: pa.ChunkedArray) -> pa.Array:
    """Texts as `plain` has them."""
    values = _whole(column)
    if pa.types.is_dictionary(values.type):
        return pc.take(plain_words(values.dictionary), values.indices)
    return replaced(values, _PLAIN, plain, unlike=True)


def replaced(
    column: pa.ChunkedArray | pa.Array, pattern: str, make: Callable[[str], str], *, unlike: bool = False
) -> pa.Array:
    """Texts, of which `make` changes those that have the pattern, or those that lack it."""
    values = _whole(column)
    found = pc.match_substring_regex(values, pattern)
    return _replaced(values, pc.invert(found) if unlike else found, make)


def _otherwise(values: pa.Array) -> pa.Array:
    """Numbers that Python spells otherwise than Arrow: 1.0 and 1e-06, for 1 and 0.000001."""
    size = pc.abs(values)
    odd = pc.or_(pc.less(size, 1e-4), pc.greater_equal(size, 1e15))
    return pc.fill_null(pc.or_(odd, pc.equal(values, pc.floor(values))), False)


def _replaced(
    values: pa.Array, which: pa.Array, make: Callable[[Any], str], others: pa.Array | None = None
) -> pa.Array:
    """`others`, which are the values themselves unless given, with what `make` says of `which`."""
    if not pc.any(which).as_py():
        return values if others is None else others
    put = [make(value) for value in values.filter(which).to_pylist()]
    return pc.replace_with_mask(values if others is None else others, which, pa.array(put, pa.string()))


def _cell(text: str) -> str:
    return _encoded([text, ""]).decode()[:-2]


def _encoded(row: list[str], names: list[str] | tuple[str, ...] = ()) -> bytes:
    file = io.StringIO(newline="")
    write_csv(file, names, [row] if row else [])
    return file.getvalue().encode()


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
