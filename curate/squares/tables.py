"""The tables beside the squares in curated/: metadata.csv (Hugging Face), CREDITS.csv, dataset.json (StyleGAN)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from curate.report.report_csv import csv
from curate.rows import COLUMNS, square_name
from scrapbag.disk import write_text
from scrapbag.layout import CREDITS, DATASET, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from curate.rows import Row
    from scrapbag.recipe import Curate

_NUMBERS = {"confidence": "float64"} | dict.fromkeys(("level", "number", "width", "height", "size"), "Int64")
_COLUMNS = (
    "file_name confidence level sha256 number label title tags source creator licence licence_url page_url url"
    " width height fit size model"
)  # file_name first, as Hugging Face's ImageFolder wants it
DTYPES = {name: _NUMBERS.get(name, "object") for name in _COLUMNS.split()}  # of metadata.csv, by column


def write(folder: Path, rows: Iterable[Row], settings: Curate, model: str) -> None:
    """Write the three tables of the kept `rows` into `folder`, dataset.json last."""
    kept = sorted((row for row in rows if row.kept and row.number is not None), key=lambda row: row.number or 0)
    write_tables(folder, metadata(kept, settings, model))


def metadata(kept: Sequence[Row], settings: Curate, model: str) -> pd.DataFrame:
    """One row a square. `width` and `height` are the picture's; `size` is the square's side, empty for fit original."""
    made = {
        "file_name": [square_name(row.number or 0) for row in kept],
        "fit": [settings.fit] * len(kept),
        "size": [None if settings.fit == "original" else settings.size] * len(kept),
        "model": [model] * len(kept),
    }
    return pd.DataFrame(
        {
            name: pd.Series(made[name] if name in made else [getattr(row, COLUMNS[name]) for row in kept], dtype=dtype)
            for name, dtype in DTYPES.items()
        }
    )


def write_tables(folder: Path, frame: pd.DataFrame) -> None:
    """Write metadata.csv from `frame`, then its credits, then dataset.json, in which every square has label 0."""
    write_text(folder / METADATA, csv(frame))
    write_credits(folder, frame, frame["file_name"])
    write_text(folder / DATASET, json.dumps({"labels": [[name, 0] for name in frame["file_name"]]}) + "\n")


def write_credits(folder: Path, columns: Mapping[str, Any] | pd.DataFrame, names: Iterable[str]) -> None:
    """Write CREDITS.csv: who made each of the pictures called `names`, and under which licence, from `columns`."""
    words = {"title": "title", "creator": "creator", "licence": "licence", "licence_url": "licence_url"}
    words["page_url"] = "page"
    credit = {column: pd.Series(list(columns[name]), dtype="object") for name, column in words.items()}
    write_text(folder / CREDITS, csv(pd.DataFrame(credit | {"file": list(names)})))
