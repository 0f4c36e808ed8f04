"""Which scores decide and from which threshold: people's answers brought to bear on the pictures.

Scores are certified version by version. A version is frozen: the model's own, or a head taught by the first 20, 50,
100, 200 ... teaching answers. It counts only answers that were drawn for it, and its head learnt from none of those.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256 as digest
from typing import TYPE_CHECKING

import numpy as np

from curate.choose import certify
from curate.choose.certify import NO, UNASKED, YES, Pool, Threshold
from curate.choose.decide import decide
from curate.scores import neighbours
from scrapbag import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.choose.decide import Facts
    from curate.choose.duplicates import Links
    from curate.choose.ranker import Head
    from curate.scores.shards import Shards
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
    row: dict[str, int] = field(repr=False)  # where a picture is in the shards


@dataclass(frozen=True)
class Frozen:
    """One version of the scores. A pool has one picture of each group of near-duplicates, in the fixed random order."""

    version: str
    head: Head | None  # None: the model's own scores
    confidence: NDArray[np.float32]  # by row of the shards
    ranked: NDArray[np.float64]  # the confidences of the pool
    shown: NDArray[np.int64]  # for each picture of the pool its row
    place: NDArray[np.int64]  # by row its place in the pool, or its like's; -1 for none

    @property
    def ranked_by(self) -> str:
        """What ranks the pictures, as the report says it."""
        if self.head is None:
            return "the model"
        return (
            f"a head taught by {self.head.answers} answers: of pairs that it had not seen it ranks"
            f" {self.head.area:.0%} right, without it {self.head.model_area:.0%}"
        )


@dataclass(frozen=True)
class Judgement:
    """A version of the scores and what the answers drawn for it certify."""

    scores: Frozen
    pool: Pool
    threshold: Threshold
    labels: str = ""  # hash of those answers, '' when there are none


def judge(evidence: Evidence, settings: Curate, *, newest: bool = False) -> Judgement:
    """The newest version that is certified; without one, or when `newest` is asked for, the newest there is."""
    answers = taught(evidence)
    first: Judgement | None = None
    for stage in stages(len(answers)):
        lesson = answers[:stage]
        version = _version(evidence, settings, lesson)
        if first is not None and not any(_drawn_for(label, version) for label in evidence.labels):
            continue
        learnt = _teach(evidence, lesson) if stage else None
        if stage and learnt is None:
            continue  # not better than the model
        judged = heard(_frozen(evidence, settings, version, learnt, lesson), evidence, settings)
        if newest or judged.threshold.certificate is not None:
            return judged
        first = first or judged
    assert first is not None  # stage 0 has no lesson and is always judged
    return first


def certified(judged: Judgement) -> NDArray[np.float64]:
    """Of all that are as confident, to a hundredth, or more: the precision's 95 % lower bound, answers and errors.

    By row of the shards, as (N, 3), NaN where no answer bears on it. Each bound holds by itself; only the certificate
    holds for a threshold that was chosen.
    """
    bounds = np.full((102, 3), np.nan)
    if (judged.pool.answer != UNASKED).any():
        found = certify.bounds(judged.pool, [step / 100 for step in range(101)])
        bounds[:101] = [(np.nan, np.nan, np.nan) if bound is None else bound for bound in found]
    place = np.floor(np.nan_to_num(judged.scores.confidence, nan=1.01) * 100).astype(int)
    return np.asarray(bounds[place])


def heard(scores: Frozen, evidence: Evidence, settings: Curate) -> Judgement:
    """What the answers certify of these very scores. Of two to one picture, or to its like, the later one counts."""
    drawn = [label for label in evidence.labels if _drawn_for(label, scores.version)]
    answer = np.full(len(scores.shown), UNASKED, dtype=np.int8)
    for label in drawn:
        if label.sha256 in evidence.row and (place := scores.place[evidence.row[label.sha256]]) >= 0:
            answer[place] = YES if label.answer == "yes" else NO
    pool = Pool(scores.ranked, answer)
    found = certify.choose(pool, settings.threshold, settings.by)
    name = labels.digest(drawn) if drawn else ""
    if found.certificate:
        found = replace(found, certificate=replace(found.certificate, version=scores.version, labels=name))
    return Judgement(scores, pool, found, name)


def taught(evidence: Evidence) -> list[Label]:
    """The answers that a head may learn from, oldest first: the last one to each picture, if it is a yes or a no."""
    drawn = {label.sha256 for label in evidence.labels if label.purpose == "certify"}
    last = labels.latest(label for label in evidence.labels if label.purpose != "certify")
    return [
        label
        for label in last.values()
        if label.answer != "unsure" and label.sha256 in evidence.row and label.sha256 not in drawn
    ]


def stages(count: int) -> list[int]:
    """The sizes of the lessons that `count` teaching answers have made, the newest first; 0 is no lesson."""
    return [stage for stage in reversed(STAGES) if stage <= count] + [0]


def _drawn_for(label: Label, version: str) -> bool:
    return label.purpose == "certify" and label.drawn.get("version") == version


def _version(evidence: Evidence, settings: Curate, lesson: Sequence[Label]) -> str:
    question = repr((evidence.key, sorted(settings.targets), labels.digest(lesson) if lesson else ""))
    return digest(question.encode()).hexdigest()[:16]


def _teach(evidence: Evidence, lesson: Sequence[Label]) -> Head | None:
    from curate.choose import ranker as head  # noqa: PLC0415  scikit-learn takes a second to import, and most runs need none

    shards, links = evidence.shards, evidence.links
    if not shards.has("features"):
        return None
    rows = np.array([evidence.row[label.sha256] for label in lesson])
    confidence = np.clip(np.nan_to_num(evidence.facts.confidence, nan=0.5), 1e-6, 1 - 1e-6)
    return head.teach(
        head.Lesson(
            features=neighbours.evened(shards.column("features")),
            logit=np.log(confidence / (1 - confidence)),
            neighbours=neighbours.read(shards),
            rows=rows,
            wanted=np.array([label.answer == "yes" for label in lesson]),
            groups=np.array([min(other for other, _ in links.around(row)) for row in rows.tolist()]),
        )
    )


def _frozen(evidence: Evidence, settings: Curate, version: str, learnt: Head | None, lesson: Sequence[Label]) -> Frozen:
    """A version of the scores before any answer drawn for it."""
    usable = ~np.isnan(evidence.facts.confidence)
    confidence = np.where(usable, learnt.confidence, np.nan) if learnt else evidence.facts.confidence
    heads, group, best = _groups(evidence, settings, confidence)
    asked = np.ones(len(heads), dtype=bool)
    learnt_from = group[[evidence.row[label.sha256] for label in lesson]]
    asked[learnt_from[learnt_from >= 0]] = False
    chosen = np.flatnonzero(asked)
    order = chosen[certify.shuffled([evidence.shards.sha256[heads[number]] for number in chosen], version)]
    place = np.full(len(heads) + 1, -1)  # the last one is for rows without a group
    place[order] = np.arange(len(order))
    return Frozen(version, learnt, confidence, best[order].astype(np.float64), heads[order], place[group])


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
    copies = np.flatnonzero(made.copies.of >= 0)
    group[copies] = group[made.copies.of[copies]]
    return kept, group, made.confidence[kept]
