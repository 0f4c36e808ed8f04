"""Every address that was asked for, as columns, and how addresses and scored pictures belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.rows import records
from curate.rows.columns import coded
from scrapbag.catalog import Record, disputed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from numpy.typing import NDArray

    from curate.scores.shards import Shards
    from scrapbag.layout import Data


@dataclass(frozen=True)
class Addresses:
    """A addresses, some of which brought one of N scored pictures."""

    table: pa.Table  # (A,) the columns of a Record; texts are mapped from a file
    row: NDArray[np.int64]  # (A,) of each address the row of the shards, -1 where its picture was not scored
    main: NDArray[np.int64]  # (N,) of each row the address that is decided on, -1 where none has its bytes any more
    forget: Callable[[], None] = lambda: None  # lets go of the memory that mapped texts have taken

    def record(self, row: int) -> Record:
        """The main record of a row of the shards."""
        return Record(**self.table.slice(int(self.main[row]), 1).to_pylist()[0])


def read(connection: sqlite3.Connection, data: Data, shards: Shards) -> Addresses:
    """What the catalog has, in the order of discovery, and which of the N rows of the shards each address brought.

    An address has every licence that any page states of its bytes, if they are several. Decided on is the first address
    that states a licence, else the first; others that served the very same bytes are exact duplicates of it.
    """
    found = records.read(connection, data)
    table = _agreed(found.table, np.asarray(pc.fill_null(found.table["number"], -1).to_numpy()))
    row = np.concatenate([np.empty(0, np.int64), *(_rows(part, shards) for part in table["sha256"].chunks)])
    found.forget()
    return Addresses(table, row, _main(table, row, len(shards)), found.forget)


def _rows(part: pa.StringArray, shards: Shards) -> NDArray[np.int64]:
    """The row of each sha256, -1 for '' and for one that the shards lack."""
    row = np.full(len(part), -1)
    came = np.asarray(pc.not_equal(part, "").to_numpy(zero_copy_only=False))
    digests = bytes.fromhex("".join(part.filter(pa.array(came)).to_pylist()))
    row[came] = shards.row.find(np.frombuffer(digests, np.uint8).reshape(-1, 32))
    return row


def _agreed(table: pa.Table, picture: NDArray[np.int64]) -> pa.Table:
    """The table, each address with every licence that any page states of its bytes, if they are several.

    `picture` (A,) has one number for all addresses of the same bytes, -1 for none.
    """
    (one, licences), (several, told) = coded(table["licence"]), coded(table["licence_disputed"])
    of_more = np.append(np.bincount(picture[picture >= 0]) > 1, False)[picture]
    disputes = np.array([bool(word) for word in told], dtype=bool)[several]
    of_interest = np.flatnonzero(of_more | (disputes & (picture >= 0)))
    order = of_interest[np.argsort(picture[of_interest], kind="stable")]
    ends = np.flatnonzero(np.diff(picture[order], append=-1)) + 1
    stated = (one * len(told) + several)[order].tolist()  # both texts as one number
    position = {word: code for code, word in enumerate(told)}
    known: dict[tuple[int, ...], int] = {}
    start, codes = 0, []
    for end in ends.tolist():
        said = tuple(stated[start:end])
        if said not in known:
            word = disputed(text for both in said for text in (licences[both // len(told)], told[both % len(told)]))
            known[said] = position.setdefault(word, len(position))
        codes.append(known[said])
        start = end
    several[order] = np.repeat(codes, np.diff(ends, prepend=0)) if codes else []
    column = pa.DictionaryArray.from_arrays(pa.array(several, pa.int32()), pa.array(list(position), pa.string()))
    return table.set_column(table.schema.get_field_index("licence_disputed"), "licence_disputed", column)


def _main(table: pa.Table, row: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    codes, words = coded(table["licence"])
    unknown = np.array([word == "unknown" for word in words], dtype=bool)[codes]
    key = np.arange(len(row)) + len(row) * unknown  # those that state a licence come first
    best = np.full(count, 2 * len(row))
    scored = row >= 0
    np.minimum.at(best, row[scored], key[scored])
    return np.where(best < 2 * len(row), best % max(len(row), 1), -1)
