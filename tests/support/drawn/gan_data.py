"""Small sets of pictures for the tests of the GAN, and the shortest run there is."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan.train import runs
from gan.train.job import Job
from scrapbag.layout import Data, Run
from scrapbag.recipe import Train

TINY = ("width=4", "batch=4", "z=8")


def squares(root: Path, count: int = 100, side: int = 32, seed: int = 0) -> Data:
    """Squares of eight by eight chance colours, a quarter of them in each level."""
    data = Data(root)
    data.curated.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    with (data.curated / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "level"])
        for i in range(count):
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((side, side)).save(data.curated / f"{i:05d}.png")
            writer.writerow([f"{i:05d}.png", i % 4])
    return data


def texture(root: Path, width: int = 128, height: int = 96) -> Data:
    """One large picture."""
    data = Data(root)
    data.curated.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(data.curated / "00001.png")
    return data


def job(data: Data, root: Path, *values: str, images: int = 40, row: str = "", processes: int = 1, **asked: Any) -> Job:
    """A run of narrow nets, ready to train."""
    root.mkdir(parents=True, exist_ok=True)
    settings = Train(images=images, values=(*TINY, *values), **asked)
    return runs.prepare(data, Run(root), settings, lambda _: None, row, processes)
