"""report/scrape.csv: one row for every picture address that was asked for."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING

from pipelines.sniff import look_again
from scrapbag.catalog import Record, connect, records
from scrapbag.disk import writing
from scrapbag.plain import write_csv

if TYPE_CHECKING:
    from scrapbag.layout import Data


def export(data: Data) -> None:
    """Write it row by row, in place of the old one only if it differs."""
    names = [field.name for field in fields(Record)]
    with (
        closing(connect(data.catalog)) as connection,
        writing(data.scrape_csv, only_changed=True) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        look_again(connection, data)
        write_csv(file, names, (map(record.__getattribute__, names) for record in records(connection)))


def waiting(data: Data) -> int:
    """How many requests of the recipe's sources, as they were at the last crawl, wait for the next one."""
    query = """select count(*) from request join source on source.name = request.source
        where state in ('queued', 'leased') and source.active and request.edition = source.edition"""
    with closing(connect(data.catalog)) as connection:
        return int(connection.execute(query).fetchone()[0])
