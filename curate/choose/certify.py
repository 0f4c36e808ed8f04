"""The cut that people's answers certify: of the pictures at or above it, at least the promised share is wanted.

Two numbers are told apart throughout: the *promise* is the precision that THRESH asks for, the *cut* is the confidence
from which pictures are kept. Both lie between 0 and 1, and only without answers are they the same number.

Every picture has a place in the random order of its family (families.py), and questions are asked in that order. The
answers to the first n pictures of any set "confidence at least c" are then a uniform draw without replacement from that
set, whichever set was being asked from: answers for a strict set count for a loose one and the other way round
(permanent random numbers, E. Ohlsson 1995), and it does no harm to look after each answer, to stop, or to choose where
to ask next.

The sets form a ladder that the scores and the family's home promise fix. They are tested in two ways at once, whose
levels add up to the family's:

- At the home promise, from strict to loose, each at the level that the one before hands on: B. L. Wiens, A. Dmitrienko,
  "The fallback procedure for evaluating a single family of hypotheses", J. Biopharm. Stat. 15 (2005) 929-942; with all
  the level at one start it is the fixed sequence of W. Maurer, L. Hothorn, W. Lehmacher (1995).
- Each set by a lower bound of its own (a confidence sequence, with an equal share of the level). These bounds hold all
  at once, at all times, so they answer for every promise that anybody moves THRESH to.

Our own code on purpose, here and in betting.py: no kept library draws without replacement, looks after every answer and
chooses among cuts at once; benchmarks/certify.py measures how often it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.choose.betting import ahead, further, lower_bound
from curate.choose.families import ALPHA, Family

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

METHOD = "hedged betting confidence sequence, fallback procedure over thresholds"
YES, NO, UNASKED = 1, 0, -1  # "unsure" is a NO here: a promise must not rest on doubt
_REACHES = (100, 400)  # further answers that are looked ahead; what is further away than the last is out of reach
_SMALLEST = 40  # pictures in a set: fewer say little, and the fewer there are the sooner all are asked
_LOOSER = 2**0.5  # size of each set, relative to the next stricter one
_STRICTER = (2, 4, 8, 16, 32)  # the anchor's size divided by these gives the sets stricter than the anchor
_AT_ANCHOR = (
    8 / 9
)  # share of the level that starts at the anchor, where cut = promise; the rest starts at the strictest


@dataclass(frozen=True)
class Pool:
    """What a cut chooses from: one picture for each group of near-duplicates that no other rule drops.

    Both arrays are of shape (N,) and in the random order of the family.
    """

    confidence: NDArray[np.float64]  # 0 to 1
    answer: NDArray[np.int8]  # YES, NO or UNASKED; only answers to certificate questions


@dataclass(frozen=True)
class Rung:
    """One set of the ladder: all pictures whose confidence is at least `cut`."""

    cut: float
    share: float  # of the level at the home promise, that starts here


@dataclass(frozen=True)
class Certificate:
    """The evidence for a cut."""

    cut: float
    promise: float  # THRESH, the precision that was asked for
    lower: float  # lower bound of the precision, 0 to 1, at least the promise; see `choose`
    n: int  # answers that count, from a uniform draw
    errors: int  # of these, how many were not a yes
    size: int  # pictures in the pool that the cut keeps
    version: str = ""  # of the scores that the answers were drawn for
    labels: str = ""  # hash of the answers
    method: str = METHOD

    def __str__(self) -> str:
        return (
            f"at least {self.lower:.3f} with 95 % confidence from {self.cut:.4f} up: {self.n} answers,"
            f" {self.errors} errors, labels {self.labels}, {self.method}"
        )


@dataclass(frozen=True)
class Cut:
    """Where the scores are cut, why there, and what to ask next."""

    value: float  # a confidence, 0 to 1
    by: str  # prob: the promise taken as a confidence | precision: certified
    certificate: Certificate | None
    missing: int | None  # answers until the next certificate, if all of them are yes; None: none is in reach
    ask: float | None  # ask the first unanswered picture that is at least this confident; None: nothing left to ask


class Standing:
    """The ladder of a pool, the answers drawn from each rung, and what these say for one family."""

    def __init__(self, pool: Pool, family: Family, reach: int = 0) -> None:
        """`reach` is how many further answers, each a yes, are looked ahead."""
        self.rungs = ladder(pool.confidence, family.home)
        self.draws = [drawn(pool, rung.cut) for rung in self.rungs]
        self._home, self._each, self._reach = family.home, family.each(len(self.rungs)), reach
        self._ahead: dict[float, NDArray[np.float64]] = {}
        self._level: dict[int, float] = {}  # by rung at which level the home promise was tested
        self._at_home: set[int] = set()  # the rungs where it was certified
        loosest(self.rungs, self._test_home, family.at_home)

    def certified(self, place: int, promise: float) -> bool:
        """Whether a rung keeps `promise`."""
        known = place in self._at_home and promise <= self._home
        return known or self._away(place, promise, self._each) == 0

    def away(self, place: int, promise: float) -> float:
        """How many answers, each a yes, certify that a rung keeps `promise`; infinity where that is out of reach."""
        at_home = self._level.get(place, 0.0) if promise <= self._home else 0.0
        return min(
            self._away(place, promise, self._each), self._away(place, self._home, at_home) if at_home else np.inf
        )

    def lower(self, place: int) -> float:
        """A lower bound of a rung's precision; those of all rungs hold at once."""
        answers, size = self.draws[place]
        return max(lower_bound(answers, size, self._each), self._home if place in self._at_home else 0.0)

    def _test_home(self, place: int, level: float) -> bool:
        self._level[place] = level
        if self._away(place, self._home, level) == 0:
            self._at_home.add(place)
        return place in self._at_home

    def _away(self, place: int, promise: float, level: float) -> float:
        if promise not in self._ahead:
            self._ahead[promise] = ahead(self.draws, promise, self._reach)
        return further(self._ahead[promise][place], len(self.draws[place][0]), level)


