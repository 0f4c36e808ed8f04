"""Simulated people at `make review`: who answers truly, looks after every answer, and moves what can be moved.

They go by the code of the page: `choose` says which set is asked about, `asked_next` which picture, `Family` which
share of the 5 % there is. Answers are given thirty at a time, because what is once certified stays certified: who looks
after the thirtieth sees all that a look after each of them would have shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.choose.certify import NO, UNASKED, YES, Pool, Standing, asked_next, choose
from curate.choose.families import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

AT_ONCE = 30


@dataclass(frozen=True)
class World:
    """One dataset of N pictures: which are wanted, and what the classifier says of them. Both (N,)."""

    wanted: NDArray[np.bool_]
    confidence: NDArray[np.float64]

    def precision(self, threshold: float) -> float:
        kept = self.confidence >= threshold
        return float(self.wanted[kept].mean()) if kept.any() else 1.0

    def recall(self, threshold: float) -> float:
        return float(self.wanted[self.confidence >= threshold].sum() / max(1, self.wanted.sum()))


def world(rng: np.random.Generator, count: int, separation: float, prevalence: float, sureness: float) -> World:
    """Pictures drawn from two normal distributions, and what a softmax of the given sureness says of them."""
    wanted = rng.random(count) < prevalence
    score = rng.normal(size=count) + separation * wanted
    logit = separation * score - separation**2 / 2 + np.log(prevalence / (1 - prevalence))
    return World(wanted, 1 / (1 + np.exp(-sureness * logit)))


def at_the_edge(one: World) -> World:
    """The same ranking, with confidences so chosen that of the pictures from c up a little less than c is wanted.

    Every THRESH is then a promise that is just not kept, the hardest case for whoever moves it.
    """
    order = np.argsort(-one.confidence)
    precision = np.cumsum(one.wanted[order]) / np.arange(1, len(order) + 1)
    confidence = np.empty(len(order))
    confidence[order] = np.minimum(np.maximum.accumulate(precision[::-1])[::-1] + 0.004, 1)
    return World(one.wanted, confidence)


class Person:
    """Somebody who answers, looks and moves. What was false at any look is in `certificate` and `bound`.

    With `apart` each THRESH and each pool is a first family of its own, over one and the same random order: what not to
    do, to show that the simulation would notice.
    """

    def __init__(self, rng: np.random.Generator, one: World, *, apart: bool = False) -> None:
        self.certificate = False  # of the THRESH that was in force
        self.bound = False  # any other that was printed, or that another THRESH would have printed
        self._one, self._rng, self._apart = one, rng, apart
        self._answer = np.full(len(one.wanted), UNASKED, dtype=np.int8)
        self._order = rng.permutation(len(one.wanted))
        self._opened = 0

    def review(self, members: NDArray[np.bool_], moves: Sequence[tuple[float, int]]) -> None:
        """Answer about the pictures of one pool; `moves` are the THRESH, and how many answers are given at each."""
        self._opened += 1
        family = Family(self._opened, moves[0][0])
        order = self._rng.permutation(np.flatnonzero(members))
        if self._apart:
            order = self._order[members[self._order]]
        for promise, clicks in moves:
            if self._apart:
                family = Family(1, promise)
            for done in range(0, clicks, AT_ONCE):
                asked = self._look(order, promise, family)[: min(AT_ONCE, clicks - done)]
                self._answer[asked] = np.where(self._one.wanted[asked], YES, NO)
            self._look(order, promise, family)
        tested = Standing(self._pool(order), family)
        for place, rung in enumerate(tested.rungs):
            inside = self._one.wanted[order][self._one.confidence[order] >= rung.cut]
            above = (inside.sum() + 0.5) / len(inside)  # any promise over it is false
            self.bound |= bool(above < 1 and tested.certified(place, above))

    def _look(self, order: NDArray[np.int64], promise: float, family: Family) -> NDArray[np.int64]:
        """Read what is certified, and return the pictures that would be asked about, in their order."""
        pool = self._pool(order)
        found = choose(pool, promise, family=family)
        if found.certificate and found.certificate.lower > self._precision(order, found.value):
            self.certificate = True
        return order[:0] if found.ask is None else order[asked_next(pool, found.ask)]

    def _pool(self, order: NDArray[np.int64]) -> Pool:
        return Pool(self._one.confidence[order], self._answer[order])

    def _precision(self, order: NDArray[np.int64], cut: float) -> float:
        return float(self._one.wanted[order][self._one.confidence[order] >= cut].mean())
