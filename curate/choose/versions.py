"""Versions of the scores: the model's own, or those of a ranker fitted to the first 20, 50, 100, 200 ... answers.

A version never changes: other pictures, other copies or another correction of the class prior make another one. Each
has a pool of its own, that certificate questions are drawn from; it leaves out what the ranker was fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from curate.choose import ranker
from curate.choose.decide import decide
from curate.choose.families import Family, opened, shuffled
from curate.scores import neighbours
from scrapbag import labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from curate.choose.decide import Facts
    from curate.choose.duplicates import Links
    from curate.choose.ranker import Ranker
    from curate.scores.shards import Shards
    from scrapbag.labels import Label
    from scrapbag.recipe import Curate

_LINES = 10_000  # hashed at once
STAGES = (20, 50, 100, 200, 400, 800, 1600)  # teaching answers at which a ranker is fitted anew


@dataclass(frozen=True)
class Evidence:
    """What a judgement rests on: the rows of the shards, and the answers to this very question."""

    key: str  # of the scores
    shards: Shards
    facts: Facts
    links: Links
    ever: Sequence[Label]  # all answers in the order given, those too that were taken back
    prior: str = ""  # names the correction of the class prior that the confidences have; '' for none
    asks: bool = True  # whether questions are drawn from the pools

    @property
    def row(self) -> Mapping[str, int]:
        """By sha256 the row of the shards."""
        return self.shards.row

    @cached_property
    def labels(self) -> list[Label]:
        """The answers that hold, in the order given."""
        return [label for label in self.ever if not label.undone]

    @cached_property
    def families(self) -> dict[str, Family]:
        """The families that certificate answers have opened, by name."""
        return opened(self.ever)


@dataclass(frozen=True)
class Frozen:
    """One version of the scores of N pictures, and the pool of M pictures that certificate questions are drawn from.

    The pool has one picture of each group of near-duplicates, in the random order of its family.
    """

    version: str
    family: str  # names the version and this pool; '' where no question was ever drawn and none is to be
    seed: str  # of the random order; '' while no answer has opened the family
    ranker: Ranker | None  # None: the model's own scores
    confidence: NDArray[np.float32]  # (N,) by row of the shards, 0 to 1, NaN for unusable files
    group: NDArray[np.int64]  # (N,) by row its group of near-duplicates; -1 where another rule drops it
    group_confidence: NDArray[np.float32]  # (G,) the highest in it
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


def versions(evidence: Evidence, settings: Curate, known: Mapping[str, Frozen] | None = None) -> Iterator[Frozen]:
    """The newest version, and then every older one that certificate answers were drawn for.

    A ranker takes seconds to fit; `known` are versions, by name, that were made from the same scores before.
    """
    answers = teaching_answers(evidence)
    asked = {label.drawn.get("version") for label in evidence.ever if label.purpose == "certify"}
    first = True
    for stage in stages(len(answers)):
        examples = first_answers(answers, stage)
        version = _version(evidence, settings, examples)
        if not (first or version in asked):
            continue
        if (made := (known or {}).get(version)) is None:
            fitted = _fit_ranker(evidence, examples) if stage else None
            if stage and fitted is None:
                continue  # not better than the model
            made = _frozen(evidence, settings, version, fitted, examples)
        first = False
        yield made


def drawn_anew(scores: Frozen, shards: Shards, seed: str) -> Frozen:
    """The same pool in the random order of another seed."""
    order = shuffled(shards.named(scores.pool_row), f"{scores.family} {seed}")
    moved = np.full(len(order) + 1, -1)  # the last one is for rows that are not in the pool
    moved[order] = np.arange(len(order))
    confidence, row = scores.pool_confidence[order], scores.pool_row[order]
    return replace(scores, seed=seed, pool_confidence=confidence, pool_row=row, pool_place=moved[scores.pool_place])


def teaching_answers(evidence: Evidence) -> list[Label]:
    """The answers that a ranker may be fitted to, oldest first: the last one to each picture, if it is a yes or a no.

    Pictures that were drawn for a certificate before they taught are left out.
    """
    drawn: set[str] = set()
    last: dict[str, Label] = {}
    for label in evidence.labels:
        if label.purpose != "certify" and label.sha256 not in drawn:
            last[label.sha256] = label
        elif label.purpose == "certify" and label.sha256 not in last:
            drawn.add(label.sha256)
    return [label for label in last.values() if label.answer != "unsure" and label.sha256 in evidence.row]


def first_answers(answers: Sequence[Label], stage: int) -> Sequence[Label]:
    """The first `stage` of `answers`, or more where these are nearly all of one kind, as when many were given at once.

    A ranker needs both kinds, so the other kind is then waited for until it is half a stage.
    """
    first = answers[:stage]
    wanted = sum(label.answer == "yes" for label in first)
    if not stage or min(wanted, stage - wanted) >= ranker.LEAST:
        return first
    rare = "no" if wanted > stage - wanted else "yes"
    places = [place for place, label in enumerate(answers, 1) if label.answer == rare]
    return first if len(places) < stage // 2 else answers[: places[stage // 2 - 1]]


def stages(count: int) -> list[int]:
    """From how many of `count` teaching answers on each version's ranker is fitted, the newest first; 0: no ranker."""
    return [stage for stage in reversed(STAGES) if stage <= count] + [0]


def _version(evidence: Evidence, settings: Curate, examples: Sequence[Label]) -> str:
    taught = labels.digest(examples) if examples else ""
    around = _digest(sorted(evidence.shards.sha256)) if examples else ""  # a ranker smooths over all that was scored
    fitted = ranker.VERSION if examples else 0
    question = repr((evidence.key, sorted(settings.targets), taught, around, evidence.prior, fitted))
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
    place = np.full(len(originals) + 1, -1)  # the last one is for rows without a group
    place[chosen] = np.arange(len(chosen))
    members = np.flatnonzero(place[group] >= 0)
    ordered = evidence.asks or bool(evidence.families)  # else nobody sees the order, which takes seconds to draw
    made = Frozen(
        version=version,
        family=_family(version, evidence.shards, originals[group[members]], members) if ordered else "",
        seed="",
        ranker=fitted,
        confidence=confidence,
        group=group,
        group_confidence=best,
        pool_confidence=best[chosen].astype(np.float64),
        pool_row=originals[chosen],
        pool_place=place[group],
    )
    return drawn_anew(made, evidence.shards, "") if ordered else made


def _family(version: str, shards: Shards, original: NDArray[np.int64], member: NDArray[np.int64]) -> str:
    """The digest of a version and of the sorted lines `original member`, by sha256; few lines are in memory at once."""
    words = shards.digests.view(">u8")  # (N, 4)
    rank = np.empty(len(words), dtype=np.int64)
    rank[np.lexsort(words.T[::-1])] = np.arange(len(words))
    order, made = np.lexsort((rank[member], rank[original])), sha256(version.encode())
    for some in np.array_split(order, len(order) // _LINES + 1):
        pairs = zip(shards.named(original[some]), shards.named(member[some]), strict=True)
        made.update("".join(f"\n{one} {other}" for one, other in pairs).encode())
    return made.hexdigest()[:16]


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


def _digest(lines: Sequence[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()[:16]
