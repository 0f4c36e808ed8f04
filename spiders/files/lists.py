"""The rows of a list of pictures: text in any dialect, JSON or Parquet; packed; a folder of them, or a pattern."""

from __future__ import annotations

import csv
import glob
import json
import lzma
import zlib
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scrapbag.errors import MissingError, UsageError
from spiders.files.columns import columns_of, plain_name
from spiders.files.dialect import Table
from spiders.files.lines import lines, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spiders.files.dialect import Chosen
    from spiders.files.passed import Passed

Row = dict[str, Any]

ENDINGS = (".txt", ".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".json", ".parquet")
_PACKED = (".gz", ".bz2", ".xz")
_SAMPLE = 100  # rows by which a list's columns are known
_MOST_JSON = 1 << 28  # bytes of one JSON document
_SHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
# What a list that is damaged, or none, makes its decoders raise
BROKEN = (OSError, EOFError, ValueError, csv.Error, zlib.error, lzma.LZMAError)


def files(path: str, passed: Passed) -> list[Path]:
    """The lists at `path`: a file, those in a folder, or those that a pattern (*, ?, [...], **) names; in order.

    What is no list is passed over. Raises MissingError where nothing is there.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return [place]
    found = sorted(place.rglob("*") if place.is_dir() else map(Path, glob.glob(str(place), recursive=True)))  # noqa: PTH207  (it may be absolute)
    lists = []
    for file in (one for one in found if one.is_file()):
        if file.name.startswith((".", "_")):
            passed.add("system", file.name)
        elif _ending(file) in ENDINGS:
            lists.append(file)
        else:
            passed.add("no_list", file.name)
    if not lists:
        raise MissingError(f"there is no list {place}" + (f"; it holds none of {', '.join(ENDINGS)}" if found else ""))
    return lists


def rows(path: Path, chosen: Chosen) -> Iterator[Row | None]:
    """Every row of the list at `path` by its columns; None for one that cannot be read.

    Raises UsageError for what is no list, has no column of addresses or is broken.
    """
    wanted = dict(chosen).get("url", "url")
    try:
        with path.open("rb") as file:
            found = read(file, path.name, chosen)
            first = list(islice(found, _SAMPLE))
            names = tuple(dict.fromkeys(name for row in first if row for name in row))
            known = columns_of(names, chosen).get("url", ())
            asked = wanted != "url" and plain_name(wanted) not in map(plain_name, names)
            if first and (not known or asked):
                raise UsageError(
                    f"{path} has no column {wanted!r}; it has {', '.join(map(str, names[:20])) or 'no readable row'}:"
                    " set url in the recipe"
                )
            yield from chain(first, found)
    except BROKEN as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def read(file: IO[bytes], name: str, chosen: Chosen = ()) -> Iterator[Row | None]:
    """Every row of a list that is open, known by its first bytes. Raises what BROKEN names, and UsageError."""
    start = file.read(8)
    file.seek(0)
    if start.startswith(b"PAR1"):
        return _parquet(file, chosen)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or Path(name).suffix.lower() in _SHEETS:
        raise UsageError(f"{name} is a spreadsheet or an archive; save it as CSV, and write that file's path")
    text = unpacked(file)
    if text.peek(1)[:8].startswith(b"PAR1"):
        raise UsageError(f"{name} is a packed Parquet file; unpack it")
    body = lines(text)
    if _ending(Path(name)) == ".txt":
        body = (line for line in body if not line.lstrip().startswith("#"))
    first = next((line for line in body if line.strip()), "")
    body = chain([first], body)
    if first.lstrip().startswith("{"):
        return _json_lines(body)
    if first.lstrip().startswith("["):
        return _json(body)
    return iter(Table(body, chosen))


def _json_lines(body: Iterable[str]) -> Iterator[Row | None]:
    """JSON Lines; or one object over several lines that holds a list of objects."""
    for line in body:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else None


def _json(body: Iterable[str]) -> Iterator[Row | None]:
    text, size = [], 0
    for line in body:
        text.append(line)
        size += len(line)
        if size > _MOST_JSON:
            raise ValueError("it is one JSON document of more than 256 MB; write a line an object (JSON Lines)")
    for row in json.loads("\n".join(text)):
        yield row if isinstance(row, dict) else {"url": row} if isinstance(row, str) else None


def _parquet(file: IO[bytes], chosen: Chosen) -> Iterator[Row | None]:
    """The columns that say something; pictures that lie in the file itself are not read."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (tens of megabytes, for this one kind of list)

    table = pq.ParquetFile(file)
    within = [field.name for field in table.schema_arrow if "binary" in str(field.type)]
    known = columns_of(tuple(name for name in table.schema_arrow.names if name not in within), chosen)
    if "url" not in known:
        if within:
            raise ValueError(f"pictures lie in the file itself, in {within[0]!r}; save them as files, for kind folder")
        yield dict.fromkeys(table.schema_arrow.names)
        return
    used = [name for some in known.values() for name in some]
    for batch in table.iter_batches(batch_size=1000, columns=used):
        yield from batch.to_pylist()


def _ending(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-2] if suffixes[1:] and suffixes[-1] in _PACKED else suffixes[-1] if suffixes else ""