def choose(pool: Pool, promise: float, by: str = "auto", family: Family | None = None) -> Cut:
    """The loosest cut at which the answers certify a precision of `promise`; without any, `promise` itself is the cut.

    `by` is auto, precision (the same) or prob: cut at `promise` whatever was answered. Without a `family` it is the
    first, opened at this promise. What is certified, the lower bound too, holds together with all that is ever
    certified in any family, for any promise: one may look, move THRESH and pick the best without end.
    """
    for reach in _REACHES:
        tested = Standing(pool, family or Family(1, promise), reach)
        sizes = [size for _, size in tested.draws]
        place = max((one for one in range(len(sizes)) if tested.certified(one, promise)), default=-1)
        looser = [
            (away / np.log(sizes[one] + 1), away, -rung.cut)  # answers missing by what they gain
            for one, rung in enumerate(tested.rungs)
            if one > place and len(tested.draws[one][0]) < sizes[one]
            for away in [tested.away(one, promise)]
        ]
        if looser and min(looser)[0] < reach / np.log(max(sizes) + 1):
            break  # what is further away than `reach` gains less
    _, clicks, ask = min(looser, default=(np.inf, np.inf, None))
    away, ask = int(clicks) if clicks < np.inf else None, None if ask is None else -ask
    if place < 0 or by == "prob":
        return Cut(promise, "prob", None, away, ask)
    answers, size = tested.draws[place]
    certificate = Certificate(
        cut=tested.rungs[place].cut,
        promise=promise,
        lower=max(promise, tested.lower(place)),
        n=len(answers),
        errors=int((answers == NO).sum()),
        size=size,
    )
    return Cut(certificate.cut, "precision", certificate, away, ask)


def ladder(confidence: NDArray[np.float64], promise: float) -> list[Rung]:
    """The cuts to test, strict to loose. They follow from the scores alone: answers must not choose their own test."""
    ranked = np.sort(confidence)[::-1]
    if not ranked.size:
        return []
    smallest = min(_SMALLEST, ranked.size)
    anchor = max(smallest, int((ranked >= promise).sum()))
    sizes = {anchor, ranked.size, *(anchor // by for by in _STRICTER if anchor // by >= smallest)}
    size: float = anchor
    while (size := size * _LOOSER) < ranked.size:
        sizes.add(int(size))
    values = sorted({float(ranked[size - 1]) for size in sizes}, reverse=True)
    shares = dict.fromkeys(values, 0.0)
    shares[values[0]] += 1 - _AT_ANCHOR
    shares[float(ranked[anchor - 1])] += _AT_ANCHOR
    return [Rung(value, shares[value]) for value in values]


def loosest(rungs: Sequence[Rung], refuted: Callable[[int, float], bool], alpha: float = ALPHA) -> int | None:
    """The position of the loosest rung whose null hypothesis, "the promise is broken here", is rejected; None if none.

    `refuted(place, level)` tests one rung. The fallback procedure: each rung brings its own share of `alpha` and, when
    the one before it was rejected, inherits all the level that one had.
    """
    level, last = 0.0, None
    for place, rung in enumerate(rungs):
        level += rung.share * alpha
        if level > 0 and refuted(place, level):
            last = place
        else:
            level = 0.0
    return last


def drawn(pool: Pool, cut: float) -> tuple[NDArray[np.int8], int]:
    """The answers that are a uniform draw from the pictures at or above `cut`, and how many pictures those are.

    These are the answers before the first gap: what was answered after an unasked picture is no uniform draw.
    """
    inside = pool.confidence >= cut
    known = np.flatnonzero(pool.answer != UNASKED)
    first = known[-1] + 1 if known.size else 0
    answers = pool.answer[:first][inside[:first]]
    gaps = np.flatnonzero(answers == UNASKED)
    return (answers[: gaps[0]] if gaps.size else answers), int(inside.sum())


def asked_next(pool: Pool, cut: float) -> NDArray[np.int64]:
    """Positions in the pool of the unanswered pictures at or above `cut`, the one to ask first in front."""
    return np.flatnonzero((pool.confidence >= cut) & (pool.answer == UNASKED))


def bounds(pool: Pool, cuts: Sequence[float], family: Family) -> list[tuple[float, int, int] | None]:
    """For each cut a lower bound of the precision of what it keeps, the answers drawn from that, and their errors.

    None where no answer is drawn from what it keeps. All bounds hold at once: they follow from those of the rungs, by
    counting. A set keeps at least the wanted pictures of a stricter one, and at most the unwanted of a looser one.
    """
    tested = Standing(pool, family)
    size = np.array([size for _, size in tested.draws])
    wanted = np.array([tested.lower(place) for place in range(len(size))]) * size
    found: list[tuple[float, int, int] | None] = []
    for cut in cuts:
        answers, kept = drawn(pool, cut)
        if not len(answers):
            found.append(None)
            continue
        least = np.where(size <= kept, wanted, kept - (size - wanted)).max(initial=0)
        found.append((float(np.floor(least / kept * 1e4) / 1e4), len(answers), int((answers == NO).sum())))
    return found
