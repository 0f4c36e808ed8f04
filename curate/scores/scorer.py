"""What pictures are scored with: the model that a recipe asks for, loaded, and the key of its scores."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.look.measure import Paper, look
from curate.model import views
from curate.model.passes import BATCH
from curate.model.targets import ClassSet
from scrapbag.errors import RecipeError
from scrapbag.processor import has_bf16

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scrapbag.layout import Data
    from scrapbag.recipe import Score

SCORE_VERSION = 3  # raise it by hand when decoding, measuring or hashing changes so much that old scores are worthless


@dataclass(frozen=True)
class Scorer:
    """What a picture is scored with. Without a model it is measured and hashed, and `prepare` and `embed` are None."""

    info: dict[str, Any]  # goes into model.json, and all of it but the name into the key
    classes: ClassSet
    prepare: Any = None  # an upright RGB picture -> the model's input
    embed: Any = None  # a batch of inputs -> features and logits
    side: int = 0  # pixels of a picture's shorter side at which the model sees it
    paper: Paper = (255, 255, 255)  # RGB that the model sees where a picture is transparent

    @property
    def key(self) -> str:
        """Names the folder of the scores: a hash of everything that they depend on, and of nothing else."""
        parts = {name: value for name, value in self.info.items() if name != "model"} | {"version": SCORE_VERSION}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def open_scorer(settings: Score, paths: Sequence[Path], data: Data) -> Scorer:
    """The model that the settings ask for, loaded. Some of the pictures in `paths` serve to calibrate int8.

    Raises RecipeError for int8 without OpenVINO, and what `load.load` raises.
    """
    if settings.model == "none":
        return Scorer({"model": "none", "link": "", "backend": "none", "dtype": "none"}, ClassSet("none", ()))
    if settings.dtype == "int8" and settings.backend != "openvino":
        raise RecipeError('[score] dtype "int8" needs backend = "openvino"; or write "bf16"')
    from curate.model import load  # noqa: PLC0415  torch takes seconds to import; model = "none" does without
    from curate.model.torch_body import torch_body  # noqa: PLC0415

    loaded = load.load(settings.model)
    dtype = "fp32" if settings.dtype == "bf16" and not has_bf16() else settings.dtype
    info: dict[str, Any] = {
        "model": settings.model,
        "weights": loaded.weights,
        "config": loaded.config,
        "link": loaded.activation,
        "backend": settings.backend,
        "dtype": dtype,
    }
    if settings.looks > 1:
        info["looks"] = settings.looks
    scorer = Scorer(info, loaded.classes, loaded.prepare, None, loaded.side, loaded.paper)
    load.one_thread()
    if settings.backend == "openvino":
        from curate.model.openvino_body import CALIBRATE, openvino_body  # noqa: PLC0415  an extra

        body = openvino_body(loaded, dtype, _inputs(paths, scorer, CALIBRATE), data.scored / scorer.key)
    else:
        body = torch_body(loaded, dtype)
    embed = load.Embedder(loaded, body)
    if settings.looks == 1:
        return replace(scorer, embed=embed)
    return replace(scorer, prepare=views.five(loaded.prepare), embed=views.Averaged(embed))


def _inputs(paths: Sequence[Path], scorer: Scorer, count: int) -> Iterator[NDArray[np.uint8]]:
    """Full batches of model inputs, (BATCH, 3, H, W), from `count` pictures spread evenly over `paths`."""
    step = max(1, len(paths) // count)
    looks = (look(path, scorer.prepare, scorer.side, scorer.paper) for path in paths[::step][:count])
    pixels = [one.pixels for one in looks if one.pixels is not None]
    whole = len(pixels) - len(pixels) % BATCH
    yield from (np.stack(pixels[start : start + BATCH]) for start in range(0, whole, BATCH))
