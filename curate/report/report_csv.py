"""report.csv: one row for every picture address that was asked for, written for people and read back exactly.

report.parquet has the same rows for programs: with types, and words without a spreadsheet's marks.
"""

from __future__ import annotations

import io
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.rows import COLUMNS, Row
from scrapbag.disk import write_bytes, writing
from scrapbag.errors import MissingError, UsageError
from scrapbag.plain import plain, uncell, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_KINDS = {"int | None": "Int64", "float | None": "float64", "str": "object", "bool": "bool"}
_TYPES = {field.name: _KINDS[str(field.type)] for field in fields(Row)}
_DTYPES = {column: _TYPES[name] for column, name in COLUMNS.items()}
_LATER = {one.name for one in fields(Row) if one.default is not MISSING}  # columns that an older file may lack


def write(path: Path, rows: Iterable[Row]) -> bool:
    """Write `rows` in their order, whole, and only if something changed. Returns whether it did.

    It begins with a mark (BOM), without which LibreOffice and Excel take UTF-8 for something else.
    """
    return write_bytes(path, csv(_frame(list(rows))).encode("utf-8-sig"))


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write the same columns as Parquet: a column keeps its type when it is empty, and a title 007 its zeros."""
    frame = _frame(list(rows))
    types = {"Int64": pa.int64(), "float64": pa.float64(), "object": pa.string(), "bool": pa.bool_()}
    columns = {
        name: pa.array(frame[name].astype(object).where(frame[name].notna(), None), types[dtype])
        for name, dtype in _DTYPES.items()
    }
    words = [name for name, dtype in _DTYPES.items() if dtype == "object"]
    columns |= {name: pa.array(frame[name].map(plain), pa.string()) for name in words}
    with writing(path, only_changed=True) as part:
        pq.write_table(pa.table(columns), part)


def csv(frame: pd.DataFrame) -> str:
    """Any table as CSV: no cell is a formula (`plain.cell`), an unknown value is an empty cell, and no index."""
    text = io.StringIO(newline="")
    known = frame.astype(object).where(frame.notna(), None)
    write_csv(text, frame.columns, known.itertuples(index=False, name=None))
    return text.getvalue()


def read(path: Path) -> tuple[Row, ...]:
    """The rows of a report.csv. Raises MissingError when there is none, UsageError when its columns are others."""
    if not path.exists():
        raise MissingError(f"there is no {path}; run make curate first")
    try:
        frame = pd.read_csv(path, dtype=_DTYPES, keep_default_na=False, na_values=_numbers())
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path} ({error}); run make curate again") from None
    there = {column: name for column, name in COLUMNS.items() if column in frame.columns or name not in _LATER}
    if list(frame.columns) != list(there):
        raise UsageError(f"{path} has other columns than this scrapbag writes; run make curate again")
    columns = [_values(frame[column]) for column in there]
    return tuple(Row(**dict(zip(there.values(), values, strict=True))) for values in zip(*columns, strict=True))


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    columns = zip(*map(attrgetter(*COLUMNS.values()), rows), strict=True) if rows else [()] * len(COLUMNS)
    return pd.DataFrame(
        {name: pd.Series(values, dtype=_DTYPES[name]) for name, values in zip(COLUMNS, columns, strict=True)}
    )


def _values(column: pd.Series[Any]) -> list[Any]:
    if column.dtype == object:
        return [uncell(value) for value in column]
    return column.astype(object).where(column.notna(), None).tolist()


def _numbers() -> dict[str, list[str]]:
    return {name: [""] for name, dtype in _DTYPES.items() if dtype in {"Int64", "float64"}}
