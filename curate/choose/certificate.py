"""What people's answers certify of each version of the scores, and which version decides.

A certificate counts answers to certificate questions alone, and of pictures that the version's ranker was not fitted
to: it is always out of sample. All certificates of a dataset hold at once (families.py), so the one that keeps most is
used, and further answers never shrink what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.choose import certify
from curate.choose.certify import NO, UNASKED, YES, Cut, Pool
from curate.choose.families import Family
from curate.choose.versions import drawn_anew, versions
from scrapbag import labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from curate.choose.versions import Evidence, Frozen
    from scrapbag.labels import Label
    from scrapbag.recipe import Curate


@dataclass(frozen=True)
class Judgement:
    """A version of the scores, and the cut that the answers certify of it."""

    scores: Frozen
    pool: Pool
    cut: Cut
    family: Family
    kept: int  # groups of near-duplicates that this cut and people's answers keep
    labels: str = ""  # hash of the answers that count, '' when there are none


def judge(evidence: Evidence, settings: Curate, *, newest: bool = False) -> Judgement:
    """Of the certified versions the one that keeps most; without one, or for `newest`, the newest there is."""
    found = (judge_version(scores, evidence, settings) for scores in versions(evidence, settings))
    return next(found) if newest else best(found)


def best(found: Iterable[Judgement]) -> Judgement:
    """Of judgements, newest first: that of the certified ones that keeps most; the first where none is certified."""
    judged = list(found)
    certified_ones = [one for one in judged if one.cut.certificate]
    return max(certified_ones, key=lambda one: one.kept, default=judged[0])


def judge_version(scores: Frozen, evidence: Evidence, settings: Curate) -> Judgement:
    """What the answers certify of one version of the scores.

    Of two answers to one picture, or to near-duplicates, the later one counts. A family that no answer has opened yet
    counts none, so that its random order shows nothing before the family has its number.
    """
    families = evidence.families
    family = families.get(scores.family) or Family(len(families) + 1, settings.threshold)
    if scores.seed != family.seed:
        scores = drawn_anew(scores, evidence.shards, family.seed)
    answer = np.full(len(scores.pool_row), UNASKED, dtype=np.int8)
    drawn: list[Label] = []
    for label in evidence.labels if family.seed else ():
        place = scores.pool_place[evidence.row[label.sha256]] if label.sha256 in evidence.row else -1
        if label.purpose == "certify" and place >= 0:
            drawn.append(label)
            answer[place] = YES if label.answer == "yes" else NO
    pool = Pool(scores.pool_confidence, answer)
    found = certify.choose(pool, settings.threshold, settings.by, family)
    name = labels.digest(drawn) if drawn else ""
    if found.certificate:
        found = replace(found, certificate=replace(found.certificate, version=scores.version, labels=name))
    if found.missing is not None and not family.seed:
        found = replace(found, missing=found.missing + 1)  # the answer that opens it is drawn before its order is
    return Judgement(scores, pool, found, family, _kept(scores, found.value, evidence), name)


def certified(judged: Judgement) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Of all pictures that are at least as confident: bound, answers and errors, (102, 3); and each row's place there.

    The bound is a lower bound of the precision; confidences are rounded down to hundredths. NaN where no answer was
    drawn from these pictures. All bounds, and the certificate, hold at once with 95 % confidence. The places are (N,),
    of the rows of the shards.
    """
    bounds = np.full((102, 3), np.nan)
    if (judged.pool.answer != UNASKED).any():
        found = certify.bounds(judged.pool, [step / 100 for step in range(101)], judged.family)
        bounds[:101] = [(np.nan, np.nan, np.nan) if bound is None else bound for bound in found]
    place = np.floor(np.nan_to_num(judged.scores.confidence, nan=1.01) * 100).astype(np.uint8)
    return bounds, place


def _kept(scores: Frozen, cut: float, evidence: Evidence) -> int:
    kept = scores.group_confidence >= cut
    for label in evidence.labels:
        group = scores.group[evidence.row[label.sha256]] if label.sha256 in evidence.row else -1
        if group >= 0:
            kept[group] = label.answer == "yes" or (label.answer == "unsure" and scores.group_confidence[group] >= cut)
    return int(kept.sum())
