"""The score stage: every picture that has no scores yet is decoded once, measured, hashed and shown to the model."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from curate.look import decode, heap
from curate.look.measure import Paper, columns, look
from curate.model import targets, views
from curate.model.targets import LabelSet
from curate.scores.pairs import read_pairs, sketch
from curate.scores.shards import SIZE, Shards
from scrapbag import catalog
from scrapbag.disk import lock, write_text
from scrapbag.errors import RecipeError, TooManyFailuresError
from scrapbag.processor import has_bf16
from scrapbag.recipe import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scrapbag.layout import Data
    from scrapbag.recipe import Score

SCORE_VERSION = 1  # raise it by hand when a change to decoding, measuring or hashing must make old scores worthless
BATCH = 16  # pictures that go through the model together
T = TypeVar("T")


@dataclass(frozen=True)
class Scored:
    """What a run of this stage did."""

    model: str
    key: str
    pictures: int
    new: int
    forward_passes: int
    unusable: int


@dataclass(frozen=True)
class Eyes:
    """What looks at a picture: nothing but the measures when there is no model."""

    info: dict[str, Any]  # goes into model.json, and all of it but the name into the key
    labels: LabelSet
    prepare: Any = None
    embed: Any = None
    side: int = 0  # pixels, of a picture's shorter side as the model wants it
    paper: Paper = (255, 255, 255)

    @property
    def key(self) -> str:
        """Names the folder of the scores: what went into them, and nothing else."""
        parts = {name: value for name, value in self.info.items() if name != "model"} | {"version": SCORE_VERSION}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def score(settings: Score, data: Data) -> Scored:
    """Score what is new, and make these scores the current ones. Older scores of other models stay."""
    with lock(data.root, "score"):
        pictures = _pictures(data)
        eyes = open_eyes(settings, [picture.path for picture in pictures], data)
        _check_targets(eyes.labels, data)
        folder = data.scored / eyes.key
        write_text(folder / "labels.json", eyes.labels.dumps())
        info = eyes.info | {"features": eyes.embed.width if eyes.embed else 0}
        write_text(folder / "model.json", json.dumps(info, indent=1, sort_keys=True))
        shards = Shards(folder)
        known = set(shards.sha256)
        new = [picture for picture in pictures if picture.sha256 not in known]
        _add(new, eyes, shards)
        read_pairs(shards)  # so that curate finds them there
        names = hashlib.sha256(eyes.labels.dumps().encode()).hexdigest()[:16]
        index = {"key": eyes.key, "model": settings.model, "labels": names, "pictures": len(shards)}
        write_text(data.scored / "index.json", json.dumps(index, indent=1) + "\n")
        unusable = int(np.count_nonzero(shards.column("problem")))
        passes = eyes.embed.passes if eyes.embed else 0
        return Scored(settings.model, eyes.key, len(shards), len(new), passes, unusable)


def open_eyes(settings: Score, paths: Sequence[Path], data: Data) -> Eyes:
    """The model that the settings ask for, ready to look. Some of `paths` serve to calibrate int8."""
    if settings.model == "none":
        return Eyes({"model": "none", "link": "", "backend": "none", "dtype": "none"}, LabelSet("none", ()))
    if settings.dtype == "int8" and settings.backend != "openvino":
        raise RecipeError('[score] dtype "int8" needs backend = "openvino"; or write "bf16"')
    from curate.model import load as model  # noqa: PLC0415  torch takes seconds to import; model = "none" does without

    loaded = model.load(settings.model)
    dtype = "fp32" if settings.dtype == "bf16" and not has_bf16() else settings.dtype
    info: dict[str, Any] = {
        "model": settings.model,
        "weights": loaded.weights,
        "config": loaded.config,
        "link": loaded.link,
        "backend": settings.backend,
        "dtype": dtype,
    }
    if settings.looks > 1:
        info["looks"] = settings.looks
    eyes = Eyes(info, loaded.labels, loaded.prepare, None, loaded.side, loaded.paper)
    model.one_thread()
    if settings.backend == "openvino":
        from curate.model import openvino_body as ov  # noqa: PLC0415  an extra

        body = ov.openvino_body(loaded, dtype, _inputs(paths, eyes, ov.CALIBRATE), data.scored / eyes.key)
    else:
        body = model.torch_body(loaded, dtype)
    embed = model.Embedder(loaded, body)
    if settings.looks == 1:
        return replace(eyes, embed=embed)
    return replace(eyes, prepare=views.five(loaded.prepare), embed=views.Averaged(embed))


def _inputs(paths: Sequence[Path], eyes: Eyes, count: int) -> Iterator[NDArray[np.uint8]]:
    """Full batches of what the model would see, of `count` pictures spread over `paths`."""
    step = max(1, len(paths) // count)
    looks = (look(path, eyes.prepare, eyes.side, eyes.paper) for path in paths[::step][:count])
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


def _check_targets(labels: LabelSet, data: Data) -> None:
    """Refuse targets that this model lacks before hours are spent on it, where the settings are known already."""
    path = data.settings / "curate.toml"
    if path.exists():
        targets.indices(load(path).curate.targets, labels)


def _add(pictures: Sequence[catalog.StoredPicture], eyes: Eyes, shards: Shards) -> None:
    """Score `pictures` into new shards, a batch a thread: what one thread decodes, it also shows to the model."""
    decode.strict()
    cv2.setNumThreads(1)
    bar = tqdm(total=len(pictures), unit=" pictures", disable=None, desc="score")
    with bar, ThreadPoolExecutor(os.cpu_count()) as pool:
        for portion in _portions(pictures, SIZE):
            parts = []
            for part in pool.map(lambda batch: _batch(batch, eyes), _portions(portion, BATCH)):
                parts.append(part)
                bar.update(len(part["problem"]))
            joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            shards.append([picture.sha256 for picture in portion], joined)


def _batch(pictures: Sequence[catalog.StoredPicture], eyes: Eyes) -> dict[str, NDArray[np.generic]]:
    """The columns of some pictures. An unusable file keeps its place, with zeros."""
    looks = [look(picture.path, eyes.prepare, eyes.side, eyes.paper) for picture in pictures]
    heap.give_back()
    if eyes.embed is None:
        return columns(looks)
    features = np.zeros((len(looks), eyes.embed.width), dtype=np.float32)
    logits = np.zeros((len(looks), len(eyes.labels.labels)), dtype=np.float32)
    inputs = {index: one.pixels for index, one in enumerate(looks) if one.pixels is not None}
    if inputs:
        features[list(inputs)], logits[list(inputs)] = eyes.embed(np.stack(list(inputs.values())))
    return columns(looks) | seen(features, logits)


def seen(features: NDArray[np.float32], logits: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """What a shard keeps of a model's output. Logits lie below their row's top, where float16 is finest."""
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
