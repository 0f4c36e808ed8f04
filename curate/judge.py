"""Which scores decide and from which threshold: people's answers brought to bear on the pictures.

Scores are certified version by version. A version is frozen: the model's own, or a head taught by the first 20, 50,
100, 200 ... teaching answers. It counts only answers that were drawn for it, and its head learnt from none of those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256 as digest
from typing import TYPE_CHECKING

import numpy as np

from curate import certify, neighbours
from curate.certify import NO, UNASKED, YES, Pool, Threshold
from curate.decide import decide
from scrapbag import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.decide import Facts
    from curate.duplicates import Links
    from curate.head import Head
    from curate.shards import Shards
    from scrapbag.labels import Label
    from scrapbag.recipe import Curate

STAGES = (20, 50, 100, 200, 400, 800, 1600)  # teaching answers at which a head is made anew


@dataclass(frozen=True)
class Evidence:
    """What is judged: the rows of the shards, and the answers to this very question, in the order given."""

    key: str
    shards: Shards
    facts: Facts
    links: Links
    labels: Sequence[Label]


@dataclass(frozen=True)
class Judgement:
    """One version of the scores, and what its answers certify."""

    version: str
    confidence: NDArray[np.float32]  # by row of the shards
    head: Head | None  # None: the model's own scores
    threshold: Threshold
    pool: Pool
    shown: NDArray[np.int64]  # for each picture of the pool its row of the shards

    @property
    def ranked_by(self) -> str:
        """What ranks the pictures, as the report says it."""
        if self.head is None:
            return "the model"
        return (
            f"a head ({self.head.way}) taught by {self.head.answers} answers: average precision"
            f" {self.head.precision:.2f} on answers it had not seen, the model alone {self.head.model_precision:.2f}"
        )


def judge(evidence: Evidence, settings: Curate, *, newest: bool = False) -> Judgement:
    """The newest version that is certified; without one, or when `newest` is asked for, the newest there is."""
    taught = _taught(evidence)
    stages = [stage for stage in reversed(STAGES) if stage <= len(taught)]
    first = None
    for stage in [*stages, 0]:
        lesson = taught[:stage]
        version = _version(evidence, settings, lesson)
        if first is not None and not any(label.drawn.get("version") == version for label in evidence.labels):
            continue
        learnt = _teach(evidence, lesson) if stage else None
        if stage and learnt is None:
            continue  # not better than the model
        judged = _judged(evidence, settings, version, learnt, lesson)
        if newest or judged.threshold.certificate is not None:
            return judged
        first = first or judged
    assert first is not None  # stage 0 has no lesson and is always judged
    return first


def certified(judged: Judgement) -> NDArray[np.float64]:
    """By row of the shards the 95 % lower bound of the precision of all that are as confident, to a hundredth, or more.

    NaN where no answer bears on it. Each bound holds by itself; the certificate alone holds for a threshold chosen.
    """
    bounds: NDArray[np.float64] = np.full(102, np.nan)
    if (judged.pool.answer != UNASKED).any():
        found = certify.bounds(judged.pool, [step / 100 for step in range(101)])
        bounds[:101] = [np.nan if bound is None else bound for bound in found]
    place = np.floor(np.nan_to_num(judged.confidence, nan=1.01) * 100).astype(int)
    return np.asarray(bounds[place])


def _version(evidence: Evidence, settings: Curate, lesson: Sequence[Label]) -> str:
    question = repr((evidence.key, sorted(settings.targets), labels.digest(lesson) if lesson else ""))
    return digest(question.encode()).hexdigest()[:16]


def _taught(evidence: Evidence) -> list[Label]:
    """The answers that a head may learn from, oldest first: the last one to each picture, if it is a yes or a no."""
    scored = set(evidence.shards.sha256)
    last = labels.latest(label for label in evidence.labels if label.purpose != "certify")
    drawn = {label.sha256 for label in evidence.labels if label.purpose == "certify"}
    return [one for one in last.values() if one.answer != "unsure" and one.sha256 in scored and one.sha256 not in drawn]


def _teach(evidence: Evidence, lesson: Sequence[Label]) -> Head | None:
    from curate import head  # noqa: PLC0415  scikit-learn takes a second to import, and most runs need none

    shards, links = evidence.shards, evidence.links
    if not shards.has("features"):
        return None
    row = {sha256: number for number, sha256 in enumerate(shards.sha256)}
    rows = np.array([row[label.sha256] for label in lesson])
    group = np.arange(len(shards))
    np.minimum.at(group, links.one, links.other)
    confidence = np.clip(np.nan_to_num(evidence.facts.confidence, nan=0.5), 1e-6, 1 - 1e-6)
    return head.teach(
        head.Lesson(
            features=shards.column("features").astype(np.float32),
            logit=np.log(confidence / (1 - confidence)),
            neighbours=neighbours.read(shards),
            rows=rows,
            wanted=np.array([label.answer == "yes" for label in lesson]),
            groups=group[rows],
        )
    )


def _judged(
    evidence: Evidence, settings: Curate, version: str, learnt: Head | None, lesson: Sequence[Label]
) -> Judgement:
    usable = ~np.isnan(evidence.facts.confidence)
    confidence = np.where(usable, learnt.confidence, np.nan) if learnt else evidence.facts.confidence
    groups, members, best = _groups(evidence, settings, confidence)
    row = {sha256: number for number, sha256 in enumerate(evidence.shards.sha256)}
    drawn = [one for one in evidence.labels if one.purpose == "certify" and one.drawn.get("version") == version]
    answer = np.full(len(groups), UNASKED, dtype=np.int8)
    for label in drawn:
        if label.sha256 in row and (group := members[row[label.sha256]]) >= 0:
            answer[group] = YES if label.answer == "yes" else NO
    asked = np.ones(len(groups), dtype=bool)
    learnt_from = members[[row[label.sha256] for label in lesson]] if lesson else np.zeros(0, dtype=np.int64)
    asked[learnt_from[learnt_from >= 0]] = False
    chosen = np.flatnonzero(asked)
    order = chosen[certify.shuffled([evidence.shards.sha256[groups[number]] for number in chosen], version)]
    pool = Pool(best[order].astype(np.float64), answer[order])
    found = certify.choose(pool, settings.threshold, settings.by)
    if found.certificate:
        named = replace(found.certificate, version=version, labels=labels.digest(drawn))
        found = replace(found, certificate=named)
    return Judgement(version, confidence, learnt, found, pool, groups[order])


def _groups(
    evidence: Evidence, settings: Curate, confidence: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """What a threshold has to choose from, near-duplicates counting once, when no person has a say.

    The rows that stand for a group each, for every row of the shards its group or -1, and each group's confidence.
    """
    facts = replace(evidence.facts, confidence=confidence, answer=np.full(len(evidence.shards), "", dtype=object))
    made = decide(facts, evidence.links, settings, -1.0)
    kept = np.flatnonzero(made.kept & ~np.isnan(made.confidence))
    group = np.full(made.kept.size, -1)
    group[kept] = np.arange(len(kept))
    copies = np.flatnonzero(made.link >= 0)
    group[copies] = group[evidence.links.one[made.link[copies]]]
    return kept, group, made.confidence[kept]
