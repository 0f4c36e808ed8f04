"""Whether the curation model takes pictures for the target, by what curate decided by; and pictures that it dropped."""

from __future__ import annotations

import csv
import hashlib
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageOps

from gan.evaluate import features
from gan.pictures.grids import UNREADABLE
from gan.pictures.packing import FORMATS
from scrapbag import catalog
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from gan.pictures.packing import Pixels
    from scrapbag.decision import Decision
    from scrapbag.layout import Data

DROPPED = ("off_target", "low_confidence")  # reasons that are the classifier's, scrapbag/reasons.py


class Target:
    """The curation model and its decision. Each picture is judged by itself.

    So the dataset's class prior corrects its confidences where it did for curate, and the share of the prior that a
    picture's neighbours in the dataset give there is left out: a sample is not in it, and has none.
    """

    def __init__(self, decision: Decision) -> None:
        """Raises MissingError when the model cannot be had, UsageError when it has other outputs than the decision."""
        self.decision = decision
        self._net, self._show = features.classifier(decision.model)
        count = int(self._net.num_classes)
        if max(decision.outputs, default=count) >= count or len(decision.prior) not in (0, count):
            raise UsageError(f"{decision.model} has {count} outputs, and the pictures were chosen by others")

    @property
    def words(self) -> str:
        """What decides, for people."""
        one = self.decision
        corrected = ", corrected for this dataset's class prior" if one.prior else ""
        but = "; the ranker that chose the pictures knows no others" if one.ranker else ""
        return f"{one.model}{corrected}: {' or '.join(one.targets)} at {one.cut:.2f} or more{but}"

    def confidences(self, pixels: Pixels) -> Tensor:
        """(N,) from 0 to 1, of (N, H, W, 3)."""
        logits = self._show(pixels, self._net)
        wanted = list(self.decision.outputs)
        if self.decision.activation == "sigmoid":
            return logits[:, wanted].sigmoid().sum(1).clamp(max=1)
        p = logits.double().softmax(1)
        if self.decision.prior:
            p = p * torch.tensor(self.decision.prior, dtype=torch.float64)
            p = p / p.sum(1, keepdim=True)
        return p[:, wanted].sum(1).clamp(max=1).float()


def dropped(data: Data, side: int, most: int) -> Pixels:
    """Squares (N, side, side, 3) of pictures that the classifier did not take for the target, at most `most` by lot."""
    if not (data.report_csv.exists() and data.catalog.exists()):
        return np.zeros((0, side, side, 3), np.uint8)
    with data.report_csv.open(newline="", encoding="utf-8-sig") as file:
        names = {row.get("sha256", "") for row in csv.DictReader(file) if row.get("reason") in DROPPED}
    with closing(catalog.connect(data.catalog)) as connection:
        paths = {one.sha256: one.path for one in catalog.pictures(connection, data)}
    squares: list[Pixels] = []
    for name in sorted(names & paths.keys(), key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(squares) == most:
            break
        try:
            with Image.open(paths[name], formats=FORMATS) as image:
                image.draft("RGB", (2 * side, 2 * side))
                upright = ImageOps.exif_transpose(image).convert("RGB")
                squares.append(np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS)))
        except UNREADABLE:
            continue
    return np.stack(squares) if squares else np.zeros((0, side, side, 3), np.uint8)
