"""The tables beside squares: metadata.csv or metadata.parquet, CREDITS.csv, dataset.json (StyleGAN)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curate.report.report_csv import csv
from curate.rows import COLUMNS, square_name
from scrapbag.disk import write_bytes, write_text
from scrapbag.layout import CREDITS, DATASET, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from curate.rows import Row
    from scrapbag.recipe import Curate

_WHOLE = ("level", "number", "width", "height", "original_width", "original_height", "size")
_NUMBERS = {"confidence": "float64"} | dict.fromkeys(_WHOLE, "Int64")
_COLUMNS = (
    "file_name confidence level sha256 number label title tags source creator licence licence_url page_url url"
    " width height original_width original_height fit size model"
)  # file_name first, as Hugging Face's ImageFolder wants it
DTYPES = {name: _NUMBERS.get(name, "object") for name in _COLUMNS.split()}  # by column
CREDITED = ("title", "creator", "licence", "licence_url", "page_url")
_ARROW = {"object": pa.string(), "float64": pa.float64(), "Int64": pa.int64()}


def write(folder: Path, rows: Iterable[Row], settings: Curate, model: str) -> None:
    """Write the three tables of the kept `rows` into `folder`, dataset.json last."""
    kept = sorted((row for row in rows if row.kept and row.number is not None), key=lambda row: row.number or 0)
    write_frame(folder, metadata(kept, settings, model))


def write_frame(folder: Path, frame: pd.DataFrame) -> None:
    """Write the three tables of squares whose rows are `frame`, dataset.json last."""
    write_text(folder / METADATA, csv(frame))
    write_bytes(folder / CREDITS, credits_csv(frame).encode("utf-8-sig"))
    write_text(folder / DATASET, dataset_json(frame["file_name"]))


def metadata(kept: Sequence[Row], settings: Curate, model: str) -> pd.DataFrame:
    """One row a square: `width` and `height` are its own, the others its picture's; no `size` for fit original."""
    original = settings.fit == "original"
    made = {
        "file_name": [square_name(row.number or 0) for row in kept],
        "width": [row.width if original else settings.size for row in kept],
        "height": [row.height if original else settings.size for row in kept],
        "original_width": [row.width for row in kept],
        "original_height": [row.height for row in kept],
        "fit": [settings.fit] * len(kept),
        "size": [None if original else settings.size] * len(kept),
        "model": [model] * len(kept),
    }
    return pd.DataFrame(
        {
            name: pd.Series(made[name] if name in made else [getattr(row, COLUMNS[name]) for row in kept], dtype=dtype)
            for name, dtype in DTYPES.items()
        }
    )


def older(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of metadata.csv in their order, also where an older scrapbag wrote the picture's size as width."""
    if "original_width" not in frame.columns:
        frame = frame.rename(columns={"width": "original_width", "height": "original_height"})
        sides = {side: frame["size"].fillna(frame[f"original_{side}"]) for side in ("width", "height")}
        frame = frame.assign(**sides)
    return frame[list(DTYPES)]


def parquet(frame: pd.DataFrame) -> bytes:
    """A table with the columns and types of DTYPES, whatever they hold; Hugging Face's ImageFolder reads it.

    A CSV cannot: there a licence NA is nothing, and a column without a value has no type, so that two data sets do not
    go together.
    """
    schema = arrow_schema()
    columns = [pa.array(frame[field.name].astype(object).where(frame[field.name].notna(), None), field.type)
               for field in schema]  # fmt: skip
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), buffer)
    return buffer.getvalue()


def arrow_schema(*, image: bool = False) -> pa.Schema:
    """The types of DTYPES; with `image` in place of file_name, as Hugging Face keeps pictures in a table."""
    columns = {name: _ARROW[dtype] for name, dtype in DTYPES.items() if not (image and name == "file_name")}
    if not image:
        return pa.schema(columns)
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {name: {"dtype": _of_hub(kind), "_type": "Value"} for name, kind in columns.items()}
    first = {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()})}
    return pa.schema(first | columns).with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def as_arrow(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def credits_csv(frame: pd.DataFrame) -> str:
    """Title, creator, licence, licence_url, page and file of each square."""
    credit = frame[[*CREDITED, "file_name"]]
    return csv(credit.rename(columns={"page_url": "page", "file_name": "file"}))


def dataset_json(names: Iterable[str]) -> str:
    """StyleGAN's table, in which every square has label 0."""
    return json.dumps({"labels": [[name, 0] for name in names]}) + "\n"


def _of_hub(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_floating(kind) else str(kind)
