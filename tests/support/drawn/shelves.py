"""A small data/ and runs/ for the tests of the gallery: files as the stages write them, drawn and written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import tomli_w
from PIL import Image
from report_rows import lost, row

from curate.report import report_csv
from gan.pictures import grids
from gan.train.progress import MetricsRow, append
from scrapbag.layout import Data, Run
from show.known.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from gan.pictures.packing import Pixels

SIDE = 32
KEPT, DROPPED = 9, 240  # of the dataset `quilts`; five more never came
HEADER = "images_seen,kid,recall,coverage,colour_volume,features\n"


def drawn(count: int, seed: int) -> Pixels:
    """(count, 32, 32, 3) of coarse chance colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


def quilts(root: Path) -> Data:
    """Nine that were kept, as files and squares, 240 that were dropped, of which one is a file, and five lost ones."""
    data = Data(root)
    data.curated.mkdir(parents=True)
    squares = drawn(KEPT, 1)
    kept = [row(number=n, title=f"Star <i>{n}</i>", creator="Ada", licence="CC-BY-4.0") for n in range(KEPT)]
    dropped = [row(number=n, reason="blurry", title=f"Blur {n}", source="museum") for n in range(KEPT, KEPT + DROPPED)]
    for one, square in zip(kept, squares, strict=True):
        Image.fromarray(square).save(data.curated / f"{one.number:05d}.png")
    for one, square in zip([*kept, dropped[0]], [*squares, squares[0]], strict=True):
        path = data.image(one.sha256, "jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(square).resize((400, 300)).save(path)
    data.report.mkdir()
    report_csv.write(data.report_csv, [*kept, *dropped, *(lost(n, "robots") for n in range(5))])
    return data


def run(root: Path, origin: Path, kimgs: tuple[int, ...] = (0, 4, 9)) -> Run:
    """A run that was stopped at 9,000 of 20,000 images, its grids 8x8; sample 0 is a square of `quilts`, mirrored."""
    one = Run(root)
    root.mkdir(parents=True)
    table = {"from": str(origin), "row": "auto-cpu", "size": SIDE, "asked": {"preset": "auto"}, "values": {"crop": 0}}
    one.settings.write_text(tomli_w.dumps(table))
    one.asked.write_text(tomli_w.dumps({"name": "quilts", "train": {"images": 20_000, "minutes": 10.0}}))
    line = MetricsRow(0, 0.0, 100.0, 1.0, 2.0, 0.5, 0.1, 0.0, 0.0, 1.0, 0.0004, 1956, 0.5)
    for n in range(10):
        append(one, replace(line, images_seen=n * 1000, seconds=n * 10.0))
    one.quality.write_text(HEADER + "4000,200.5,0.1,0.2,30,ab\n9000,55.25,0.5,0.6,30,ab\n")
    for kimg in kimgs:
        samples = drawn(64, 100 + kimg)
        samples[0] = drawn(KEPT, 1)[4][:, ::-1]
        grids.save(one.fakes(kimg), samples)
    return one


def shelf(root: Path) -> Shelf:
    """The dataset `quilts`, the runs `quilts` and `second`."""
    data = quilts(root / "data" / "quilts")
    run(root / "runs" / "quilts", data.root)
    run(root / "runs" / "second", data.root, (0, 5))
    return Shelf(root / "data", root / "runs")
