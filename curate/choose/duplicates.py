"""One picture of many copies: each copy points at the one that is kept, never at another copy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from curate.scores.pairs import Pairs

_LENIENCE = 0.03  # of the cosine, when the hashes agree as well
_BITS_ALONE = 4
HOW = ("", "phash", "mirror", "feature")


@dataclass(frozen=True)
class Links:
    """Pairs of pictures that count as one, in both directions; of twins only the leader has any."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    how: NDArray[np.int64]  # position in HOW
    twin: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))  # row, its leader, how

    def around(self, picture: int) -> Iterator[tuple[int, int]]:
        """Rows that count as one with a picture, itself among them, and how.

        Those are its twins, what the leader of them is linked to, and the twins of that.
        """
        leader, own = self._leader.get(picture, (picture, 0))
        for row, how in self._twins.get(leader, [(leader, 0)]):
            yield row, how or own
        for other, how in self._linked.get(leader, ()):
            for row, _ in self._twins.get(other, [(other, 0)]):
                yield row, how

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """All that count as one with any other."""
        return np.unique(np.concatenate([self.one, self.twin[:, :2].ravel()]))

    @cached_property
    def _leader(self) -> dict[int, tuple[int, int]]:
        return {row: (leader, how) for row, leader, how in self.twin.tolist()}

    @cached_property
    def _twins(self) -> dict[int, list[tuple[int, int]]]:
        """By leader: the leader and its twins."""
        found: dict[int, list[tuple[int, int]]] = {leader: [(leader, 0)] for leader in self.twin[:, 1].tolist()}
        for row, leader, how in self.twin.tolist():
            found[leader].append((row, how))
        return found

    @cached_property
    def _linked(self) -> dict[int, list[tuple[int, int]]]:
        found = defaultdict(list)
        for one, other, how in zip(self.one.tolist(), self.other.tolist(), self.how.tolist(), strict=True):
            found[one].append((other, how))
        return found


@dataclass(frozen=True)
class Copies:
    """For each picture the row of the one that stands for it, -1 where none does, and how it was found to be one."""

    of: NDArray[np.int64]
    how: NDArray[np.int64]  # position in HOW


def links(pairs: Pairs, near: float) -> Links:
    """The pairs whose features' cosine is at least `near`, and those whose hashes agree and features nearly so.

    Each alone is fooled: hashes by stripes and grids, features by two of a kind. Where no model looked, hashes have to
    agree more closely. Twins are one whatever `near` is.
    """
    first, second, bits, mirrored = pairs.phash.T
    hashed = (pairs.phash_cosine >= near - _LENIENCE) | (np.isnan(pairs.phash_cosine) & (bits <= _BITS_ALONE))
    felt = pairs.cosine >= near
    one = np.concatenate([first[hashed], pairs.first[felt]])
    other = np.concatenate([second[hashed], pairs.second[felt]])
    how = np.concatenate([1 + mirrored[hashed], np.full(int(felt.sum()), 3)])
    both = np.column_stack([np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([how, how])])
    both = both[np.lexsort(both.T[::-1])]
    _, firsts = np.unique(both[:, :2], axis=0, return_index=True)
    one, other, how = both[firsts].T
    return Links(one, other, how, pairs.twin)


def heads(count: int, links: Links, rank: NDArray[np.int64], able: NDArray[np.bool_]) -> Copies:
    """For each of `count` pictures the head that it is a copy of.

    Pictures are taken by rising `rank`; one that is `able` and no copy yet is a head and claims all that count as one
    with it. So a copy of a copy may become a head of its own: a chain of likenesses never joins its two ends.
    """
    copies = Copies(np.full(count, -1), np.zeros(count, dtype=np.int64))
    is_head = np.zeros(count, dtype=bool)
    for picture in links.rows[np.argsort(rank[links.rows], kind="stable")].tolist():
        if able[picture] and copies.of[picture] < 0:
            is_head[picture] = True
            for copy, how in links.around(picture):
                if copies.of[copy] < 0 and not is_head[copy]:
                    copies.of[copy], copies.how[copy] = picture, how
    return copies
