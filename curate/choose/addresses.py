"""Every address that was asked for, as columns, and how addresses and scored pictures belong together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.rows import TYPES, coded
from scrapbag.catalog import Record, disputed, record_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from numpy.typing import NDArray

_RECUR = (  # columns of few different words
    *("source", "tags", "creator", "licence", "licence_url", "licence_disputed", "attribution"),
    *("fetched_at", "state", "fetch_reason", "extension", "problem"),
)
_CODES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema({name: _CODES if name in _RECUR else TYPES[name] for name in Record.__annotations__})
_PORTION = 20_000  # addresses that are objects at once


@dataclass(frozen=True)
class Addresses:
    """A addresses, some of which brought one of N scored pictures."""

    table: pa.Table  # (A,) the columns of a Record
    row: NDArray[np.int64]  # (A,) of each address the row of the shards, -1 where its picture was not scored
    main: NDArray[np.int64]  # (N,) of each row the address that is decided on, -1 where none has its bytes any more

    def record(self, row: int) -> Record:
        """The main record of a row of the shards."""
        return Record(**self.table.slice(int(self.main[row]), 1).to_pylist()[0])


def read(connection: sqlite3.Connection, scored: Sequence[str]) -> Addresses:
    """What the catalog has, in the order of discovery; `scored` is the sha256 of each row of the shards.

    An address has every licence that any page states of its bytes, if they are several. Decided on is the first address
    that states a licence, else the first; others that served the very same bytes are exact duplicates of it.
    """
    values = record_values(connection)
    batches = []
    while some := list(islice(values, _PORTION)):
        columns = zip(SCHEMA, zip(*some, strict=True), strict=True)
        batches.append(pa.record_batch([pa.array(column, field.type) for field, column in columns], schema=SCHEMA))
    table = pa.Table.from_batches(batches, SCHEMA).unify_dictionaries().combine_chunks()
    picture, names = _pictures(table)
    table = _agreed(table, picture)
    place = pc.index_in(names, value_set=pa.array(scored, pa.string())).fill_null(-1).to_numpy()
    row = np.append(place, -1)[picture].astype(np.int64)
    return Addresses(table, row, _main(table, row, len(scored)))


def _pictures(table: pa.Table) -> tuple[NDArray[np.int64], pa.Array]:
    """For each address the position of its sha256 among the different ones, -1 for none; and these."""
    column = pc.if_else(pc.equal(table["sha256"], ""), None, table["sha256"])
    found = pa.chunked_array(column.chunks, pa.string()).combine_chunks().dictionary_encode()
    return found.indices.fill_null(-1).to_numpy().astype(np.int64), found.dictionary


def _agreed(table: pa.Table, picture: NDArray[np.int64]) -> pa.Table:
    """The table, each address with every licence that any page states of its bytes, if they are several."""
    several = np.append(np.bincount(picture[picture >= 0]) > 1, False)[picture]
    told = np.asarray(pc.not_equal(table["licence_disputed"].cast(pa.string()), "").to_numpy())
    of_interest = np.flatnonzero(several | (told & (picture >= 0)))
    some = table.select(["licence", "licence_disputed"]).take(pa.array(of_interest)).to_pylist()
    stated: dict[int, list[str]] = defaultdict(list)
    for number, one in zip(picture[of_interest].tolist(), some, strict=True):
        stated[number] += [one["licence"], one["licence_disputed"]]
    said = {number: disputed(licences) for number, licences in stated.items()}
    codes, words = coded(table["licence_disputed"])
    position = {word: code for code, word in enumerate(words)}
    changed = [position.setdefault(said[number], len(position)) for number in picture[of_interest].tolist()]
    codes[of_interest] = changed
    column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(list(position), pa.string()))
    return table.set_column(table.schema.get_field_index("licence_disputed"), "licence_disputed", column)


def _main(table: pa.Table, row: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    codes, words = coded(table["licence"])
    unknown = np.array([word == "unknown" for word in words], dtype=bool)[codes]
    key = np.arange(len(row)) + len(row) * unknown  # those that state a licence come first
    best = np.full(count, 2 * len(row))
    scored = row >= 0
    np.minimum.at(best, row[scored], key[scored])
    return np.where(best < 2 * len(row), best % max(len(row), 1), -1)
