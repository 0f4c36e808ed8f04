"""Sprite sheets: the small pictures of map.parquet side by side, those that come into sight together on one."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from PIL import Image, ImageOps

from show.known import files

if TYPE_CHECKING:
    from pathlib import Path

TILE = 64  # pixels a side; of a picture that is no square its middle is shown
ACROSS = 8  # tiles in a row
_EMPTY = (136, 136, 136)  # the colour of one that cannot be shown
_KEPT = 800  # sheets that are remembered: about 50 MB


def sheet(path: Path, number: int) -> bytes:
    """JPEG bytes of the pictures of one row group, row by row. Raises one of files.UNUSABLE, such as for none."""
    return _sheet(path, files.stamp(path), number)


@lru_cache(_KEPT)
def _sheet(path: Path, _: tuple[int, int, int], number: int) -> bytes:
    metadata = _metadata(path)
    if not 0 <= number < metadata.num_row_groups:
        raise LookupError(number)
    with pq.ParquetFile(path, metadata=metadata) as file:
        column = file.read_row_group(number, columns=["picture.bytes"])["picture"].combine_chunks()
    pictures = column.field("bytes").to_pylist()
    laid = Image.new("RGB", (ACROSS * TILE, -(-len(pictures) // ACROSS) * TILE), _EMPTY)
    for place, body in enumerate(pictures):
        if body:
            with Image.open(io.BytesIO(body), formats=["JPEG"]) as image:
                tile = ImageOps.fit(image.convert("RGB"), (TILE, TILE), Image.Resampling.BILINEAR)
            laid.paste(tile, (place % ACROSS * TILE, place // ACROSS * TILE))
    written = io.BytesIO()
    laid.save(written, "JPEG", quality=85)
    return written.getvalue()


@files.remembered(8)
def _metadata(path: Path) -> pq.FileMetaData:
    return pq.read_metadata(path)
