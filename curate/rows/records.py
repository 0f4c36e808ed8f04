"""What the catalog says of every address, as columns in a file beside it, read anew only when the catalog has changed.

SQLite gives a million addresses in half a minute, and another threshold changes none of them. The file is mapped into
memory: of a column that nobody looks at, nothing is read. It holds the stamp of the catalog that it was read from, and
counts only while that is the stamp of the catalog that is there: whatever was written to it meanwhile, a crawl's answer
or a person's, has the file made again, so it never has to be deleted.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import time
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from curate.rows import TYPES
from curate.rows.columns import whole
from scrapbag.catalog import RECORDS, Record, record_values
from scrapbag.disk import sweep, writing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scrapbag.layout import Data

VERSION = 1  # raise it by hand when the same catalog gives other values
SETTLED_S = 2.0  # seconds after which a write to a file has another date than the one before it, on any disk
_RECUR = (  # columns of few different words
    *("source", "licence", "licence_url", "licence_disputed", "state", "fetch_reason", "extension", "problem"),
)
_CODES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema({name: _CODES if name in _RECUR else TYPES[name] for name in Record.__annotations__})
_OF = "of"  # the stamp of the catalog, in the file's metadata
_PORTION = 16_384  # addresses that are objects at once
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Records:
    """Every address, in the order of discovery."""

    table: pa.Table  # (A,) the columns of a Record: numbers and codes in memory, texts mapped
    forget: Callable[[], None]  # lets go of the memory that mapped texts have taken; they can be read again after it


def read(connection: sqlite3.Connection, data: Data) -> Records:
    """What the catalog says now. `connection` is open on `data.catalog`.

    Later writes to the catalog change nothing in the table, nor does another file in the place of this one.
    """
    stamp = stamped(data.catalog)
    if stamp and (found := _opened(data.addresses, stamp)):
        return found
    sweep(data.records)
    with writing(data.addresses) as part:
        _write(part, connection, stamp)
        return _mapped(part)[1]


def stamped(path: Path) -> str:
    """What tells this state of the catalog from every other: '' where it was written to so lately that nothing does.

    SQLite writes to the catalog or to its log (WAL), and either way the kernel gives that file a later date; but two
    writes within one tick of its clock have the same. The catalog's date of change (ctime), which no program can set,
    tells a copy that was put in its place with its dates; the log's says nothing, as SQLite opens it with an fchown.
    """
    first = _state(path.with_name(f"{path.name}-wal"))  # of a log that goes now the catalog has a later date than this
    catalog = _state(path)
    dates = [path.stat().st_ctime_ns, *catalog[-1:], *first[-1:]]
    if max(dates) > time.time_ns() - SETTLED_S * 1e9:
        return ""
    asked = hashlib.sha256(RECORDS.encode()).hexdigest()[:16]
    return f"{VERSION} {asked} {dates[0]} {catalog} {first}"


def _state(path: Path) -> tuple[int, ...]:
    """Which file is there and when it was written to; () where there is none, or one without a byte."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return ()
    return (there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns) if there.st_size else ()


def _opened(path: Path, stamp: str) -> Records | None:
    """What is in the file; None where it is of another catalog or another version, or is damaged."""
    try:
        schema, found = _mapped(path)
        of = (schema.metadata or {}).get(_OF.encode(), b"").decode()
        return found if of == stamp and schema.equals(SCHEMA) else None
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # ArrowInvalid is one, and an empty file cannot be mapped
        log.warning("%s cannot be read (%s) and is made again from the catalog", path, error)
    return None


def _mapped(path: Path) -> tuple[pa.Schema, Records]:
    """What is in a file, and the schema as it has it."""
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    table = pa.ipc.open_file(pa.py_buffer(pages)).read_all()
    columns = [one if one.type == pa.string() else _copied(whole(one)) for one in table.columns]
    found = Records(pa.table(columns, table.schema.names), partial(pages.madvise, mmap.MADV_DONTNEED))
    found.forget()
    return table.schema, found


def _copied(column: pa.Array) -> pa.Array:
    """The same with its words in memory of their own."""
    if not pa.types.is_dictionary(column.type):
        return column
    return pa.DictionaryArray.from_arrays(column.indices, pa.array(column.dictionary.to_pylist(), pa.string()))


def _write(path: Path, connection: sqlite3.Connection, stamp: str) -> None:
    """Write what `connection` sees now. A write to the catalog after `stamp` was taken leaves it with another one."""
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    schema = SCHEMA.with_metadata({_OF: stamp})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as records:
        for batch in _batches(connection):
            records.write_batch(batch)


def _batches(connection: sqlite3.Connection) -> Iterator[pa.RecordBatch]:
    values = record_values(connection)
    words: dict[str, dict[str, int]] = {name: {} for name in _RECUR}
    while some := list(islice(values, _PORTION)):
        columns = []
        for field, column in zip(SCHEMA, zip(*some, strict=True), strict=True):
            if field.name not in words:
                columns.append(pa.array(column, field.type))
                continue
            known = words[field.name]
            codes = pa.array([known.setdefault(word, len(known)) for word in column], pa.int32())
            columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(list(known), pa.string())))
        yield pa.record_batch(columns, schema=SCHEMA)
