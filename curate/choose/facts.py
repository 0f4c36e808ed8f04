"""Scores as columns: read from the shards, joined with what the catalog and people say of each picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.choose.decide import Facts
from curate.look.decode import FORMATS
from curate.look.measure import PROBLEMS
from curate.model.targets import LabelSet
from curate.scores.shards import Shards
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scrapbag.catalog import Record
    from scrapbag.layout import Data

_FROM_STORE = {
    "": "",
    "not_image": "not_image",
    "too_many_pixels": "too_large",
}  # picture.problem; all others: unreadable


@dataclass(frozen=True)
class Scores:
    """The current scores of a dataset, in the order of the shards."""

    key: str
    info: dict[str, Any]  # model.json
    labels: LabelSet
    shards: Shards


@dataclass(frozen=True)
class Seen:
    """What the model makes of each picture, as columns; empty texts and NaN without a model."""

    confidence: NDArray[np.float32]
    on_target: NDArray[np.bool_]
    best: NDArray[np.int64]  # class that wins, -1 where nothing was seen
    best_confidence: NDArray[np.float32]


def current(data: Data) -> Scores:
    """What scored/index.json names. Raises MissingError when nothing was scored yet."""
    index = data.scored / "index.json"
    if not index.exists():
        raise MissingError(f"{data.root} has no scores yet; run make score first")
    return of_key(data, json.loads(index.read_text(encoding="utf-8"))["key"])


def of_key(data: Data, key: str) -> Scores:
    """The scores under one key. Raises MissingError when none of them can be read."""
    folder = data.scored / key
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    shards = Shards(folder)
    if not len(shards):
        raise MissingError(f"{folder} holds no scores that can be read; run make score, which makes them again")
    return Scores(key, info, LabelSet.loads((folder / "labels.json").read_text(encoding="utf-8")), shards)


def exact_twin(data: Data, scores: Scores) -> Scores | None:
    """The fp32 scores of the very same weights by torch, when somebody had them made as well."""
    exact = {"backend": "torch", "dtype": "fp32"}
    for path in sorted(data.scored.glob("*/model.json")):
        info = json.loads(path.read_text(encoding="utf-8"))
        alike = all(info.get(part) == scores.info.get(part) for part in ("weights", "config", "link"))
        if path.parent.name != scores.key and alike and {part: info.get(part) for part in exact} == exact:
            return of_key(data, path.parent.name)
    return None


def changed(scores: Scores, twin: Scores, targets: Sequence[int], threshold: float) -> int:
    """How many pictures lie on the other side of the threshold by the twin's confidence."""
    ours, theirs = (
        dict(zip(s.shards.sha256, see(s, targets).confidence.tolist(), strict=True)) for s in (scores, twin)
    )
    return sum((ours[sha256] >= threshold) != (theirs[sha256] >= threshold) for sha256 in ours.keys() & theirs.keys())


def see(scores: Scores, targets: Sequence[int]) -> Seen:
    """Sum the probabilities of the target classes for every picture, a shard at a time."""
    count = len(scores.shards)
    nothing = np.full(count, np.nan, dtype=np.float32)
    if not scores.shards.has("below"):
        return Seen(nothing, np.zeros(count, dtype=bool), np.full(count, -1), nothing)
    top, norm = scores.shards.column("top"), scores.shards.column("norm")
    usable = scores.shards.column("problem") == 0
    best = np.where(usable, scores.shards.column("best"), -1)
    sigmoid = scores.info["link"] == "sigmoid"
    winner = 1 / (1 + np.exp(-top)) if sigmoid else 1 / norm
    sure: NDArray[np.float32] = np.where(usable, winner, np.nan).astype(np.float32)
    if not targets:
        return Seen(nothing, np.zeros(count, dtype=bool), best, sure)
    wanted = list(targets)
    below = np.concatenate([part[:, wanted].astype(np.float32) for part in scores.shards.parts("below")])
    each = 1 / (1 + np.exp(-(below + top[:, None]))) if sigmoid else np.exp(below) / norm[:, None]
    total = np.where(usable, np.minimum(each.sum(axis=1), 1), np.nan).astype(np.float32)
    return Seen(total, np.isin(best, wanted) | (total >= winner), best, sure)


def facts(
    scores: Scores, seen: Seen, records: Mapping[str, Record], answers: Mapping[str, str], licences: Sequence[str]
) -> Facts:
    """The columns that `decide` reads. `records` has the record that speaks for each sha256."""
    column = scores.shards.column
    known = [records.get(sha256) for sha256 in scores.shards.sha256]
    seen_by_us = np.array(PROBLEMS, dtype=object)[column("problem")]
    stored = np.array([_FROM_STORE.get(one.problem, "unreadable") if one else "" for one in known], dtype=object)
    allowed = {licence.casefold() for licence in licences}
    return Facts(
        number=np.array([one.number or 0 if one else 0 for one in known]),
        problem=np.where(stored == "", seen_by_us, stored),
        width=column("width").astype(np.int64),
        height=column("height").astype(np.int64),
        bytes=np.array([one.bytes or 0 if one else 0 for one in known]),
        blur=column("blur"),
        entropy=column("entropy"),
        border_uniform=column("border_uniform"),
        panels=column("panels").astype(np.int64),
        confidence=seen.confidence,
        on_target=seen.on_target,
        answer=np.array([answers.get(sha256, "") for sha256 in scores.shards.sha256], dtype=object),
        licensed=np.array([not allowed or (one is not None and one.licence.casefold() in allowed) for one in known]),
    )


def formats(scores: Scores) -> list[str]:
    """How the decoder names each file's format; '' where there was none."""
    unusable = scores.shards.column("problem") != 0
    return list(np.where(unusable, "", np.array(FORMATS, dtype=object)[scores.shards.column("format")]))
