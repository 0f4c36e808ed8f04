"""Drawn quilts as a dataset that is ready to be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.support.folder_data import dataset
from demo.drawing.small_quilts import quilt

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Data

SIDE = 448  # of a picture, in pixels: seven times what is drawn, with grain, so that its JPEG is of a usual size


def files(folder: Path, count: int) -> list[Path]:
    """`count` JPEGs in `folder`, in the order of their names."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number:05d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        large = Image.fromarray(quilt(number, 64)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        grain = np.random.default_rng(number).normal(0, 6, (SIDE, SIDE, 3))
        Image.fromarray(np.uint8(np.clip(np.asarray(large) + grain, 0, 255))).save(path, quality=88)
    return paths


def ready(root: Path, paths: list[Path], model: str) -> Data:
    """A dataset of these files whose score stage is set."""
    data = dataset(root, paths)
    data.settings.mkdir()
    data.settings_of("score").write_text(f'name = "x"\n[score]\nmodel = "{model}"\n', encoding="utf-8")
    return data
