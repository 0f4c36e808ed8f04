"""Scores as columns: read from the shards, joined with what the catalog and people say of each picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.choose.decide import Facts
from curate.look.decode import FORMATS
from curate.look.measure import PROBLEMS
from curate.model.targets import ClassSet
from curate.rows.columns import coded
from curate.scores.shards import Shards
from scrapbag.catalog import NO_DECODER, PLACEHOLDER, UNDECODABLE
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from curate.choose.addresses import Addresses
    from scrapbag.layout import Data


@dataclass(frozen=True)
class Scores:
    """The scores of a dataset under one key."""

    key: str  # the folder's name in scored/
    info: dict[str, Any]  # model.json
    classes: ClassSet  # of the model
    shards: Shards


@dataclass(frozen=True)
class Predictions:
    """What the model predicts for each of N pictures, as columns of shape (N,)."""

    confidence: NDArray[np.float32]  # 0 to 1, summed over the targets; NaN without targets or for an unusable file
    on_target: NDArray[np.bool_]  # no other class is more probable than the targets
    best: NDArray[np.int64]  # the most probable class, -1 without a model or for an unusable file
    best_confidence: NDArray[np.float32]  # its probability; NaN likewise


def current(data: Data) -> Scores:
    """What scored/index.json names. Raises MissingError when nothing was scored yet."""
    if not data.index.exists():
        raise MissingError(f"{data.root} has no scores yet; run make score first")
    return of_key(data, json.loads(data.index.read_text(encoding="utf-8"))["key"])


def of_key(data: Data, key: str) -> Scores:
    """The scores under one key. Raises MissingError when none of them can be read."""
    version = data.version(key)
    info = json.loads(version.model.read_text(encoding="utf-8"))
    shards = Shards(version.root)
    if not len(shards):
        raise MissingError(f"{version.root} holds no scores that can be read; run make score, which makes them again")
    return Scores(key, info, ClassSet.loads(version.labels.read_text(encoding="utf-8")), shards)


def reference_scores(data: Data, scores: Scores) -> Scores | None:
    """The scores of the same weights by torch in fp32, where `make score DTYPE=fp32` has made them too; else None."""
    exact = {"backend": "torch", "dtype": "fp32"}
    for path in sorted(data.scored.glob("*/model.json")):
        info = json.loads(path.read_text(encoding="utf-8"))
        alike = all(info.get(part) == scores.info.get(part) for part in ("weights", "config", "link"))
        if path.parent.name != scores.key and alike and {part: info.get(part) for part in exact} == exact:
            return of_key(data, path.parent.name)
    return None


def changed(scores: Scores, reference: Scores, targets: Sequence[int], cut: float) -> int:
    """How many pictures the reference scores put on the other side of `cut`."""
    ours, theirs = (
        dict(zip(s.shards.sha256, predictions(s, targets).confidence.tolist(), strict=True))
        for s in (scores, reference)
    )
    return sum((ours[sha256] >= cut) != (theirs[sha256] >= cut) for sha256 in ours.keys() & theirs.keys())


def predictions(scores: Scores, targets: Sequence[int]) -> Predictions:
    """What the stored logits come to when `targets`, positions of the model's outputs, are wanted.

    Logits are read a shard at a time: those of all pictures may not fit into memory.
    """
    count = len(scores.shards)
    nothing = np.full(count, np.nan, dtype=np.float32)
    if not scores.shards.has("below"):
        return Predictions(nothing, np.zeros(count, dtype=bool), np.full(count, -1), nothing)
    top, norm = scores.shards.column("top"), scores.shards.column("norm")
    usable = scores.shards.column("problem") == 0
    best = np.where(usable, scores.shards.column("best"), -1)
    sigmoid = scores.info["link"] == "sigmoid"  # the activation
    winner = 1 / (1 + np.exp(-top)) if sigmoid else 1 / norm
    best_confidence: NDArray[np.float32] = np.where(usable, winner, np.nan).astype(np.float32)
    if not targets:
        return Predictions(nothing, np.zeros(count, dtype=bool), best, best_confidence)
    wanted = list(targets)
    below = np.concatenate([part[:, wanted].astype(np.float32) for part in scores.shards.parts("below")])
    each = 1 / (1 + np.exp(-(below + top[:, None]))) if sigmoid else np.exp(below) / norm[:, None]
    total = np.where(usable, np.minimum(each.sum(axis=1), 1), np.nan).astype(np.float32)
    return Predictions(total, np.isin(best, wanted) | (total >= winner), best, best_confidence)


def collect(
    scores: Scores,
    predicted: Predictions,
    addresses: Addresses | None,
    answers: Mapping[str, str],
    licences: Sequence[str],
    absent: AbstractSet[str] = frozenset(),
) -> Facts:
    """The columns that `decide` reads. Without `addresses` no picture is of the catalog.

    `absent` are the sha256 whose file is not there.
    """
    column, row, count = scores.shards.column, scores.shards.row, len(scores.shards)
    known = _known(addresses, count)
    found = np.array(PROBLEMS, dtype=object)[column("problem")]
    answer, lost = np.full(count, "", dtype=object), np.zeros(count, dtype=bool)
    for sha256, said in answers.items():
        if sha256 in row:
            answer[row[sha256]] = said
    lost[[row[sha256] for sha256 in absent if sha256 in row]] = True
    stored = known["problem"]
    stored[(stored == PLACEHOLDER) & (answer == "yes")] = ""  # somebody has seen that it is none
    allowed = {licence.casefold() for licence in licences}
    return Facts(
        number=known["number"],
        problem=np.where(lost, "missing", np.where(stored == "", found, stored)),
        width=column("width").astype(np.int64),
        height=column("height").astype(np.int64),
        bytes=known["bytes"],
        blur=column("blur"),
        entropy=column("entropy"),
        border_uniform=column("border_uniform"),
        panels=column("panels").astype(np.int64),
        confidence=predicted.confidence,
        on_target=predicted.on_target,
        answer=answer,
        licensed=_licensed(known["licence"], known["licence_disputed"], allowed),
    )


def formats(scores: Scores) -> pa.Array:
    """Each file's format by its decoder's name, JPEG PNG ...; '' of an unusable file."""
    words = pa.array(["", *FORMATS])
    unusable = scores.shards.column("problem") != 0
    codes = np.where(unusable, 0, scores.shards.column("format").astype(np.int32) + 1)
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), words)


def _known(addresses: Addresses | None, count: int) -> dict[str, NDArray[Any]]:
    """What the main record says of each of so many pictures; one that no record has any more is `gone`."""
    there = np.zeros(count, dtype=bool) if addresses is None else addresses.main >= 0
    known: dict[str, NDArray[Any]] = {"problem": np.full(count, "gone", dtype=object)}
    known |= {name: np.zeros(count, dtype=np.int64) for name in ("number", "bytes")}
    known |= {name: np.full(count, None, dtype=object) for name in ("licence", "licence_disputed")}
    if addresses is None or not there.any():
        return known
    some = addresses.table.select(list(known)).take(pa.array(addresses.main[there]))
    for name in ("number", "bytes"):
        known[name][there] = some[name].fill_null(0).to_numpy()
    for name in ("licence", "licence_disputed", "problem"):
        codes, words = coded(some[name])
        said = [_stored_problem(word) for word in words] if name == "problem" else words
        known[name][there] = np.array(said, dtype=object)[codes]
    return known


def _licensed(licence: NDArray[Any], disputed: NDArray[Any], allowed: AbstractSet[str]) -> NDArray[np.bool_]:
    """Whether every licence that is stated of a picture is wanted, so that the strictest counts: (N,)."""
    if not allowed:
        return np.ones(len(licence), dtype=bool)
    said: dict[str | None, bool] = {None: False}
    stated = [several or one for one, several in zip(licence.tolist(), disputed.tolist(), strict=True)]
    said |= {text: {one.casefold() for one in text.split(" | ")} <= allowed for text in {*stated} - {None}}
    return np.array([said[text] for text in stated], dtype=bool)


def _stored_problem(problem: str) -> str:
    """What was already wrong when the picture was stored, as a reason of a decision; '' when nothing was."""
    if problem in ("", UNDECODABLE, NO_DECODER):  # that is for the scores to say
        return ""
    return problem if problem in ("not_image", PLACEHOLDER) else "unreadable"
