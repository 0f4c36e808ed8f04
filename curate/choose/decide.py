"""Kept or dropped, and why, for every picture: a pure function of what was measured and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.choose import duplicates
from curate.squares.fit import side_used
from scrapbag.reasons import DECISION_REASONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.choose.duplicates import Copies, Links
    from scrapbag.reasons import DecisionReason
    from scrapbag.recipe import Curate

_LOOKS: tuple[DecisionReason, ...] = (
    "odd_aspect",
    "low_information",
    "blurry",
    "collage",
)  # judgements of looks, which a person's yes overrules
_SPREAD = 1.4826  # median absolute deviation to standard deviation, for a normal distribution


@dataclass(frozen=True)
class Facts:
    """What is known of N pictures, as columns of shape (N,); of the settings only the targets and licences matter here.

    Units are those of `curate.rows.Row`.
    """

    number: NDArray[np.int64]
    problem: NDArray[Any]  # text: '' or a reason
    width: NDArray[np.int64]  # pixels, upright
    height: NDArray[np.int64]
    bytes: NDArray[np.int64]
    blur: NDArray[np.float32]
    entropy: NDArray[np.float32]
    border_uniform: NDArray[np.float32]
    panels: NDArray[np.int64]
    confidence: NDArray[np.float32]  # 0 to 1; NaN without targets, and for unusable files
    on_target: NDArray[np.bool_]  # a target wins over every other class
    answer: NDArray[Any]  # text: yes | no | unsure | ''
    licensed: NDArray[np.bool_]


@dataclass(frozen=True)
class Decisions:
    """What became of N pictures, as columns of shape (N,)."""

    kept: NDArray[np.bool_]
    failed: dict[DecisionReason, NDArray[np.bool_]]  # by reason, in the order of DECISION_REASONS
    margin: NDArray[np.float32]  # -1 to 1, how far from flipping; NaN where no number decides
    confidence: NDArray[np.float32]  # of an original the highest among it and its copies
    copies: Copies
    answer: NDArray[Any]  # a picture without an answer inherits that of a near-duplicate
    enlargement: NDArray[np.float32]  # side of the square / side of the picture that it is made from


def decide(facts: Facts, links: Links, settings: Curate, cut: float | None) -> Decisions:
    """Keep what a person said yes to or what has a confidence of at least `cut`, unless another rule drops it.

    `cut` is None where no classifier decides; `settings.threshold` is the promise and not read here. A person's answer
    wins over the classifier and over judgements of looks, not over a file that is broken, too small, of the wrong
    licence, or a copy. Which of several near-duplicates is the original does not depend on the cut, and it carries the
    highest confidence among them: so a higher cut keeps a subset of what a lower one keeps.
    """
    answer = _inherited(facts.answer, links)
    side = side_used(settings.fit, facts.width, facts.height, facts.border_uniform)
    enlargement = settings.size / np.maximum(side, 1)
    failed, margins = _rules(facts, settings, enlargement)
    for reason in _LOOKS:
        failed[reason] = failed[reason] & (answer != "yes")
    copies = originals(facts, links, ~np.logical_or.reduce(list(failed.values())))
    confidence = _best_of_copies(facts.confidence, copies)
    least = np.nan if cut is None else cut  # no confidence is under NaN
    margins["low_confidence"] = margins["off_target"] = confidence - least
    unknown = np.isnan(confidence) & (cut is not None and bool(settings.targets))  # such a score passes no cut
    doubted = (facts.problem == "") & ((confidence < least) | unknown) & (answer != "yes")
    failed |= {
        "human_reject": answer == "no",
        "off_target": doubted & ~facts.on_target,
        "low_confidence": doubted & facts.on_target,
        "dup_near": copies.original >= 0,
    }
    ordered = {reason: failed[reason] for reason in DECISION_REASONS if reason in failed}
    kept = ~np.logical_or.reduce(list(ordered.values()))
    margin = _margin(kept, ordered, margins)
    return Decisions(kept, ordered, margin, confidence, copies, answer, enlargement.astype(np.float32))


def originals(facts: Facts, links: Links, able: NDArray[np.bool_]) -> Copies:
    """For each picture its original: of its near-duplicates that are `able`, (N,), the one with the most pixels."""
    order = np.lexsort((facts.number, -facts.bytes, -facts.width * facts.height))
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return duplicates.originals(order.size, links, rank, able)


def _rules(
    facts: Facts, settings: Curate, enlargement: NDArray[Any]
) -> tuple[dict[DecisionReason, NDArray[np.bool_]], dict[DecisionReason, NDArray[Any]]]:
    """The cut aside: by reason which pictures fail, and by reason how far each is from the limit, as a share of it."""
    readable = facts.problem == ""
    least = np.minimum(facts.width, facts.height)
    longest = np.maximum(facts.width, facts.height)
    small = least / settings.min_side - 1
    if not settings.enlarge:
        small = np.minimum(small, 1 / enlargement - 1)
    margins: dict[DecisionReason, NDArray[Any]] = {
        "too_small": small,
        "odd_aspect": 1 - longest / np.maximum(least, 1) / settings.max_aspect,
        "low_information": facts.entropy / _low(facts.entropy[readable], most=1.0) - 1,
        "blurry": facts.blur / _low(np.log(facts.blur[readable] + 1), most=np.log(31), unlog=True) - 1,
    }
    failed = {reason: readable & (margin < 0) for reason, margin in margins.items()}
    failed |= {
        "gone": facts.problem == "gone",
        "missing": facts.problem == "missing",
        "unreadable": facts.problem == "unreadable",
        "not_image": facts.problem == "not_image",
        "placeholder": facts.problem == "placeholder",
        "too_large": facts.problem == "too_large",
        "collage": readable & (facts.panels > 1),
        "licence": ~facts.licensed,
    }
    return failed, margins


def _low(values: NDArray[Any], most: float, *, unlog: bool = False) -> float:
    """What is low for this dataset: 3 robust standard deviations under its median, but at most `most`.

    `unlog` says that `values` and `most` are log(value + 1); the limit comes back without the logarithm.
    """
    if not values.size:
        return 1.0
    median = float(np.median(values))
    limit = min(most, median - 3 * _SPREAD * float(np.median(np.abs(values - median))))
    return max(float(np.exp(limit) - 1) if unlog else limit, 1e-3)


def _margin(
    kept: NDArray[np.bool_],
    failed: dict[DecisionReason, NDArray[np.bool_]],
    margins: dict[DecisionReason, NDArray[Any]],
) -> NDArray[np.float32]:
    """The smallest of all distances: over 0 how much a kept picture can lose, under 0 how much a dropped one lacks."""
    nearest = np.full(kept.size, np.inf)
    for margin in margins.values():
        nearest = np.fmin(nearest, margin)
    unmeasured = np.logical_or.reduce([which for reason, which in failed.items() if reason not in margins])
    contradicted = (nearest >= 0) != kept  # a person's answer overrules the numbers
    return np.where(unmeasured | contradicted | np.isinf(nearest), np.nan, np.clip(nearest, -1, 1)).astype(np.float32)


def _best_of_copies(confidence: NDArray[np.float32], copies: Copies) -> NDArray[np.float32]:
    """Confidences in which every original has the highest among it and its copies."""
    rows = np.flatnonzero(copies.original >= 0)
    best = confidence.copy()
    np.fmax.at(best, copies.original[rows], confidence[rows])
    return best


def _inherited(answer: NDArray[Any], links: Links) -> NDArray[Any]:
    """The answers; a picture without one takes that of a near-duplicate, of several that of the lowest row."""
    filled = answer.copy()
    for row in links.rows[answer[links.rows] != ""][::-1].tolist():
        for other, _ in links.around(row):
            if not answer[other]:
                filled[other] = answer[row]
    return filled
