"""The cut that people's answers certify: of the pictures at or above it, at least the promised share is wanted.

Two numbers are told apart throughout: the *promise* is the precision that THRESH asks for, the *cut* is the confidence
from which pictures are kept. Both lie between 0 and 1, and only without answers are they the same number.

Every picture has a place in one fixed random order, and questions are asked in that order. The answers to the first n
pictures of any set "confidence at least c" are then a uniform draw without replacement from that set, whichever set was
being asked from: answers for a strict set count for a loose one and the other way round (permanent random numbers,
E. Ohlsson 1995), and it does no harm to look after each answer, to stop, or to choose where to ask next.

The sets are tested from strict to loose, in an order that the scores alone fix, each at the significance level that the
one before hands on and with an anytime-valid test, so that the whole choice errs with a probability of at most 5 %:
B. L. Wiens, A. Dmitrienko, "The fallback procedure for evaluating a single family of hypotheses", J. Biopharm. Stat. 15
(2005) 929-942; with all the level at one start it is the fixed sequence of W. Maurer, L. Hothorn, W. Lehmacher (1995).

Our own code on purpose, here and in betting.py: no kept library draws without replacement, looks after every answer and
chooses among cuts at once; benchmarks/certify.py measures how often it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from curate.choose.betting import log_capital, lower_bound, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

ALPHA = 0.05
METHOD = "hedged betting confidence sequence, fallback procedure over thresholds"
YES, NO, UNASKED = 1, 0, -1  # "unsure" is a NO here: a promise must not rest on doubt
_SMALLEST = 40  # pictures in a set: fewer say little, and the fewer there are the sooner all are asked
_LOOSER = 2**0.5  # size of each set, relative to the next stricter one
_STRICTER = (2, 4, 8, 16, 32)  # the anchor's size divided by these gives the sets stricter than the anchor
_AT_ANCHOR = 0.8  # share of the level that starts at the anchor, where cut = promise; the rest starts at the strictest


@dataclass(frozen=True)
class Pool:
    """What a cut chooses from: one picture for each group of near-duplicates that no other rule drops.

    Both arrays are of shape (N,) and in the fixed random order (`shuffled`).
    """

    confidence: NDArray[np.float64]  # 0 to 1
    answer: NDArray[np.int8]  # YES, NO or UNASKED; only answers to certificate questions about these very scores


@dataclass(frozen=True)
class Rung:
    """One set of the ladder: all pictures whose confidence is at least `cut`."""

    cut: float
    share: float  # of ALPHA, that starts here


@dataclass(frozen=True)
class Certificate:
    """The evidence for a cut."""

    cut: float
    promise: float  # THRESH, the precision that was asked for
    lower: float  # 95 % lower bound of the precision, 0 to 1
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


def shuffled(names: Sequence[str], version: str) -> NDArray[np.int64]:
    """The fixed random order of N pictures, given by their sha256, for one version of the scores: (N,) positions."""
    if not names:
        return np.zeros(0, dtype=np.int64)
    keys = [blake2b(f"{version} {name}".encode(), digest_size=8).digest() for name in names]
    return np.argsort(np.frombuffer(b"".join(keys), dtype=">u8"), kind="stable")


def choose(pool: Pool, promise: float, by: str = "auto") -> Cut:
    """The loosest cut at which the answers certify a precision of `promise`; without any, `promise` itself is the cut.

    `by` is auto, precision (the same) or prob: cut at `promise` whatever was answered.
    """
    rungs = ladder(pool.confidence, promise)
    draws = [drawn(pool, rung.cut) for rung in rungs]
    untested: list[tuple[float, float, float]] = []  # answers missing by what they gain, answers missing, cut

    def refuted(place: int, level: float) -> bool:
        answers, size = draws[place]
        if len(answers) and log_capital(answers, size, promise).max() >= -np.log(level):
            return True
        if len(answers) < size:
            away = missing(answers, size, promise, level)
            untested.append((away / np.log(size + 1), away, rungs[place].cut))
        return False

    place = loosest(rungs, refuted)
    _, clicks, ask = min(untested, default=(np.inf, np.inf, None))
    away = int(clicks) if clicks < np.inf else None
    if place is None or by == "prob":
        return Cut(promise, "prob", None, away, ask)
    answers, size = draws[place]
    certificate = Certificate(
        cut=rungs[place].cut,
        promise=promise,
        lower=lower_bound(answers, size, ALPHA),
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


def loosest(rungs: Sequence[Rung], refuted: Callable[[int, float], bool]) -> int | None:
    """The position of the loosest rung whose null hypothesis, "the promise is broken here", is rejected; None if none.

    `refuted(place, level)` tests one rung. The fallback procedure: each rung brings its own share of ALPHA and, when
    the one before it was rejected, inherits all the level that one had.
    """
    level, last = 0.0, None
    for place, rung in enumerate(rungs):
        level += rung.share * ALPHA
        if level > 0 and refuted(place, level):
            last = place
        else:
            level = 0.0
    return last


def drawn(pool: Pool, cut: float) -> tuple[NDArray[np.int8], int]:
    """The answers that are a uniform draw from the pictures at or above `cut`, and how many pictures those are.

    These are the answers before the first gap: what was answered after an unasked picture is no uniform draw.
    """
    inside = pool.answer[pool.confidence >= cut]
    gaps = np.flatnonzero(inside == UNASKED)
    return (inside[: gaps[0]] if gaps.size else inside), len(inside)


def asked_next(pool: Pool, cut: float) -> NDArray[np.int64]:
    """Positions in the pool of the unanswered pictures at or above `cut`, the one to ask first in front."""
    return np.flatnonzero((pool.confidence >= cut) & (pool.answer == UNASKED))


def bounds(pool: Pool, cuts: Sequence[float]) -> list[tuple[float, int, int] | None]:
    """For each cut by itself the 95 % lower bound of the precision, the answers it rests on and their errors.

    None where no answer is drawn from what it keeps.
    """
    found = [drawn(pool, cut) for cut in cuts]
    return [
        (lower_bound(answers, size, ALPHA), len(answers), int((answers == NO).sum())) if len(answers) else None
        for answers, size in found
    ]
