"""Columns as the lines of a CSV file: what scrapbag.plain.write_csv writes of the same values, a column at a time.

Words that need no care are told by their bytes, a whole column at once, or else by one regular expression. Only the
others, and the numbers that Python spells in another way than Arrow does, go through write_csv by themselves, each
once.
"""

from __future__ import annotations

import io
import string
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.rows.columns import whole
from scrapbag.disk import writing
from scrapbag.plain import plain, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

# Without quotation marks, of letters of ASCII and Latin that are printed as they are: such a cell is written as it is,
# or, with a comma, between quotation marks. It begins with a letter or a digit, so that no spreadsheet computes it
_LETTERS = r"!#-~\x{C0}-\x{24F}"
_CELL = rf"^([A-Za-z0-9]([ {_LETTERS}]*[{_LETTERS}])?)?$"
PORTION = 16_384  # rows that are text or objects at once
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()  # BOM
_PLAIN = r"^([!-~]([ -~]*[!-~])?)?$"
_BLANK, _TILDE, _QUOTE, _COMMA = b' ~",'  # printed are the bytes of ASCII from the first to the second
_BEGINS = np.isin(np.arange(256), [*(string.ascii_letters + string.digits).encode()])  # a cell that nothing computes


def lines(table: pa.Table, portion: int = PORTION) -> Iterator[bytes | memoryview]:
    """The table as CSV in UTF-8, its names first: so many rows at a time."""
    yield _encoded([], table.column_names)
    for start in range(0, len(table), portion):
        some = table.slice(start, portion)
        columns = [spelt(column) for column in some.columns]
        ends = [*columns[:-1], pc.binary_join_element_wise(columns[-1], "\n", "")]
        text = pc.binary_join_element_wise(*ends, ",")
        yield memoryview(text.buffers()[2])[: pc.sum(pc.binary_length(text)).as_py()]


def write(path: Path, table: pa.Table, *, mark: bool = False, after: Callable[[], None] = lambda: None) -> bool:
    """Write the table as CSV, whole, and only if something changed. Returns whether it did. `mark` is a BOM.

    `after` is called after each portion.
    """
    before = path.stat().st_ino if path.exists() else None
    with writing(path, only_changed=True) as part, part.open("wb") as file:
        file.write(_MARK if mark else b"")
        for portion in lines(table):
            file.write(portion)
            after()
    return path.stat().st_ino != before


def csv(frame: pd.DataFrame) -> str:
    """Any table as CSV: no cell is a formula (`plain.cell`), an unknown value is an empty cell, and no index."""
    text = io.StringIO(newline="")
    known = frame.astype(object).where(frame.notna(), None)
    write_csv(text, frame.columns, known.itertuples(index=False, name=None))
    return text.getvalue()


def spelt(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as the cells of a CSV file."""
    values = whole(column)
    if pa.types.is_dictionary(values.type):
        return pc.take(spelt(values.dictionary), values.indices)
    if values.type == pa.string():
        letters, first, last = _bytes(values)
        cells = _quoted(values) if (letters == _COMMA).any() else values
        if _printed(letters, first, last) and _BEGINS[first].all() and not (letters == _QUOTE).any():
            return cells
        return _replaced(values, pc.invert(pc.match_substring_regex(values, _CELL)), _cell, cells)
    if values.type == pa.bool_():
        return pc.if_else(values, "True", "False")
    text = pc.fill_null(pc.cast(values, pa.string()), "")
    if values.type == pa.int64():
        return text
    return pc.fill_null(_replaced(values, _otherwise(values), repr, text), "")


def plain_words(column: pa.ChunkedArray) -> pa.Array:
    """Texts as `plain` has them."""
    values = whole(column)
    if pa.types.is_dictionary(values.type):
        return pc.take(plain_words(values.dictionary), values.indices)
    if _printed(*_bytes(values)):
        return values
    return replaced(values, _PLAIN, plain, unlike=True)


def replaced(
    column: pa.ChunkedArray | pa.Array, pattern: str, make: Callable[[str], str], *, unlike: bool = False
) -> pa.Array:
    """Texts, of which `make` changes those that have the pattern, or those that lack it."""
    values = whole(column)
    found = pc.match_substring_regex(values, pattern)
    return _replaced(values, pc.invert(found) if unlike else found, make)


def _bytes(values: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The bytes of all texts; and of each that is not empty the first one, and the last one."""
    _, offsets, content = values.buffers()
    if not len(values) or content is None:
        return (np.empty(0, np.uint8),) * 3
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    full, letters = ends[1:] > ends[:-1], np.frombuffer(content, np.uint8)
    return letters[ends[0] : ends[-1]], letters[ends[:-1][full]], letters[ends[1:][full] - 1]


def _printed(letters: NDArray[np.uint8], first: NDArray[np.uint8], last: NDArray[np.uint8]) -> bool:
    """Whether texts of these bytes are printed as they are: ASCII without control characters, no blank at an end."""
    if not letters.size:
        return True
    ascii_ = letters.min() >= _BLANK and letters.max() <= _TILDE
    return bool(ascii_ and (first != _BLANK).all() and (last != _BLANK).all())


def _quoted(values: pa.Array) -> pa.Array:
    """The texts that have a comma between quotation marks."""
    return pc.if_else(pc.match_substring(values, ","), pc.binary_join_element_wise('"', values, '"', ""), values)


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
    some = values.filter(which).dictionary_encode()
    put = pa.array([make(value) for value in some.dictionary.to_pylist()], pa.string()).take(some.indices)
    return pc.replace_with_mask(values if others is None else others, which, put)


def _cell(text: str) -> str:
    return _encoded([text, ""]).decode()[:-2]


def _encoded(row: list[str], names: list[str] | tuple[str, ...] = ()) -> bytes:
    file = io.StringIO(newline="")
    write_csv(file, names, [row] if row else [])
    return file.getvalue().encode()
