"""curated/: the squares of what was kept, out of the cache, with the tables beside them, put in place in one step."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from curate.look import decode
from curate.report import cells
from curate.rows import Rows
from curate.squares import cache, tables
from scrapbag.computer import memory
from scrapbag.errors import DiskError
from scrapbag.layout import Data, image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.recipe import Curate
    from scrapbag.workers.engines import Engine


def publish(rows: Rows, settings: Curate, model: str, data: Data, engine: Engine | None = None) -> None:
    """Make curated/ what the rows say; squares that the cache lacks are made, by `engine`.

    `model` is the one that decided, '' where none did: a column of the table. Raises DiskError where squares vanish.
    """
    some = Rows(rows.table.select([*tables.FIELDS, "extension", "border_uniform"]), rows.forget)
    kept = some.take(np.flatnonzero(some.flags("kept")))
    images = Data(data.root.absolute()).images  # a worker has another working folder
    most = decode.max_pixels(data)
    new = data.root / ".curated.new"
    shutil.rmtree(new, ignore_errors=True)
    lacking = cache.link(_wanted(kept, images), data.squares, new, settings.size, settings.fit)
    cache.make(lacking, data.squares, settings.size, settings.fit, max_pixels=most, engine=engine)
    if cache.link(lacking, data.squares, new, settings.size, settings.fit):
        raise DiskError(f"squares in {data.squares} went as they were made; run make curate again")
    memory.give_back()
    tables.write(new, kept, settings, model)
    cache.swap(new, data.curated)


def _wanted(kept: Rows, images: Path) -> Iterator[cache.Wanted]:
    """The squares of kept rows, few at a time: as objects those of hundreds of thousands would take 100 MB."""
    inside = str(images)
    names = ("number", "sha256", "extension", "border_uniform")
    for batch in kept.table.select(names).to_batches(max_chunksize=cells.PORTION):
        columns = (column.to_pylist() for column in batch.columns)
        for number, sha256, extension, border in zip(*columns, strict=True):
            yield cache.Wanted(number, sha256, f"{inside}/{image(sha256, extension)}", border or 0.0)
