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

NAME, WINNERS, VERSION = "posterior", "winners", 3  # raise the version by hand when the code computes other confidences
COLUMNS = 1000  # classes that have a column of their own; what a network has beyond that is summed in one column


@dataclass(frozen=True)
class Correction:
    """The corrected confidences of N pictures, in the order of the shards, or why there are none."""

    confidence: NDArray[np.float32] | None = None  # 0 to 1, summed over the targets; NaN for an unusable file
    on_target: NDArray[np.bool_] | None = None  # no other class is more probable than the targets
    prior: NDArray[np.float32] | None = None  # (C,) of each output of the model, up to one factor: the dataset's own
    share: float = 0.0  # mean confidence of the usable pictures, copies counted once: an estimate of the targets' share
    name: str = ""  # of what it was computed from; '' where nothing is corrected
    aside: str = ""  # why the model's own confidences are used uncorrected; '' when they are corrected


def correction(
    scores: Scores, targets: Sequence[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Correction:
    """Confidences under the class prior of the `usable` pictures, (N,), if `prior.aside` has nothing against it.

    `group` is (N,), one number for all copies of a picture. 40,000 pictures and 1,000 classes take some twenty seconds
    of CPU; posterior.npz beside the shards stores the result until the pictures, the copies or the targets change.
    """
    if not targets:
        return Correction(aside="no classifier was asked")
    usable, why = _against(scores, usable)
    return Correction(aside=why) if why else of_shards(scores.shards, targets, usable, group)


def winners(scores: Scores, usable: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
    """Each picture's most probable class under the class prior of the `usable` ones, (N,), -1 for the others; and ''.

    Where `prior.aside` has something against it no class wins, and the second value says why. Arguments and cost are
    those of `correction`; winners.npz beside the shards stores the result.
    """
    usable, why = _against(scores, usable)
    if why:
        return np.full(len(usable), -1), why
    version = f"{VERSION} {hashlib.sha256(usable.tobytes() + group.tobytes()).hexdigest()}"
    made = derived(scores.shards, WINNERS, version, lambda: _winners(scores.shards, usable, group))
    return made["best"], ""


def _against(scores: Scores, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], str]:
    """Which pictures a prior can be estimated from, and what speaks against it; '' if nothing does."""
    shards = scores.shards
    if not (shards.has("below") and shards.has("features")):
        return usable, "no classifier was asked"
    if scores.info["link"] != "softmax":
        return usable, "the model's outputs are one sigmoid for each class, which share no prior"
    usable = usable & (shards.column("problem") == 0) & np.isfinite(shards.column("norm"))
    return usable, prior.aside(1 / shards.column("norm")[usable], len(scores.classes.classes))


def of_shards(
    shards: Shards, targets: Sequence[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Correction:
    """The correction without the checks of `correction`; from posterior.npz if that is of the same arguments."""
    asked = repr(sorted(targets)).encode() + usable.tobytes() + group.tobytes()
    version = f"{VERSION} {hashlib.sha256(asked).hexdigest()}"
    made = derived(shards, NAME, version, lambda: _made(shards, sorted(targets), usable, group))
    return Correction(made["confidence"], made["on_target"], made["prior"], float(made["share"]), version)


def _made(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Mapping[str, NDArray[Any]]:
    made, classes, width = _posterior(shards, targets, usable, group)
    q, wanted = made.posterior, np.searchsorted(classes, targets)
    total = np.minimum(q[:, wanted].sum(axis=1), 1)
    q[:, wanted] = 0  # what is left are the others
    others = q[:, : len(classes)].max(axis=1)
    confidence, on_target = np.full(len(usable), np.nan, np.float32), np.zeros(len(usable), dtype=bool)
    confidence[usable], on_target[usable] = total, total >= others
    once = np.unique(group[usable], return_index=True)[1]
    # by output of the model: where one column is many classes, each of them has an even part of it
    each = np.full(len(classes) if width is None else int(width.sum()), made.prior[-1], dtype=np.float32)
    each /= 1 if width is None else width[-1]
    each[classes] = made.prior[: len(classes)]
    share = np.array(total[once].mean())
    return {"confidence": confidence, "on_target": on_target, "prior": each, "share": share}


def _winners(shards: Shards, usable: NDArray[np.bool_], group: NDArray[np.int64]) -> Mapping[str, NDArray[Any]]:
    made, classes, _ = _posterior(shards, [], usable, group)
    best = np.full(len(usable), -1)
    best[usable] = classes[made.posterior[:, : len(classes)].argmax(axis=1)]
    return {"best": best}


def _posterior(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> tuple[prior.Corrected, NDArray[np.int64], NDArray[np.float32] | None]:
    """Of the n usable pictures, and what `_softmax` says of its columns; a column more than classes is many of them."""
    p, classes, width = _softmax(shards, targets, usable)
    row = np.cumsum(usable) - 1  # for each usable picture its row in p
    near = neighbours.read(shards).row[usable]
    # an unusable neighbour is replaced by the picture itself, which has no vote on its own prior
    near = row[np.where(usable[near], near, np.flatnonzero(usable)[:, None])]
    return prior.correct(p, group[usable], near.astype(np.int32), width), classes, width


def _softmax(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32] | None]:
    """The softmax of usable pictures (n, C), the classes of its columns, and the number of classes in each column (C,).

    Of more than COLUMNS classes only the most probable ones and the targets have a column of their own; the last
    column is the sum of all others. Otherwise each column is one class, and the third value is None.
    """
    classes = next(shards.parts("below")).shape[1]
    if classes > COLUMNS:
        mass = np.sum([part.sum(axis=0) for part in _parts(shards, usable)], axis=0)
        kept = np.union1d(np.argsort(-mass)[:COLUMNS], np.array(targets, dtype=np.int64))
        if len(kept) < classes:
            p = _columns(shards, usable, kept, len(kept) + 1)
            p[:, -1] = np.maximum(1 - p[:, :-1].sum(axis=1), 0)
            width = np.append(np.ones(len(kept)), classes - len(kept)).astype(np.float32)
            return p, kept, width
    return _columns(shards, usable, slice(None), classes), np.arange(classes), None


def _columns(shards: Shards, usable: NDArray[np.bool_], kept: Any, width: int) -> NDArray[np.float32]:
    """The softmax of the classes `kept`, (n, width), zeros in the columns after them; filled a shard at a time."""
    p = np.zeros((int(usable.sum()), width), dtype=np.float32)
    start = 0
    for part in _parts(shards, usable):
        some = part[:, kept]
        p[start : start + len(some), : some.shape[1]] = some
        start += len(some)
    return p


def _parts(shards: Shards, usable: NDArray[np.bool_]) -> Iterator[NDArray[np.float32]]:
    """The softmax of the usable pictures of each shard, (n, C)."""
    start = 0
    for below, norm in zip(*map(shards.parts, ("below", "norm")), strict=True):
        good = usable[start : start + len(norm)]
        start += len(norm)
        yield np.asarray(np.exp(below[good].astype(np.float32)) / norm[good, None], dtype=np.float32)
