"""The picture that comes back of a row: its grids over time, and under them the samples of the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gan.pictures import grids
from scrapbag.disk import writing

if TYPE_CHECKING:
    from pathlib import Path

    from gan.pictures.packing import Pixels

SAMPLES = 256  # of the last look
LOOKS = 6  # grids, first to last
_GAP = 8  # pixels


def shown(side: int) -> int:
    """Pictures of a grid."""
    return {32: 64, 64: 64, 128: 36, 256: 16}.get(side, 16)


def _columns(side: int) -> int:
    return 24 if side <= 128 else 12


def save(path: Path, looks: list[Path], samples: Pixels) -> None:
    """One picture a row: grids over time in a line, first to last, and under them the samples of the last one."""
    chosen = [looks[i] for i in sorted({round(n * (len(looks) - 1) / max(1, LOOKS - 1)) for n in range(LOOKS)})]
    images: list[Image.Image] = []
    for look in chosen:
        with Image.open(look) as opened:
            images.append(opened.convert("RGB"))
    last = grids.sheet(samples, columns=_columns(samples.shape[1]))
    wide = max(sum(image.width + _GAP for image in images), last.width)
    whole = Image.new("RGB", (wide, images[0].height + 2 * _GAP + last.height), "white")
    for i, image in enumerate(images):
        whole.paste(image, (i * (image.width + _GAP), 0))
    whole.paste(last, (0, images[0].height + 2 * _GAP))
    with writing(path, durable=False) as part:
        whole.save(part, "JPEG", quality=90)


def samples_of(path: Path, side: int) -> Pixels:
    """The samples of a sheet's last look, (N, side, side, 3), as JPEG left them."""
    columns, above = _columns(side), grids.sheet(np.zeros((shown(side), side, side, 3), np.uint8))
    cell = grids.sheet(np.zeros((1, side, side, 3), np.uint8)).width  # small pictures are enlarged
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    rows = pixels[above.height + 2 * _GAP :, : columns * cell]
    cells = rows.reshape(-1, cell, columns, cell, 3).swapaxes(1, 2).reshape(-1, cell, cell, 3)
    return cells[:SAMPLES, :: cell // side, :: cell // side]
