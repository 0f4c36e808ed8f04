"""A batch of pictures as a shard's columns: the part of scoring that any worker can do, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from curate.look import decode
from curate.look.measure import columns, look
from curate.model import passes
from curate.scores.pairs import sketch
from curate.scores.scorer import Scorer, open_scorer
from scrapbag.computer import memory
from scrapbag.errors import MissingError
from scrapbag.workers.files import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scrapbag.catalog import StoredPicture
    from scrapbag.layout import Data
    from scrapbag.recipe import Score


@dataclass(frozen=True)
class Scoring:
    """Makes what a worker scores with. Another process loads the model anew, by the same settings."""

    settings: Score
    data: Data  # an absolute path
    max_pixels: int
    key: str  # of the scores that are to be added to
    here: Scorer | None = field(default=None, compare=False)  # of this process

    def __call__(self) -> Scorer:
        """Raises MissingError where another computer's scores would be of another version, and what `load` raises."""
        cv2.setNumThreads(1)
        decode.strict(self.max_pixels)
        if self.here is not None:
            return self.here
        if self.settings.dtype == "int8" and not self.data.version(self.key).root.is_dir():
            raise MissingError("a worker cannot see the model calibrated for int8 in the data folder; write DTYPE=bf16")
        scorer = open_scorer(self.settings, [], self.data)
        if scorer.key != self.key:
            raise MissingError(
                f"a worker would score otherwise than this computer ({scorer.key}, not {self.key}): its processor has"
                " no bf16, or its scrapbag, its model or its libraries are others; install the same, or write"
                " DTYPE=fp32"
            )
        return scorer

    def __reduce__(self) -> tuple[type[Scoring], tuple[Score, Data, int, str]]:
        return Scoring, (self.settings, self.data, self.max_pixels, self.key)


@dataclass(frozen=True)
class Batch:
    """What scoring a batch gave."""

    sha256: list[str]  # of the N pictures that it is of
    columns: dict[str, NDArray[np.generic]]  # (N, ...) each
    damaged: list[str]  # the sha256 of those whose file has other bytes now; there is no score of them
    passes: int  # pictures that went through the model


def score_batch(scorer: Scorer, pictures: Sequence[StoredPicture]) -> Batch:
    """Score at most BATCH pictures. An unusable file keeps its row, with zeros.

    Scores are filed under the hash of the bytes that came, so a file that has other bytes now gets none.
    """
    before = passes.of_thread()
    looks, sha256, damaged = [], [], []
    for picture in pictures:
        with reach(picture.path, picture.sha256) as path:
            if replace(picture, path=path).is_intact():
                sha256.append(picture.sha256)
                looks.append(look(path, scorer.prepare, scorer.side, scorer.paper))
            else:
                damaged.append(picture.sha256)
    memory.give_back()
    if not looks:
        return Batch([], {}, damaged, 0)
    taken = columns(looks)
    if scorer.embed is not None:
        features = np.zeros((len(looks), scorer.embed.width), dtype=np.float32)
        logits = np.zeros((len(looks), len(scorer.classes.classes)), dtype=np.float32)
        inputs = {index: one.pixels for index, one in enumerate(looks) if one.pixels is not None}
        if inputs:
            features[list(inputs)], logits[list(inputs)] = scorer.embed(np.stack(list(inputs.values())))
        taken |= output_columns(features, logits)
    return Batch(sha256, taken, damaged, passes.of_thread() - before)


def output_columns(features: NDArray[np.float32], logits: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """A shard's columns for a model's features (B, F) and logits (B, classes).

    Logits are stored in float16 less their row's maximum, `top`: near 0 float16 is finest. `norm` is the denominator of
    the softmax.
    """
    if not logits.shape[1]:
        return {"features": features.astype(np.float16), "sketch": sketch(features)}
    top = logits.max(axis=1)
    below = logits - top[:, None]
    return {
        "features": features.astype(np.float16),
        "sketch": sketch(features),
        "below": below.astype(np.float16),
        "top": top,
        "norm": np.exp(below).sum(axis=1),
        "best": logits.argmax(axis=1).astype(np.int32),
    }
