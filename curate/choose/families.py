"""Families of hypotheses: the share of the 5 % that each may spend, and the random order in which it draws pictures.

A family is all that answers may certify of one pool: one version of the scores, and the pictures that the rules keep. A
new ranker, a scrape, or a SIZE that drops other pictures makes another family. Families are numbered in the order in
which they are opened, each by the first certificate question that is answered for it, and share the 5 % by that number
alone. The answer that opens a family also seeds its random order, so nobody can have looked at that order and then
chosen the family: given all that was known before, a family errs with a probability of at most `alpha`, and all
families together, however they were chosen, with one of at most ALPHA (union bound). docs/review.md has the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scrapbag.labels import Label

ALPHA = 0.05  # the probability of any false sentence, over all families
_FIRST = 0.8  # share of it that the first family has, for whoever stays with one
_AT_HOME = 0.9  # share of a family's level for the promise that it was opened at; the rest is for every other promise


@dataclass(frozen=True)
class Family:
    """One family, as its first answer opened it."""

    number: int  # 1 for the first that was opened
    home: float  # THRESH when it was opened, 0 to 1: the promise that is tested with most of the level
    seed: str = ""  # of its random order; '' before it is opened

    @property
    def alpha(self) -> float:
        """The significance level of the whole family: .04, .005, .0017, .0008 ...; over all numbers it sums to .05."""
        later = (1 - _FIRST) / (self.number * (self.number - 1)) if self.number > 1 else 0.0
        return ALPHA * (later or _FIRST)

    @property
    def at_home(self) -> float:
        """The level for the promise `home`, which the fallback procedure spends over the sets."""
        return _AT_HOME * self.alpha

    def each(self, sets: int) -> float:
        """The level of each of so many sets for its lower bound, which answers for every promise at once."""
        return (1 - _AT_HOME) * self.alpha / max(sets, 1)


def opened(labels: Iterable[Label]) -> dict[str, Family]:
    """The families by name, as `labels` opened them: all there ever were, in the order given, undone ones too.

    An answer that is taken back has been seen all the same.
    """
    found: dict[str, Family] = {}
    for label in labels:
        name, home = label.drawn.get("family"), label.drawn.get("promise")
        if label.purpose != "certify" or not isinstance(name, str) or not isinstance(home, int | float):
            continue
        if name not in found:
            found[name] = Family(len(found) + 1, float(home), f"{label.sha256} {label.at}")
    return found


def next_after(families: dict[str, Family], promise: float) -> Family:
    """The family that would be opened next."""
    return Family(len(families) + 1, promise)


def shuffled(names: Iterable[str], seed: str) -> NDArray[np.int64]:
    """A fixed random order of N pictures, given by their sha256, for each seed: (N,) positions."""
    keys = (int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest()) for name in names)
    return np.argsort(np.fromiter(keys, dtype=np.uint64), kind="stable")
