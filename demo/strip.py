"""The README's picture: nine pictures as scraped, nine squares, nine dreams, side by side."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

import click
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CELL, ACROSS, GAP = 96, 3, 24


def strip(data: Path, run: Path) -> Image.Image:
    """Three panels from a data set and its run. Raises click.UsageError where one of them is not made yet."""
    squares, grids = _squares(data / "curated"), sorted(run.glob("fakes-*.png"))
    if not squares or not grids:
        raise click.UsageError(f"{data / 'curated'} has no squares or {run} no samples; run make demo first")
    panels = [_panel(_scraped(data / "images")), _panel(squares), _panel(_dreams(grids[-1], squares[0].width))]
    side = CELL * ACROSS
    image = Image.new("RGB", (3 * side + 2 * GAP, side), "white")
    for k, panel in enumerate(panels):
        image.paste(panel, (k * (side + GAP), 0))
    return image


def _scraped(folder: Path) -> Iterator[Image.Image]:
    """Whatever came, in the order of its hash: quilts and all the rest, each whole on white."""
    for path in sorted(folder.glob("*/*.*")):
        try:
            with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as image:
                yield ImageOps.pad(ImageOps.exif_transpose(image).convert("RGB"), (CELL - 4, CELL - 4), color="white")
        except OSError:
            continue  # broken pictures are part of the crawl, not of the README


def _squares(folder: Path) -> list[Image.Image]:
    """Nine squares, from all over the set."""
    table = folder / "metadata.csv"
    text = table.read_text(encoding="utf-8") if table.exists() else ""
    names = [row["file_name"] for row in csv.DictReader(io.StringIO(text))]
    return [Image.open(folder / name).convert("RGB") for name in names[:: max(1, len(names) // 9)][:9]]


def _dreams(grid: Path, side: int) -> Iterator[Image.Image]:
    """The first samples of a sheet, on which small ones are drawn larger (gan/pictures/grids.py)."""
    sheet = Image.open(grid).convert("RGB")
    cell = side * max(1, 64 // side)
    for top in range(0, sheet.height, cell):
        for left in range(0, min(ACROSS * cell, sheet.width), cell):
            yield sheet.crop((left, top, left + cell, top + cell))


def _panel(pictures: Iterable[Image.Image]) -> Image.Image:
    panel = Image.new("RGB", (CELL * ACROSS, CELL * ACROSS), "white")
    for k, picture in enumerate(islice(pictures, ACROSS * ACROSS)):
        cell = picture.resize((CELL - 4, CELL - 4), Image.Resampling.BICUBIC)
        panel.paste(cell, (k % ACROSS * CELL + 2, k // ACROSS * CELL + 2))
    return panel
