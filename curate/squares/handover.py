"""Exports curated/ for other trainers: a folder numbered without gaps, a zip, tar shards, or one Parquet file."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from curate.rows import square_name
from curate.squares import FORMS, tars
from curate.squares.tables import DTYPES, write_tables
from scrapbag.disk import lock
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.layout import CREDITS, DATASET, METADATA
from scrapbag.plain import uncell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scrapbag.layout import Data

ROW_GROUP = 256  # pictures in a row group, which a reader of the Parquet file loads into memory at once
_ARROW = {"object": pa.string(), "float64": pa.float64(), "Int64": pa.int64()}


def export(data: Data, kind: str) -> tuple[Path, int]:
    """Write `kind`, one of FORMS, into data/<name>/export/, whole or not at all; return its path and picture count.

    Raises MissingError before the first make curate, UsageError when nothing was kept, DiskError when a square is lost,
    LockedError while make curate runs.
    """
    with lock(data.root, "curate"):
        return _export(data, kind)


def _export(data: Data, kind: str) -> tuple[Path, int]:
    frame = _metadata(data)
    place = data.export / (kind if kind in {"folder", "webdataset"} else f"{name_of(data)}.{kind}")
    with replacing(place) as made:
        try:
            _WRITERS[kind](data, frame, made)
        except FileNotFoundError as error:
            raise DiskError(f"{error.filename} is lost; run make curate again") from None
    return place, len(frame)


@contextmanager
def replacing(place: Path) -> Iterator[Path]:
    """A path to write to, in a folder beside `place` that is deleted; what is there at the end becomes `place`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as part:
        made = Path(part) / place.name
        yield made
        _swap(made, place)


def name_of(data: Data) -> str:
    """What an export of a dataset is called."""
    return data.root.resolve().name


def _folder(data: Data, frame: pd.DataFrame, made: Path) -> None:
    """00000.png, 00001.png … in the order of the catalog, and the tables with these names."""
    made.mkdir()
    names = [square_name(place) for place in range(len(frame))]
    for old, new in _progress(list(zip(frame["file_name"], names, strict=True))):
        shutil.copyfile(data.curated / old, made / new)
    write_tables(made, frame.assign(file_name=names))


def _zip(data: Data, frame: pd.DataFrame, made: Path) -> None:
    """The squares, dataset.json (for StyleGAN) and metadata.csv (for ImageFolder); a PNG is not compressed again."""
    tables = [DATASET, METADATA, CREDITS]
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in _progress([*frame["file_name"], *tables]):
            archive.writestr(zipfile.ZipInfo(name), (data.curated / name).read_bytes())  # dated 1980: always the same


def _webdataset(data: Data, frame: pd.DataFrame, made: Path) -> None:
    made.mkdir()
    pictures = [(data.curated / row["file_name"], row) for row in _rows(frame)]
    tars.write(made, name_of(data), pictures)
    tars.verify(made)


def _parquet(data: Data, frame: pd.DataFrame, made: Path) -> None:
    """One row for each picture, with its bytes and name in `image`, the layout of Hugging Face's Image feature."""
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    columns = {name: _ARROW[dtype] for name, dtype in DTYPES.items() if name != "file_name"}
    features = {"image": {"_type": "Image"}} | {n: {"dtype": str(_hf(t)), "_type": "Value"} for n, t in columns.items()}
    schema = pa.schema({"image": image} | columns).with_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    with pq.ParquetWriter(made, schema) as writer:
        rows = _rows(frame)
        for start in _progress(list(range(0, len(rows), ROW_GROUP))):
            group = rows[start : start + ROW_GROUP]
            pictures = [{"bytes": (data.curated / r["file_name"]).read_bytes(), "path": r["file_name"]} for r in group]
            filled = [{"image": picture} | row for picture, row in zip(pictures, group, strict=True)]
            writer.write_table(pa.Table.from_pylist(filled, schema=schema))


_WRITERS: dict[str, Callable[[Data, pd.DataFrame, Path], None]] = dict(
    zip(FORMS, (_folder, _zip, _webdataset, _parquet), strict=True)
)


def _metadata(data: Data) -> pd.DataFrame:
    path = data.curated / METADATA
    if not path.exists():
        raise MissingError(f"there is no {path}; run make curate first")
    numbers = {name: [""] for name, dtype in DTYPES.items() if dtype != "object"}
    frame = pd.read_csv(path, dtype=DTYPES, keep_default_na=False, na_values=numbers)
    if frame.empty:
        raise UsageError(f"nothing was kept in {data.curated}, so there is nothing to export; try a lower THRESH")
    words = [name for name, dtype in DTYPES.items() if dtype == "object"]
    return frame.assign(**{name: frame[name].map(uncell) for name in words})


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(DTYPES, values, strict=True)) for values in plain.itertuples(index=False, name=None)]


def _hf(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_floating(kind) else str(kind)


def _progress(things: list[Any]) -> Any:
    return tqdm(things, desc="export", disable=None, delay=2)


def _swap(made: Path, place: Path) -> None:
    """Move `made` to `place`. An older folder there moves beside `made`, into the temporary folder that is deleted."""
    os.sync()  # once for all files: an fsync for each of 40,000 squares would take minutes
    if place.is_dir():
        place.rename(made.with_name("before"))
    made.replace(place)
