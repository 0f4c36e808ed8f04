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
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from curate.choose.facts import Scores
    from curate.scores.shards import Shards

NAME, VERSION = "posterior", 1  # raise the version by hand when other confidences come out
COLUMNS = 1000  # classes that are told apart; of a wider network the rarer ones are one class more


@dataclass(frozen=True)
class Correction:
    """N pictures in the order of the shards, or why there is no correction."""

    confidence: NDArray[np.float32] | None = None  # 0 to 1, summed over the targets; NaN for an unusable file
    on_target: NDArray[np.bool_] | None = None  # no other class is more probable than the targets
    share: float = 0.0  # mean confidence of the usable pictures, of copies once: about how many are of the targets
    aside: str = ""  # why the model's own confidences are better left alone; '' when they are not


def correction(
    scores: Scores, targets: Sequence[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Correction:
    """What the prior of the `usable` pictures, (N,), makes of their scores.

    `group` has one number for all copies of a picture, (N,). Computing takes some twenty seconds of CPU for 40,000
    pictures of 1,000 classes, once for the same pictures, copies and targets: posterior.npz beside the shards keeps it.
    """
    shards = scores.shards
    if not (targets and shards.has("below") and shards.has("features")):
        return Correction(aside="no classifier was asked")
    if scores.info["link"] != "softmax":
        return Correction(aside="the model's outputs are a yes or no each (sigmoid), which have no prior in common")
    usable = usable & (shards.column("problem") == 0) & np.isfinite(shards.column("norm"))
    if why := prior.aside(1 / shards.column("norm")[usable], len(scores.classes.classes)):
        return Correction(aside=why)
    return of_shards(shards, targets, usable, group)


def of_shards(
    shards: Shards, targets: Sequence[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Correction:
    """The correction itself, whether or not it is wise; from the file beside the shards, where that is of the same."""
    asked = repr(sorted(targets)).encode() + usable.tobytes() + group.tobytes()
    version = f"{VERSION} {hashlib.sha256(asked).hexdigest()}"
    made = derived(shards, NAME, version, lambda: _made(shards, sorted(targets), usable, group))
    return Correction(made["confidence"], made["on_target"], float(made["share"]))


def _made(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_], group: NDArray[np.int64]
) -> Mapping[str, NDArray[Any]]:
    p, wanted, width = _softmax(shards, targets, usable)
    row = np.cumsum(usable) - 1  # of a usable picture its row in p
    near = neighbours.read(shards).row[usable]
    near = row[np.where(usable[near], near, np.flatnonzero(usable)[:, None])]  # unusable: the picture itself, no vote
    q = prior.correct(p, group[usable], near.astype(np.int32), width).posterior
    total = np.minimum(q[:, wanted].sum(axis=1), 1)
    q[:, wanted] = 0  # what is left are the others
    others = q[:, : len(q[0]) if width is None else -1].max(axis=1)  # the last one is many classes, not one
    confidence, on_target = np.full(len(usable), np.nan, np.float32), np.zeros(len(usable), dtype=bool)
    confidence[usable], on_target[usable] = total, total >= others
    once = np.unique(group[usable], return_index=True)[1]
    return {"confidence": confidence, "on_target": on_target, "share": np.array(total[once].mean())}


def _softmax(
    shards: Shards, targets: list[int], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], list[int], NDArray[np.float32] | None]:
    """The probabilities of usable pictures, which columns are of targets, and how many classes each column sums up.

    Of a network with more than COLUMNS classes the most probable ones and the targets have a column each, the others
    one together, the last. Otherwise each column is one class, and None is said of their number.
    """
    classes = next(shards.parts("below")).shape[1]
    if classes > COLUMNS:
        mass = np.sum([part.sum(axis=0) for part in _parts(shards, usable)], axis=0)
        kept = np.union1d(np.argsort(-mass)[:COLUMNS], targets)
        if len(kept) < classes:
            p = _columns(shards, usable, kept, len(kept) + 1)
            p[:, -1] = np.maximum(1 - p[:, :-1].sum(axis=1), 0)
            width = np.append(np.ones(len(kept)), classes - len(kept)).astype(np.float32)
            return p, np.searchsorted(kept, targets).tolist(), width
    return _columns(shards, usable, slice(None), classes), targets, None


def _columns(shards: Shards, usable: NDArray[np.bool_], kept: Any, width: int) -> NDArray[np.float32]:
    """The columns `kept` of the softmax, in the first of `width` columns; filled a shard at a time."""
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
