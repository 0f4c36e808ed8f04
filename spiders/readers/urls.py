"""A list of picture addresses: txt, csv, tsv, jsonl or parquet, read in pieces however long it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w3lib.url import safe_url_string

from scrapbag import sources
from scrapbag.border.hosts import askable
from scrapbag.crawl.frontier import Picture
from scrapbag.errors import MissingError, UsageError
from spiders.readers.base import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = dict[str, Any]


class UrlsReader(Reader[sources.Urls]):
    """Each row is a picture. Only the addresses have to be there; a column that is missing says nothing."""

    def start(self) -> Iterator[Picture]:
        path = Path(self.source.path).expanduser()
        if not path.is_file():
            raise MissingError(f"source {self.source.name!r}: there is no list {path}")
        for row in _rows(path, self.source.url):
            if url := _text(row.get(self.source.url)):
                yield Picture(
                    _safe(url),
                    page_url="",
                    title=_text(row.get(self.source.caption)),
                    licence=_text(row.get(self.source.licence_column)),
                    sha256=_text(row.get(self.source.sha256)).lower(),
                )


def _rows(path: Path, url: str) -> Iterator[Row]:
    """Raises UsageError for a list that is of no known kind, has no column `url`, or is broken."""
    kinds = {".txt": _txt, ".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet}
    if path.suffix.lower() not in kinds:
        raise UsageError(f"{path} is of no known kind; name it {', '.join(kinds)}")
    try:
        for number, row in enumerate(kinds[path.suffix.lower()](path, url)):
            if number == 0 and url not in row:
                raise UsageError(
                    f"{path} has no column {url!r}; it has {', '.join(map(str, row))}: set url in the recipe"
                )
            yield row
    except (ValueError, csv.Error, OSError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _txt(path: Path, url: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if (address := line.strip()) and not address.startswith("#"):
                yield {url: address}


def _csv(path: Path, _url: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")


def _jsonl(path: Path, _url: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ValueError(f"line {number} is no JSON") from error
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no object")
                yield row


def _parquet(path: Path, _url: str) -> Iterator[Row]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (tens of megabytes, for this one kind of list)

    batches: Iterable[Any] = pq.ParquetFile(path).iter_batches(batch_size=1000)
    for batch in batches:
        yield from batch.to_pylist()


def _safe(url: str) -> str:
    try:
        return safe_url_string(askable(url))
    except ValueError:
        return url  # the crawl says what is wrong with it


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
