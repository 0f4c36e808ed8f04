"""The threshold that people's answers certify: of what it keeps, at least the promised share is wanted.

Every picture has a place in one fixed random order, and questions are asked in it. So the answered beginning of any
set, `all that are at least this confident`, is a uniform draw without replacement from it, whichever set was being
asked from: answers for a strict set count for a loose one and the other way round (permanent random numbers,
E. Ohlsson 1995), and it does no harm to look after each answer, to stop, or to choose where to ask next.

The sets are tested from strict to loose in an order that the scores alone have fixed, each at the level that the one
before hands on and with an anytime-valid test, so the whole choice errs with at most 5 %: B. L. Wiens, A. Dmitrienko,
"The fallback procedure for evaluating a single family of hypotheses", J. Biopharm. Stat. 15 (2005) 929-942; with all
the level at one start it is the fixed sequence of W. Maurer, L. Hothorn, W. Lehmacher (1995).
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
_LOOSER = 2**0.5  # each set by the next stricter one
_STRICTER = (2, 4, 8, 16, 32)
_AT_THRESHOLD = (
    0.8  # of the level starts at the set that the threshold keeps as a probability, the rest at the strictest
)


@dataclass(frozen=True)
class Pool:
    """What a threshold chooses from: one picture for each group of near-duplicates that no other rule drops.

    All arrays are in the fixed random order (`shuffled`).
    """

    confidence: NDArray[np.float64]
    answer: NDArray[np.int8]  # YES, NO or UNASKED, of certificate draws of this version alone


@dataclass(frozen=True)
class Step:
    """One set of the ladder: all that are at least this confident."""

    threshold: float
    share: float  # of the level, that starts here


@dataclass(frozen=True)
class Certificate:
    """The evidence for a threshold."""

    threshold: float
    promise: float  # THRESH
    lower: float  # 95 % lower bound of the precision
    n: int  # answers that count, from a uniform draw
    errors: int
    size: int  # pictures in the pool that the threshold keeps
    version: str = ""  # of the scores that the answers were drawn for
    labels: str = ""  # hash of the answers
    method: str = METHOD

    def __str__(self) -> str:
        return (
            f"at least {self.lower:.3f} with 95 % confidence from {self.threshold:.4f} up: {self.n} answers,"
            f" {self.errors} errors, labels {self.labels}, {self.method}"
        )


@dataclass(frozen=True)
class Threshold:
    """The threshold to decide by, and what to ask next."""

    value: float
    by: str  # prob | precision
    certificate: Certificate | None
    missing: int | None  # answers until the next certificate, were all of them yes; None: none is in reach
    ask: float | None  # ask the first unanswered picture that is at least this confident; None: nothing left to ask


def shuffled(names: Sequence[str], version: str) -> NDArray[np.int64]:
    """The fixed random order of pictures, by their sha256, that belongs to one version of the scores."""
    if not names:
        return np.zeros(0, dtype=np.int64)
    keys = [blake2b(f"{version} {name}".encode(), digest_size=8).digest() for name in names]
    return np.argsort(np.frombuffer(b"".join(keys), dtype=">u8"), kind="stable")


def choose(pool: Pool, promise: float, by: str = "auto") -> Threshold:
    """The loosest threshold that the answers certify to keep `promise`; without any, `promise` as a probability."""
    sets = ladder(pool.confidence, promise)
    seen = [drawn(pool, one.threshold) for one in sets]
    open_sets: list[tuple[float, float, float]] = []  # may be next: (pains by gain, answers missing, threshold)

    def refuted(place: int, level: float) -> bool:
        answers, size = seen[place]
        if len(answers) and log_capital(answers, size, promise).max() >= -np.log(level):
            return True
        if len(answers) < size:
            away = missing(answers, size, promise, level)
            open_sets.append((away / np.log(size + 1), away, sets[place].threshold))
        return False

    place = loosest(sets, refuted)
    _, clicks, ask = min(open_sets, default=(np.inf, np.inf, None))
    away = int(clicks) if clicks < np.inf else None
    if place is None or by == "prob":
        return Threshold(promise, "prob", None, away, ask)
    answers, size = seen[place]
    certificate = Certificate(
        threshold=sets[place].threshold,
        promise=promise,
        lower=lower_bound(answers, size, ALPHA),
        n=len(answers),
        errors=int((answers == NO).sum()),
        size=size,
    )
    return Threshold(certificate.threshold, "precision", certificate, away, ask)


def ladder(confidence: NDArray[np.float64], promise: float) -> list[Step]:
    """The thresholds to test, strict to loose. It sees the scores alone: answers must not choose their own test."""
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
    shares[values[0]] += 1 - _AT_THRESHOLD
    shares[float(ranked[anchor - 1])] += _AT_THRESHOLD
    return [Step(value, shares[value]) for value in values]


def loosest(sets: Sequence[Step], refuted: Callable[[int, float], bool]) -> int | None:
    """The last set for which `refuted(place, level)` holds.

    Each set brings its own share of the level and, when the one before it was refuted, inherits all that one had.
    """
    level, last = 0.0, None
    for place, one in enumerate(sets):
        level += one.share * ALPHA
        if level > 0 and refuted(place, level):
            last = place
        else:
            level = 0.0
    return last


def drawn(pool: Pool, threshold: float) -> tuple[NDArray[np.int8], int]:
    """The answers that are a uniform draw from what `threshold` keeps, and how many that is."""
    inside = pool.answer[pool.confidence >= threshold]
    gaps = np.flatnonzero(inside == UNASKED)
    return (inside[: gaps[0]] if gaps.size else inside), len(inside)


def asked_next(pool: Pool, threshold: float) -> NDArray[np.int64]:
    """Places in the pool of all that `threshold` keeps and nobody answered, first the one to ask."""
    return np.flatnonzero((pool.confidence >= threshold) & (pool.answer == UNASKED))


def bounds(pool: Pool, thresholds: Sequence[float]) -> list[tuple[float, int, int] | None]:
    """For each threshold by itself the 95 % lower bound of the precision, the answers it rests on and their errors.

    None where no answer is drawn from what it keeps.
    """
    found = [drawn(pool, threshold) for threshold in thresholds]
    return [
        (lower_bound(answers, size, ALPHA), len(answers), int((answers == NO).sum())) if len(answers) else None
        for answers, size in found
    ]
