"""report.csv: one row for every picture address that was asked for, written for people and read back exactly.

report.parquet has the same rows for programs: with types, and words without a spreadsheet's marks.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from curate.report import cells
from curate.rows import COLUMNS, TYPES, Row, Rows
from scrapbag.disk import writing
from scrapbag.errors import MissingError, UsageError
from scrapbag.plain import uncell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from scrapbag.layout import Data

_LATER = {one.name for one in fields(Row) if one.default is not MISSING}  # columns that an older file may lack

_UNLIKE = {"url", "page_url", "source_id", "title", "sha256"}  # texts of which no two are the same
_GROUP = 65_536  # rows of a row group
_TRUE, _FALSE = ["True", "true", "TRUE"], ["False", "false", "FALSE"]


def write_both(data: Data, rows: Rows) -> None:
    """Write report.csv and report.parquet."""
    write(data.report_csv, rows)
    write_parquet(data.report_parquet, rows)


def write(path: Path, rows: Iterable[Row]) -> bool:
    """Write `rows` in their order, whole, and only if something changed. Returns whether it did.

    It begins with a mark (BOM), without which LibreOffice and Excel take UTF-8 for something else.
    """
    known = Rows.of(rows)
    return cells.write(path, _named(known), mark=True, after=known.forget)


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write the same columns as Parquet: a column keeps its type when it is empty, and a title 007 its zeros."""
    known = Rows.of(rows)
    table = _named(known)
    schema = pa.schema({column: TYPES[name] for column, name in COLUMNS.items()})
    recur = [name for name in schema.names if schema.field(name).type == pa.string() and COLUMNS[name] not in _UNLIKE]
    with writing(path, only_changed=True) as part, pq.ParquetWriter(part, schema, use_dictionary=recur) as file:
        for start in range(0, max(len(table), 1), _GROUP):
            some = table.slice(start, _GROUP)
            words = {
                name: cells.plain_words(some[name]) for name in schema.names if schema.field(name).type == pa.string()
            }
            file.write_table(pa.table({name: words.get(name, some[name]) for name in schema.names}, schema))
            known.forget()


def read(path: Path, names: Collection[str] = TYPES) -> Rows:
    """The rows of a report.csv; of those fields alone that are `names`.

    Raises MissingError when there is none, UsageError when its columns are others.
    """
    if not path.exists():
        raise MissingError(f"there is no {path}; run make curate first")
    wrong = UsageError(f"{path} has other columns than this scrapbag writes; run make curate again")
    kinds = {column: TYPES[name] for column, name in COLUMNS.items()}
    convert = pa_csv.ConvertOptions(column_types=kinds, null_values=[""], true_values=_TRUE, false_values=_FALSE)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            listed = file.readline().rstrip("\r\n").split(",")
        there = [column for column, name in COLUMNS.items() if column in listed or name not in _LATER]
        if listed != there:
            raise wrong
        convert.include_columns = [column for column in there if COLUMNS[column] in names]
        with pa_csv.open_csv(path, convert_options=convert) as portions:
            schema = portions.schema
            read_back = [[_uncelled(column) for column in portion.columns] for portion in portions]
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path} ({error}); run make curate again") from None
    columns = {
        COLUMNS[field.name]: pa.chunked_array([part[place] for part in read_back], field.type)
        for place, field in enumerate(schema)
    }
    count = sum(len(part[0]) for part in read_back)
    defaults = {one.name: one.default for one in fields(Row) if one.name in _LATER and one.name in names}
    later = {name: pa.array([value] * count, TYPES[name]) for name, value in defaults.items()}
    return Rows(pa.table({name: (later | columns)[name] for name in TYPES if name in later | columns}))


def _named(rows: Rows) -> pa.Table:
    """The table with the columns of report.csv, in their order."""
    return rows.table.select(list(COLUMNS.values())).rename_columns(list(COLUMNS))


def _uncelled(column: pa.Array) -> pa.Array:
    return cells.replaced(column, "^'", uncell) if column.type == pa.string() else column
