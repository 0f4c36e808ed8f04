"""The confidences of a dataset under its own class prior, computed once for each score version and set of targets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.model import prior
from curate.scores import neighbours
from curate.scores.derived import derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from curate.choose.facts import Scores
    from curate.scores.shards import Shards

VERSION = 1  # raise it by hand when the code computes other confidences
COLUMNS = 1000  # classes that have a column of their own; what a network has beyond that is summed in one column


@dataclass(frozen=True)
class Correction:
    """The corrected confidences of N pictures, in the order of the shards, or why there are none."""

    confidence: NDArray[np.float32] | None = None  # 0 to 1, summed over the targets; NaN for an unusable file
    on_target: NDArray[np.bool_] | None = None  # no other class is more probable than the targets
    share: float = 0.0  # the estimated prior of the targets, 0 to 1
    aside: str = ""  # why the model's own confidences are used uncorrected; '' when they are corrected


def correction(scores: Scores, targets: Sequence[int], group: NDArray[np.int64]) -> Correction:
    """The pictures' confidences under their own class prior, if it is worth estimating (`prior.aside`).

    `group` is (N,), one number for all copies of a picture. 40,000 pictures and 1,000 classes take seconds of CPU; the
    result is stored beside the shards as `posterior-<digest>.npz`, for these pictures, copies and targets.
    """
    shards = scores.shards
    if not (targets and shards.has("below") and shards.has("features")):
        return Correction(aside="no classifier was asked")
    if scores.info["link"] != "softmax":
        return Correction(aside="the model's outputs are one sigmoid for each class, which share no prior")
    usable = shards.column("problem") == 0
    if why := prior.aside(1 / shards.column("norm")[usable], len(scores.classes.classes)):
        return Correction(aside=why)
    return of_shards(shards, targets, group)


def of_shards(shards: Shards, targets: Sequence[int], group: NDArray[np.int64]) -> Correction:
    """The correction without the checks of `correction`, read from the file beside the shards if it is there."""
    usable = shards.column("problem") == 0
    digest = hashlib.sha256(repr(sorted(targets)).encode() + group.tobytes()).hexdigest()[:12]
    made = derived(shards, f"posterior-{digest}", VERSION, lambda: _made(shards, sorted(targets), usable, group))
    return Correction(made["confidence"], made["on_target"], float(made["share"]))


def _made(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Mapping[str, NDArray[Any]]:
    p, wanted, width = _softmax(shards, targets)
    row = np.cumsum(usable) - 1  # for each usable picture its row in p
    near = neighbours.read(shards).row[usable]
    # an unusable neighbour is replaced by the picture itself, which has no vote on its own prior
    near = row[np.where(usable[near], near, np.flatnonzero(usable)[:, None])]
    corrected = prior.correct(p, group[usable], near.astype(np.int32), width)
    q = corrected.posterior
    total = q[:, wanted].sum(axis=1)
    q[:, wanted] = 0  # what is left are the others
    others = q.max(axis=1)
    confidence, on_target = np.full(len(usable), np.nan, np.float32), np.zeros(len(usable), dtype=bool)
    confidence[usable], on_target[usable] = np.minimum(total, 1), total >= others
    return {
        "confidence": confidence,
        "on_target": on_target,
        "share": np.array(corrected.prior[wanted].sum()),
    }


def _softmax(shards: Shards, targets: list[int]) -> tuple[NDArray[np.float32], list[int], NDArray[np.float32]]:
    """The softmax of usable pictures (n, C), the columns of the targets, and the number of classes in each column (C,).

    Of more than COLUMNS classes only the most probable ones and the targets have a column of their own; the last
    column is the sum of all others.
    """
    classes = next(shards.parts("below")).shape[1]
    if classes <= COLUMNS:
        return _columns(shards, slice(None), classes), targets, np.ones(classes, np.float32)
    mass = np.sum([part.sum(axis=0) for part in _parts(shards)], axis=0)
    kept = np.union1d(np.argsort(-mass)[:COLUMNS], targets)
    p = _columns(shards, kept, len(kept) + 1)
    p[:, -1] = np.maximum(1 - p[:, :-1].sum(axis=1), 0)
    width = np.append(np.ones(len(kept)), classes - len(kept)).astype(np.float32)
    return p, np.searchsorted(kept, targets).tolist(), width


def _columns(shards: Shards, kept: Any, width: int) -> NDArray[np.float32]:
    """The softmax of the classes `kept`, (n, width), zeros in the columns after them; filled a shard at a time."""
    p = np.zeros((int((shards.column("problem") == 0).sum()), width), dtype=np.float32)
    start = 0
    for part in _parts(shards):
        some = part[:, kept]
        p[start : start + len(some), : some.shape[1]] = some
        start += len(some)
    return p


def _parts(shards: Shards) -> Iterator[NDArray[np.float32]]:
    """The softmax of the usable pictures of each shard, (n, C)."""
    for below, norm, problem in zip(*map(shards.parts, ("below", "norm", "problem")), strict=True):
        good = problem == 0
        yield np.asarray(np.exp(below[good].astype(np.float32)) / norm[good, None], dtype=np.float32)
