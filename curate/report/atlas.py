"""map.parquet: where every picture is on a plane, small pictures and what became of each; Embedding Atlas opens it.

Rows stand in the order in which a map that is zoomed into shows them as pictures, SHEET to a row group, so that a
reader takes from the file only what is in view.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from tqdm import tqdm

from curate.look.decode import UnusableError, load, max_pixels, strict
from scrapbag.disk import writing
from scrapbag.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from curate.rows import Row
    from scrapbag.layout import Data

SIDE = 80  # of the longer side of a small picture, in pixels
SHEET = 64  # rows of a row group
DEPTHS = 12  # grids, the finest of 8192x8192 cells
VERSION = 1  # raise it by hand when small pictures come out differently
_WRITTEN = b"scrapbag.map"  # the key of the version in the file's own notes
_THREADS = 4


def write(data: Data, sha256: Sequence[str], place: NDArray[np.float32], rows: Sequence[Row]) -> int:
    """Write map.parquet, and return how many pictures are on it.

    `place` is (N, 2), from -1 to 1, NaN for what has none, of the pictures `sha256`. Of `rows`, those of report.csv,
    the first of each picture counts; a picture without one is left out. Small pictures are made once, and taken from
    the file before.
    """
    strict(max_pixels(data))
    known = {row.sha256: row for row in reversed(rows)}
    there = np.array([n for n in np.flatnonzero(~np.isnan(place[:, 0])).tolist() if sha256[n] in known], dtype=np.int64)
    order = in_sight(place[there])
    shown = [known[sha256[n]] for n in there[order].tolist()]
    columns: dict[str, Any] = {
        "x": place[there[order], 0],
        "y": place[there[order], 1],
        "picture": _pictures(data, shown),
        "sha256": [row.sha256 for row in shown],
        "kept": [row.kept for row in shown],
        "reason": [row.reason for row in shown],
        "source": [plain(row.source) for row in shown],
        "confidence": pa.array([row.confidence for row in shown], pa.float32()),
        "label": [plain(row.class_name) for row in shown],
        "title": [plain(row.title) for row in shown],
    }
    table = pa.table(columns).replace_schema_metadata({_WRITTEN: str(VERSION)})
    with writing(data.map, durable=False, only_changed=True) as part:
        pq.write_table(table, part, row_group_size=SHEET, compression={"picture.bytes": "none"})
    return len(shown)


def in_sight(place: NDArray[np.float32]) -> NDArray[np.int64]:
    """The order in which pictures at `place` (N, 2) come into sight when one zooms in.

    First one of each cell of a grid of 4x4, then those that a grid of 8x8 needs to have one in each of its cells, and
    so on; of one grid along a Z-order curve, so that pictures near each other are near in the file.
    """
    depth = np.full(len(place), DEPTHS)
    for level in range(DEPTHS):
        cell, early = _cells(place, 4 << level), np.argsort(depth, kind="stable")
        first = early[np.unique(cell[early], return_index=True)[1]]
        depth[first] = np.minimum(depth[first], level)
    return np.lexsort((_curve(place), depth))


def _cells(place: NDArray[np.float32], side: int) -> NDArray[np.int64]:
    row, column = (np.clip((place[:, axis] + 1) / 2 * side, 0, side - 1).astype(np.int64) for axis in (1, 0))
    return np.asarray(row * side + column)


def _curve(place: NDArray[np.float32]) -> NDArray[np.int64]:
    """Each place's number along a Z-order curve (G. Morton, 1966): the bits of both coordinates in turn."""
    number = np.zeros(len(place), dtype=np.int64)
    whole = np.clip((place + 1) / 2 * 65_535, 0, 65_535).astype(np.int64)
    for bit in range(16):
        for axis in (0, 1):
            number |= ((whole[:, axis] >> bit) & 1) << (2 * bit + axis)
    return number


def _pictures(data: Data, rows: Sequence[Row]) -> pa.Array:
    """A small picture of each row, as Hugging Face's Image: bytes, and a path whose ending says what they are."""
    known: dict[str, bytes | None] = dict(_known(data.map))
    wanted = [row for row in rows if row.sha256 not in known]
    paths, hidden = [data.image(row.sha256, row.extension) for row in wanted], None if len(wanted) > 500 else True
    with ThreadPoolExecutor(_THREADS) as threads:
        made = tqdm(threads.map(_small, paths), desc="pictures", total=len(paths), disable=hidden)
        known |= dict(zip((row.sha256 for row in wanted), made, strict=True))
    found = [{"bytes": known[row.sha256], "path": f"{row.sha256}.jpg"} for row in rows]
    return pa.array(found, pa.struct({"bytes": pa.binary(), "path": pa.string()}))


def _known(path: Path) -> dict[str, bytes]:
    """The small pictures that are in the file already, by sha256."""
    try:
        if (pq.read_schema(path).metadata or {}).get(_WRITTEN) != str(VERSION).encode():
            return {}
        table = pq.read_table(path, columns=["sha256", "picture"])
    except (OSError, pa.ArrowException):
        return {}
    pictures = table["picture"].combine_chunks().field("bytes").to_pylist()
    return {name: one for name, one in zip(table["sha256"].to_pylist(), pictures, strict=True) if one}


def _small(path: Path) -> bytes | None:
    """JPEG bytes; None for what is no picture or not there now."""
    try:
        image = load(path, at_least=SIDE).image
    except (UnusableError, OSError):
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()
