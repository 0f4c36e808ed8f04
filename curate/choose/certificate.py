"""Which version of the scores decides, and where it is cut: people's answers applied to the pictures.

Scores are certified version by version. A version is the model's own scores, or those of a ranker fitted to the first
20, 50, 100, 200 ... teaching answers. Its certificate counts only answers to questions that were drawn for it, and its
ranker was fitted to none of those: a certificate is always out of sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from curate.choose import certify, ranker
from curate.choose.certify import NO, UNASKED, YES, Cut, Pool
from curate.choose.decide import decide
from curate.scores import neighbours
from scrapbag import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.choose.decide import Facts
    from curate.choose.duplicates import Links
    from curate.choose.ranker import Ranker
    from curate.scores.shards import Shards
    from scrapbag.labels import Label
    from scrapbag.recipe import Curate

STAGES = (20, 50, 100, 200, 400, 800, 1600)  # teaching answers at which a ranker is fitted anew


@dataclass(frozen=True)
class Evidence:
    """What a judgement rests on: the rows of the shards, and the answers to this very question, in the order given."""

    key: str  # of the scores
    shards: Shards
    facts: Facts
    links: Links
    labels: Sequence[Label]
    row: dict[str, int] = field(repr=False)  # by sha256 the row of the shards


@dataclass(frozen=True)
class Frozen:
    """One version of the scores of N pictures, and the pool of M pictures that certificate questions are drawn from.

    The pool has one picture of each group of near-duplicates, in the fixed random order of this version.
    """

    version: str
    ranker: Ranker | None  # None: the model's own scores
    confidence: NDArray[np.float32]  # (N,) by row of the shards, 0 to 1, NaN for unusable files
    pool_confidence: NDArray[np.float64]  # (M,)
    pool_row: NDArray[np.int64]  # (M,) for each picture of the pool its row of the shards
    pool_place: NDArray[np.int64]  # (N,) by row the position in the pool of it or of its near-duplicate; -1 for none

    @property
    def ranked_by(self) -> str:
        """What ranks the pictures, as the report says it."""
        if self.ranker is None:
            return "the model"
        return (
            f"a ranker fitted to {self.ranker.answers} answers: of pairs that it had not seen it ranks"
            f" {self.ranker.area:.0%} right, the model alone {self.ranker.model_area:.0%}"
        )


@dataclass(frozen=True)
class Judgement:
    """A version of the scores, and the cut that the answers drawn for it certify."""

    scores: Frozen
    pool: Pool
    cut: Cut
    labels: str = ""  # hash of those answers, '' when there are none


def judge(evidence: Evidence, settings: Curate, *, newest: bool = False) -> Judgement:
    """The newest version that is certified; without one, or when `newest` is asked for, the newest there is."""
    answers = teaching_answers(evidence)
    first: Judgement | None = None
    for stage in stages(len(answers)):
        examples = answers[:stage]
        version = _version(evidence, settings, examples)
        if first is not None and not any(_drawn_for(label, version) for label in evidence.labels):
            continue
        fitted = _fit_ranker(evidence, examples) if stage else None
        if stage and fitted is None:
            continue  # not better than the model
        judged = judge_version(_frozen(evidence, settings, version, fitted, examples), evidence, settings)
        if newest or judged.cut.certificate is not None:
            return judged
        first = first or judged
    assert first is not None  # stage 0, the model's own scores, is always judged
    return first


def certified(judged: Judgement) -> NDArray[np.float64]:
    """For every row of the shards, of all pictures that are at least as confident: bound, answers and errors, (N, 3).

    The bound is the 95 % lower bound of the precision; confidences are rounded down to hundredths. NaN where no answer
    was drawn from these pictures. Each bound is valid by itself; only the certificate is for a cut that was chosen
    among many.
    """
    bounds = np.full((102, 3), np.nan)
    if (judged.pool.answer != UNASKED).any():
        found = certify.bounds(judged.pool, [step / 100 for step in range(101)])
        bounds[:101] = [(np.nan, np.nan, np.nan) if bound is None else bound for bound in found]
    place = np.floor(np.nan_to_num(judged.scores.confidence, nan=1.01) * 100).astype(int)
    return np.asarray(bounds[place])


def judge_version(scores: Frozen, evidence: Evidence, settings: Curate) -> Judgement:
    """What the answers certify of one version of the scores.

    Of two answers to one picture, or to near-duplicates, the later one counts.
    """
    drawn = [label for label in evidence.labels if _drawn_for(label, scores.version)]
    answer = np.full(len(scores.pool_row), UNASKED, dtype=np.int8)
    for label in drawn:
        if label.sha256 in evidence.row and (place := scores.pool_place[evidence.row[label.sha256]]) >= 0:
            answer[place] = YES if label.answer == "yes" else NO
    pool = Pool(scores.pool_confidence, answer)
    found = certify.choose(pool, settings.threshold, settings.by)
    name = labels.digest(drawn) if drawn else ""
    if found.certificate:
        found = replace(found, certificate=replace(found.certificate, version=scores.version, labels=name))
    return Judgement(scores, pool, found, name)


def teaching_answers(evidence: Evidence) -> list[Label]:
    """The answers that a ranker may be fitted to, oldest first: the last one to each picture, if it is a yes or a no.

    Pictures that were ever drawn for a certificate are left out.
    """
    drawn = {label.sha256 for label in evidence.labels if label.purpose == "certify"}
    last = labels.latest(label for label in evidence.labels if label.purpose != "certify")
    return [
        label
        for label in last.values()
        if label.answer != "unsure" and label.sha256 in evidence.row and label.sha256 not in drawn
    ]


def stages(count: int) -> list[int]:
    """How many of `count` teaching answers each version's ranker was fitted to, the newest first; 0: no ranker."""
    return [stage for stage in reversed(STAGES) if stage <= count] + [0]


