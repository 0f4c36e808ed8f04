"""Samples beside the training pictures nearest to them, with distances, to see what was memorised."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from gan.evaluate import metrics
from scrapbag.disk import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from gan.evaluate.fidelity import Judge
    from gan.pictures.packing import Pixels
    from scrapbag.layout import Run

SHOWN = 16  # samples
EACH = 3  # training pictures beside each


@dataclass(frozen=True)
class Beside:
    """A sample and its nearest training pictures, nearest first; 1 is the median distance of held-out reals."""

    sample: Pixels
    nearest: tuple[Pixels, ...]
    distances: tuple[float, ...]


def find(fakes: Pixels, judge: Judge) -> list[Beside]:
    """The 16 samples of (N, H, W, 3) that are nearest to a training picture, nearest first, each with 3 neighbours."""
    known = judge.known[0]
    typical = float(metrics.nearest(known.held, known.train).median())
    apart = torch.cdist(known.kind.look(fakes).double(), known.train.double()) / max(typical, 1e-12)
    distances, places = apart.topk(min(EACH, apart.shape[1]), largest=False)
    order = distances[:, 0].argsort()[:SHOWN].tolist()
    train = judge.reals.train
    return [Beside(fakes[i], tuple(train[j] for j in places[i].tolist()), tuple(distances[i].tolist())) for i in order]


def write(run: Run, beside: list[Beside]) -> Path:
    """RUN/neighbours.png: each sample, and right of it its neighbours, with the distance below. Returns the path."""
    side = max(96, beside[0].sample.shape[0])
    gap, text = 8, 20
    wide = (1 + EACH) * (side + gap) + 3 * gap
    image = Image.new("RGB", (2 * wide, -(-len(beside) // 2) * (side + text + gap) + gap), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for number, one in enumerate(beside):
        x, y = number % 2 * wide + gap, number // 2 * (side + text + gap) + gap
        _paste(image, one.sample, x, y, side)
        pen.text((x, y + side + 2), "sample", "#666666", font)
        for place, (picture, distance) in enumerate(zip(one.nearest, one.distances, strict=True), 1):
            left = x + place * (side + gap) + gap
            _paste(image, picture, left, y, side)
            pen.text((left, y + side + 2), f"{distance:.2f}", "black", font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_bytes(run.neighbours, buffer.getvalue())
    return run.neighbours


def _paste(image: Image.Image, pixels: Pixels, x: int, y: int, side: int) -> None:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    image.paste(picture.resize((side, side), Image.Resampling.NEAREST), (x, y))
