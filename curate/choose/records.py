"""What the catalog says of every address, as columns in a file beside it, read anew only when the catalog has changed.

SQLite gives a million addresses in half a minute, and another threshold changes none of them. The file is mapped into
memory: of a column that nobody looks at, nothing is read. It holds the stamp of the catalog that it was read from, and
counts only while that is the stamp of the catalog that is there: whatever was written to it meanwhile, a crawl's answer
or a person's, has the file made again, so it never has to be deleted.
"""

from __future__ import annotations

import hashlib
import logging
import time
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from curate.rows import TYPES, whole
from scrapbag.catalog import RECORDS, Record, record_values
from scrapbag.disk import sweep, writing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
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


def read(connection: sqlite3.Connection, data: Data) -> pa.Table:
    """The columns of a Record for every address, in the order of discovery: numbers and codes in memory, texts mapped.

    `connection` is open on `data.catalog`. Later writes to the catalog or to the file change nothing in the table.
    """
    stamp = stamped(data.catalog)
    if stamp and (table := _opened(data.addresses, stamp)):
        return table
    sweep(data.records)
    with writing(data.addresses) as part:
        _write(part, connection, stamp)
        return _table(part)


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


def _opened(path: Path, stamp: str) -> pa.Table | None:
    """The file's table; None where it is of another catalog or another version, or is damaged."""
    try:
        with pa.OSFile(str(path)) as file:
            schema = pa.ipc.open_file(file).schema
        of = (schema.metadata or {}).get(_OF.encode(), b"").decode()
        return _table(path) if of == stamp and schema.equals(SCHEMA) else None
    except FileNotFoundError:
        pass
    except (OSError, pa.ArrowInvalid) as error:
        log.warning("%s cannot be read (%s) and is made again from the catalog", path, error)
    return None


def _table(path: Path) -> pa.Table:
    """Texts are mapped, the others read: what is mapped and then copied would be in memory twice."""
    texts = [place for place, field in enumerate(SCHEMA) if field.type == pa.string()]
    others = [place for place in range(len(SCHEMA)) if place not in texts]
    with pa.OSFile(str(path)) as file:
        read = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=others)).read_all()
    mapped = pa.ipc.open_file(pa.memory_map(str(path)), options=pa.ipc.IpcReadOptions(included_fields=texts)).read_all()
    columns = {name: whole(read[name]) for name in read.column_names} | dict(
        zip(mapped.column_names, mapped.columns, strict=True)
    )
    return pa.table([columns[name] for name in SCHEMA.names], SCHEMA)


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
