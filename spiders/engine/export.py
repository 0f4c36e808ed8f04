"""report/scrape.csv: one row for every picture address that was asked for."""

from __future__ import annotations

import csv
import filecmp
import os
from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING

from scrapbag.catalog import Record, connect, records
from scrapbag.disk import sync

if TYPE_CHECKING:
    from scrapbag.layout import Data


def export(data: Data) -> bool:
    """Write it row by row, and in place of the old one only if it differs, for Make looks at its time.

    Returns whether it did.
    """
    names = [field.name for field in fields(Record)]
    data.report.mkdir(parents=True, exist_ok=True)
    target = data.report / "scrape.csv"
    part = data.report / f".scrape.csv.{os.getpid()}.part"
    try:
        with closing(connect(data.catalog)) as connection, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            for record in records(connection):
                writer.writerow([_inert(getattr(record, name)) for name in names])
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and filecmp.cmp(part, target, shallow=False):
            return False
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync(data.report)
    return True


def _inert(value: object) -> object:
    """A text that a spreadsheet would take for a formula, quoted; titles come from strangers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
