"""report/scrape.csv: one row for every picture address that was asked for."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING

from scrapbag.catalog import Record, connect, records
from scrapbag.layout import write_text

if TYPE_CHECKING:
    from scrapbag.layout import Data


def export(data: Data) -> bool:
    """Write it, only if its content changed, for Make looks at its time. Returns whether it did."""
    text = io.StringIO()
    with closing(connect(data.catalog)) as connection:
        names = [field.name for field in fields(Record)]
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for record in records(connection):
            writer.writerow([_inert(getattr(record, name)) for name in names])
    return write_text(data.report / "scrape.csv", text.getvalue())


def _inert(value: object) -> object:
    """A text that a spreadsheet would take for a formula, quoted; titles come from strangers."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and value else value