def _drawn_for(label: Label, version: str) -> bool:
    return label.purpose == "certify" and label.drawn.get("version") == version


def _version(evidence: Evidence, settings: Curate, examples: Sequence[Label]) -> str:
    question = repr((evidence.key, sorted(settings.targets), labels.digest(examples) if examples else ""))
    return sha256(question.encode()).hexdigest()[:16]


def _fit_ranker(evidence: Evidence, examples: Sequence[Label]) -> Ranker | None:
    shards, links = evidence.shards, evidence.links
    if not shards.has("features"):
        return None
    rows = np.array([evidence.row[label.sha256] for label in examples])
    confidence = np.clip(np.nan_to_num(evidence.facts.confidence, nan=0.5), 1e-6, 1 - 1e-6)
    return ranker.fit(
        ranker.TrainingSet(
            features=neighbours.power_normalised(shards.column("features")),
            logit=np.log(confidence / (1 - confidence)),
            neighbours=neighbours.read(shards),
            rows=rows,
            wanted=np.array([label.answer == "yes" for label in examples]),
            groups=np.array([min(other for other, _ in links.around(row)) for row in rows.tolist()]),
        )
    )


def _frozen(
    evidence: Evidence, settings: Curate, version: str, fitted: Ranker | None, examples: Sequence[Label]
) -> Frozen:
    """A version of the scores and its pool, which leaves out what the ranker was fitted to."""
    usable = ~np.isnan(evidence.facts.confidence)
    confidence = np.where(usable, fitted.confidence, np.nan) if fitted else evidence.facts.confidence
    originals, group, best = _groups(evidence, settings, confidence)
    in_pool = np.ones(len(originals), dtype=bool)
    learnt = group[[evidence.row[label.sha256] for label in examples]]
    in_pool[learnt[learnt >= 0]] = False
    chosen = np.flatnonzero(in_pool)
    order = chosen[certify.shuffled([evidence.shards.sha256[originals[number]] for number in chosen], version)]
    place = np.full(len(originals) + 1, -1)  # the last one is for rows without a group
    place[order] = np.arange(len(order))
    return Frozen(version, fitted, confidence, best[order].astype(np.float64), originals[order], place[group])


def _groups(
    evidence: Evidence, settings: Curate, confidence: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The G groups of near-duplicates that a cut chooses from: those that no other rule drops, answers left aside.

    The row of each group's original (G,); for every row of the shards its group or -1 (N,); each group's confidence
    (G,), the highest in it.
    """
    facts = replace(evidence.facts, confidence=confidence, answer=np.full(len(evidence.shards), "", dtype=object))
    made = decide(facts, evidence.links, settings, None)
    kept = np.flatnonzero(made.kept & ~np.isnan(made.confidence))
    group = np.full(made.kept.size, -1)
    group[kept] = np.arange(len(kept))
    copies = np.flatnonzero(made.copies.original >= 0)
    group[copies] = group[made.copies.original[copies]]
    return kept, group, made.confidence[kept]
