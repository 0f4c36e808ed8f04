"""The tables beside squares: metadata.csv or metadata.parquet, CREDITS.csv, dataset.json (StyleGAN)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.report import cells
from curate.rows import COLUMNS, Rows, square_name
from scrapbag.disk import writing
from scrapbag.layout import CREDITS, DATASET, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd

    from curate.rows import Row
    from scrapbag.recipe import Curate

_WHOLE = ("level", "number", "width", "height", "original_width", "original_height", "size")
_NUMBERS = {"confidence": "float64"} | dict.fromkeys(_WHOLE, "Int64")
_COLUMNS = (
    "file_name confidence level sha256 number label title tags source creator licence licence_url page_url url"
    " width height original_width original_height fit size model"
)  # file_name first, as Hugging Face's ImageFolder wants it
DTYPES = {name: _NUMBERS.get(name, "object") for name in _COLUMNS.split()}  # by column
FIELDS = ("kept", *(COLUMNS[name] for name in DTYPES if name in COLUMNS))  # of a Row, that the tables are made of
_CREDIT = {"page_url": "page", "file_name": "file"}  # by the column of metadata.csv that of CREDITS.csv
CREDITED = ("title", "creator", "licence", "licence_url", "page_url")
_ARROW = {"object": pa.string(), "float64": pa.float64(), "Int64": pa.int64()}


def write(folder: Path, rows: Iterable[Row], settings: Curate, model: str) -> None:
    """Write the three tables of the kept `rows` into `folder`, dataset.json last."""
    known = Rows.of(rows)
    places = np.flatnonzero(known.flags("kept") & (known.whole("number") > 0))
    kept = known.take(places[np.argsort(known.whole("number")[places], kind="stable")])
    write_table(folder, metadata(kept, settings, model))


def write_table(folder: Path, table: pa.Table) -> None:
    """Write the three tables of squares whose rows are `table`, dataset.json last."""
    credit = table.select([*CREDITED, "file_name"]).rename_columns(
        [_CREDIT.get(name, name) for name in (*CREDITED, "file_name")]
    )
    cells.write(folder / METADATA, table)
    cells.write(folder / CREDITS, credit, mark=True)
    names = (name for batch in table.select(["file_name"]).to_batches(cells.PORTION) for name in batch[0].to_pylist())
    with writing(folder / DATASET) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(dataset_json(names))


def metadata(kept: Rows, settings: Curate, model: str) -> pa.Table:
    """One row a square: `width` and `height` are its own, the others its picture's; no `size` for fit original."""
    original, count = settings.fit == "original", len(kept)
    size = pa.array([None if original else settings.size], pa.int64())
    made = {
        "file_name": pa.array([square_name(number) for number in kept.whole("number").tolist()], pa.string()),
        "width": kept.table["width"] if original else pa.repeat(settings.size, count),
        "height": kept.table["height"] if original else pa.repeat(settings.size, count),
        "original_width": kept.table["width"],
        "original_height": kept.table["height"],
        "fit": pa.repeat(settings.fit, count),
        "size": size.take(pa.array(np.zeros(count, dtype=np.int64))),
        "model": pa.repeat(model, count),
    }
    return pa.table({name: made[name] if name in made else kept.table[COLUMNS[name]] for name in DTYPES})


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
    return cells.csv(credit.rename(columns=_CREDIT))


def dataset_json(names: Iterable[str]) -> Iterator[str]:
    """StyleGAN's table, in which every square has label 0, in parts."""
    yield '{"labels": ['
    for number, name in enumerate(names):
        yield f"{', ' if number else ''}[{json.dumps(name)}, 0]"
    yield "]}\n"


def _of_hub(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_floating(kind) else str(kind)
