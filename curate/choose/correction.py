"""The confidences of a dataset under its own class prior, computed once for a score version and a question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.model import prior
from curate.scores import neighbours
from curate.scores.derived import derived

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from curate.choose.facts import Scores
    from curate.scores.shards import Shards

VERSION = 1  # raise it by hand when other confidences come out
COLUMNS = 1000  # classes that are told apart; of a wider network the rarer ones are one class more


@dataclass(frozen=True)
class Correction:
    """N pictures in the order of the shards, or why there is no correction."""

    confidence: NDArray[np.float32] | None = None  # 0 to 1, summed over the targets; NaN for an unusable file
    on_target: NDArray[np.bool_] | None = None  # no other class is more probable than the targets
    share: float = 0.0  # of the targets in the estimated prior, 0 to 1
    aside: str = ""  # why the model's own confidences are better left alone; '' when they are not


def correction(scores: Scores, targets: Sequence[int], group: NDArray[np.int64]) -> Correction:
    """What the prior of these pictures makes of their scores. `group` has one number for all copies of a picture, (N,).

    Computing takes seconds of CPU for 40,000 pictures of 1,000 classes, at most once for the same pictures, copies and
    targets: `posterior-<digest>.npz` beside the shards keeps it.
    """
    shards = scores.shards
    if not (targets and shards.has("below") and shards.has("features")):
        return Correction(aside="no classifier was asked")
    if scores.info["link"] != "softmax":
        return Correction(aside="the model's outputs are a yes or no each (sigmoid), which have no prior in common")
    usable = shards.column("problem") == 0
    if why := prior.aside(1 / shards.column("norm")[usable], len(scores.classes.classes)):
        return Correction(aside=why)
    digest = hashlib.sha256(repr(sorted(targets)).encode() + group.tobytes()).hexdigest()[:12]
    made = derived(shards, f"posterior-{digest}", VERSION, lambda: _made(shards, sorted(targets), usable, group))
    return Correction(made["confidence"], made["on_target"], float(made["share"]))


def _made(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Mapping[str, NDArray[Any]]:
    p, wanted, width = _softmax(shards, targets)
    row = np.cumsum(usable) - 1  # of a usable picture its row in p
    near = neighbours.read(shards).row[usable]
    near = row[np.where(usable[near], near, np.flatnonzero(usable)[:, None])]  # unusable: the picture itself, no vote
    corrected = prior.correct(p, group[usable], near.astype(np.int32), width)
    q = corrected.posterior
    total = q[:, wanted].sum(axis=1)
    others = np.delete(q, wanted, axis=1).max(axis=1, initial=0)
    confidence, on_target = np.full(len(usable), np.nan, np.float32), np.zeros(len(usable), dtype=bool)
    confidence[usable], on_target[usable] = np.minimum(total, 1), total >= others
    return {
        "confidence": confidence,
        "on_target": on_target,
        "share": np.array(corrected.prior[wanted].sum()),
    }


def _softmax(shards: Shards, targets: list[int]) -> tuple[NDArray[np.float32], list[int], NDArray[np.float32]]:
    """The probabilities of usable pictures, which columns are of targets, and how many classes each column sums up.

    Of a network with more than COLUMNS classes the most probable ones and the targets have a column each, the others
    one together.
    """
    parts = list(zip(shards.parts("below"), shards.parts("norm"), shards.parts("problem"), strict=True))
    classes = parts[0][0].shape[1]
    if classes <= COLUMNS:
        return np.concatenate([_probability(*part) for part in parts]), targets, np.ones(classes, np.float32)
    mass = np.sum([_probability(*part).sum(axis=0) for part in parts], axis=0)
    kept = np.union1d(np.argsort(-mass)[:COLUMNS], targets)
    some = np.concatenate([_probability(*part)[:, kept] for part in parts])
    rest = np.maximum(1 - some.sum(axis=1, keepdims=True), 0)
    width = np.append(np.ones(len(kept)), classes - len(kept)).astype(np.float32)
    return np.hstack([some, rest]), np.searchsorted(kept, targets).tolist(), width


def _probability(below: NDArray[Any], norm: NDArray[Any], problem: NDArray[Any]) -> NDArray[np.float32]:
    good = problem == 0
    return np.asarray(np.exp(below[good].astype(np.float32)) / norm[good, None], dtype=np.float32)
