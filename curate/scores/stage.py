"""The score stage: every picture that has no scores yet is decoded once, measured, hashed and shown to the model."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from curate.look import decode, heap
from curate.look.measure import PROBLEMS, Paper, columns, look
from curate.model import passes, targets, views
from curate.model.passes import BATCH
from curate.model.targets import ClassSet
from curate.scores.pairs import read_pairs, sketch
from curate.scores.shards import SIZE, Shards
from scrapbag import catalog
from scrapbag.disk import lock, write_text
from scrapbag.errors import MissingExtraError, RecipeError, TooManyFailuresError
from scrapbag.processor import has_bf16
from scrapbag.recipe import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scrapbag.layout import Data
    from scrapbag.recipe import Score

SCORE_VERSION = 3  # raise it by hand when decoding, measuring or hashing changes so much that old scores are worthless
T = TypeVar("T")


@dataclass(frozen=True)
class Scored:
    """What a run of this stage did."""

    model: str  # as in the recipe
    key: str  # the folder in scored/
    pictures: int  # that have scores now
    new: int  # of these, the ones that this run scored
    forward_passes: int  # pictures that went through the model in this run
    unusable: int  # files that give no picture
    missing: int  # pictures that came once, but whose file is gone, or has other bytes now


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


def score(settings: Score, data: Data) -> Scored:
    """Score what is new, and make these scores the current ones. Older scores of other models stay."""
    with lock(data.root, "score"):
        before = passes.count()
        decode.strict(decode.max_pixels(data))
        stored = _pictures(data)
        gone = catalog.absent(stored, data)
        pictures = [picture for picture in stored if picture.sha256 not in gone and not decode.waits(picture.path)]
        if not pictures and len(gone) < len(stored):
            raise MissingExtraError(f"every picture of {data.root} is a HEIC picture, which", "pillow-heif", "heic")
        scorer = open_scorer(settings, [picture.path for picture in pictures], data)
        _check_targets(scorer.classes, data)
        version = data.version(scorer.key)
        write_text(version.labels, scorer.classes.dumps())
        info = scorer.info | {"features": scorer.embed.width if scorer.embed else 0}
        write_text(version.model, json.dumps(info, indent=1, sort_keys=True))
        shards = Shards(version.root)
        known = set(shards.sha256)
        new = [picture for picture in pictures if picture.sha256 not in known]
        damaged = _add(new, scorer, shards)
        _note_problems(shards, damaged, data)
        read_pairs(shards)  # found and stored now, so that curate need not
        names = hashlib.sha256(scorer.classes.dumps().encode()).hexdigest()[:16]
        index = {"key": scorer.key, "model": settings.model, "labels": names, "pictures": len(shards)}
        write_text(data.index, json.dumps(index, indent=1) + "\n")
        unusable = int(np.count_nonzero(shards.column("problem")))
        done = passes.count() - before
        return Scored(
            settings.model, scorer.key, len(shards), len(new) - len(damaged), done, unusable, len(gone) + len(damaged)
        )


def open_scorer(settings: Score, paths: Sequence[Path], data: Data) -> Scorer:
    """The model that the settings ask for, loaded. Some of the pictures in `paths` serve to calibrate int8.

    Raises RecipeError for int8 without OpenVINO, and what `load.load` raises.
    """
    if settings.model == "none":
        return Scorer({"model": "none", "link": "", "backend": "none", "dtype": "none"}, ClassSet("none", ()))
    if settings.dtype == "int8" and settings.backend != "openvino":
        raise RecipeError('[score] dtype "int8" needs backend = "openvino"; or write "bf16"')
    from curate.model import load  # noqa: PLC0415  torch takes seconds to import; model = "none" does without

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
        body = load.torch_body(loaded, dtype)
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
    yield from (np.stack(batch) for batch in _portions(pixels[:whole], BATCH))


def _pictures(data: Data) -> list[catalog.StoredPicture]:
    connection = catalog.connect(data.catalog)
    try:
        pictures = catalog.pictures(connection, data)
    finally:
        connection.close()
    if not pictures:
        raise TooManyFailuresError(f"{data.root} has no picture yet; run make scrape, or look at report/scrape.csv")
    return pictures


def _check_targets(classes: ClassSet, data: Data) -> None:
    """Raise RecipeError for targets that this model lacks before hours are spent on it, if curate.toml is there."""
    path = data.settings_of("curate")
    if path.exists():
        targets.indices(load(path).curate.targets, classes)


def _add(pictures: Sequence[catalog.StoredPicture], scorer: Scorer, shards: Shards) -> list[str]:
    """Score `pictures` into new shards, a batch a thread: the thread that decodes a batch also runs the model on it.

    Scores are filed under the hash of the bytes that came, so a file that has other bytes now gets none. Returns the
    sha256 of those.
    """
    damaged: list[str] = []
    cv2.setNumThreads(1)
    bar = tqdm(total=len(pictures), unit=" pictures", disable=None, desc="score")
    with bar, ThreadPoolExecutor(os.cpu_count()) as pool:
        for some in _portions(pictures, SIZE):
            intact = list(pool.map(catalog.StoredPicture.is_intact, some))
            damaged += [picture.sha256 for picture, good in zip(some, intact, strict=True) if not good]
            portion = [picture for picture, good in zip(some, intact, strict=True) if good]
            parts = []
            for part in pool.map(lambda batch: score_batch(batch, scorer), _portions(portion, BATCH)):
                parts.append(part)
                bar.update(len(part["problem"]))
            if parts:
                joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
                shards.append([picture.sha256 for picture in portion], joined)
    return damaged


def _note_problems(shards: Shards, damaged: Sequence[str], data: Data) -> None:
    """Tell the catalog which files no decoder reads or are damaged, and which one reads now.

    RETRY=failed asks for the former again.
    """
    broken = [PROBLEMS[at] in {"unreadable", "not_image"} for at in shards.column("problem")]
    words = (catalog.UNDECODABLE, "")
    values = [(*(words if bad else words[::-1]), sha256) for sha256, bad in zip(shards.sha256, broken, strict=True)]
    values += [(*words, sha256) for sha256 in damaged]
    with closing(catalog.connect(data.catalog)) as connection, connection:
        connection.execute("begin immediate")
        connection.executemany("update picture set problem = ? where problem = ? and sha256 = ?", values)


def score_batch(pictures: Sequence[catalog.StoredPicture], scorer: Scorer) -> dict[str, NDArray[np.generic]]:
    """A shard's columns for at most BATCH pictures. An unusable file keeps its row, with zeros."""
    looks = [look(picture.path, scorer.prepare, scorer.side, scorer.paper) for picture in pictures]
    heap.give_back()
    if scorer.embed is None:
        return columns(looks)
    features = np.zeros((len(looks), scorer.embed.width), dtype=np.float32)
    logits = np.zeros((len(looks), len(scorer.classes.classes)), dtype=np.float32)
    inputs = {index: one.pixels for index, one in enumerate(looks) if one.pixels is not None}
    if inputs:
        features[list(inputs)], logits[list(inputs)] = scorer.embed(np.stack(list(inputs.values())))
    return columns(looks) | output_columns(features, logits)


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


def _portions(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
