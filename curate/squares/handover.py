"""Exports curated/ for other trainers, a folder a form: a folder, that as a zip, tar shards, or one Parquet file."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
from tqdm import tqdm

from curate.rows import square_name
from curate.squares import FORMS, card, tars
from curate.squares.tables import DTYPES, arrow_schema, as_arrow, credits_csv, dataset_json, older, parquet
from scrapbag.disk import lock
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.layout import CARD, CREDITS, DATASET, METADATA, TYPED
from scrapbag.plain import uncell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scrapbag.layout import Data

ROW_GROUP = 256  # pictures in a row group, which a reader of the Parquet file loads into memory at once
_MODE = 0o100644 << 16  # of a zip's members: a plain file that everybody may read


def export(data: Data, kind: str) -> tuple[Path, int]:
    """Write `kind`, one of FORMS, into data/<name>/export/<kind>/, whole or not at all; return its path and its count.

    Raises MissingError before the first make curate, UsageError when nothing was kept, DiskError when a square is lost,
    LockedError while make curate runs.
    """
    with lock(data.root, "curate"):
        return _export(data, kind)


def note(data: Data, kind: str) -> str:
    """What the squares lack for StyleGAN's trainers, which read `folder` and `zip`: '' where it is nothing."""
    if kind not in {"folder", "zip"}:
        return ""
    sides = _metadata(data)[["width", "height"]].drop_duplicates().to_numpy().tolist()
    if len(sides) == 1 and sides[0][0] == sides[0][1] and int(sides[0][0]).bit_count() == 1:
        return ""
    width, height = sides[0]
    have = f"these are {width}x{height}" if len(sides) == 1 else f"these have {len(sides):,} sizes"
    return f"StyleGAN reads squares of one side that is a power of two, and {have}; make curate SIZE=128 FIT=auto"


def _export(data: Data, kind: str) -> tuple[Path, int]:
    frame = _metadata(data)
    place = data.export / kind
    with replacing(place) as made:
        made.mkdir()
        try:
            shown = _WRITERS[kind](data, frame, made)
        except FileNotFoundError as error:
            raise DiskError(f"{error.filename} is lost; run make curate again") from None
        (made / CARD).write_text(card.text(name_of(data), kind, frame), encoding="utf-8")
    (data.export / f"{name_of(data)}.{kind}").unlink(missing_ok=True)  # where an older scrapbag put it
    return place / shown, len(frame)


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


def _tree(data: Data, frame: pd.DataFrame) -> Iterator[tuple[str, Path | bytes]]:
    """(name, content) of all files: <name>/00000.png … in the order of the catalog, and the tables above them.

    The one folder is a class to torchvision's ImageFolder. Hugging Face's reads metadata.parquet, in which no word
    becomes another and no column loses its type, as they do in a CSV; StyleGAN's reads dataset.json.
    """
    names = [f"{card.class_folder(name_of(data))}/{square_name(place)}" for place in range(len(frame))]
    named = frame.assign(file_name=names)
    for old, new in _progress(list(zip(frame["file_name"], names, strict=True))):
        yield new, data.curated / old
    yield TYPED, parquet(named)
    yield CREDITS, credits_csv(named).encode("utf-8-sig")
    yield DATASET, "".join(dataset_json(names)).encode()


def _folder(data: Data, frame: pd.DataFrame, made: Path) -> str:
    (made / card.class_folder(name_of(data))).mkdir()
    for name, content in _tree(data, frame):
        if isinstance(content, Path):
            shutil.copyfile(content, made / name)
        else:
            (made / name).write_bytes(content)
    return ""


def _zip(data: Data, frame: pd.DataFrame, made: Path) -> str:
    """The folder as one file; a PNG is not compressed again."""
    path = made / f"{name_of(data)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _tree(data, frame):
            member = zipfile.ZipInfo(name)  # dated 1980: always the same
            member.external_attr = _MODE
            archive.writestr(member, content.read_bytes() if isinstance(content, Path) else content)
    return path.name


def _webdataset(data: Data, frame: pd.DataFrame, made: Path) -> str:
    pictures = [(data.curated / row["file_name"], row) for row in _rows(frame)]
    tars.write(made, name_of(data), pictures)
    tars.verify(made)
    return ""


def _parquet(data: Data, frame: pd.DataFrame, made: Path) -> str:
    """One row for each picture, with its bytes and name in `image`, the layout of Hugging Face's Image feature."""
    path = made / f"{name_of(data)}.parquet"
    schema = arrow_schema(image=True)
    with pq.ParquetWriter(path, schema) as writer:
        rows = _rows(frame)
        for start in _progress(list(range(0, len(rows), ROW_GROUP))):
            group = rows[start : start + ROW_GROUP]
            pictures = [{"bytes": (data.curated / r["file_name"]).read_bytes(), "path": r["file_name"]} for r in group]
            filled = [{"image": picture} | row for picture, row in zip(pictures, group, strict=True)]
            writer.write_table(as_arrow(filled, schema))
    return path.name


_WRITERS: dict[str, Callable[[Data, pd.DataFrame, Path], str]] = dict(
    zip(FORMS, (_folder, _zip, _webdataset, _parquet), strict=True)
)


def _metadata(data: Data) -> pd.DataFrame:
    """metadata.csv as it was before it became one: words without the marks that spreadsheets need."""
    path = data.curated / METADATA
    if not path.exists():
        raise MissingError(f"there is no {path}; run make curate first")
    numbers = {name: [""] for name, dtype in DTYPES.items() if dtype != "object"}
    frame = older(pd.read_csv(path, dtype=DTYPES, keep_default_na=False, na_values=numbers))
    if frame.empty:
        raise UsageError(f"nothing was kept in {data.curated}, so there is nothing to export; try a lower THRESH")
    words = [name for name, dtype in DTYPES.items() if dtype == "object"]
    return frame.assign(**{name: frame[name].map(uncell) for name in words})


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(DTYPES, values, strict=True)) for values in plain.itertuples(index=False, name=None)]


def _progress(things: list[Any]) -> Any:
    return tqdm(things, desc="export", disable=None, delay=2)


def _swap(made: Path, place: Path) -> None:
    """Move `made` to `place`. An older folder there moves beside `made`, into the temporary folder that is deleted."""
    os.sync()  # once for all files: an fsync for each of 40,000 squares would take minutes
    if place.is_dir():
        place.rename(made.with_name("before"))
    made.replace(place)
