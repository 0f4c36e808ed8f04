"""Near-duplicates: of a group one is the original, and each copy points at its original, never at another copy."""

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

_LENIENCE = 0.03  # subtracted from `near` when the hashes agree as well
_BITS_ALONE = 4  # in which hashes may differ when there are no features to ask
HOW = ("", "phash", "mirror", "feature")


@dataclass(frozen=True)
class Links:
    """Pairs of pictures that are near-duplicates, each pair in both directions.

    Duplicates (`scores.pairs`) have a leader, and only the leader is in any pair.
    """

    one: NDArray[np.int64]  # (P,) rows of the shards
    other: NDArray[np.int64]
    how: NDArray[np.int64]  # position in HOW
    duplicate: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))  # row, leader, how

    def around(self, picture: int) -> Iterator[tuple[int, int]]:
        """The near-duplicates of a picture, the picture among them: rows, and how each was found.

        Those are its duplicates, what their leader is linked to, and the duplicates of that.
        """
        leader, own = self._leader.get(picture, (picture, 0))
        for row, how in self._followers.get(leader, [(leader, 0)]):
            yield row, how or own
        for other, how in self._linked.get(leader, ()):
            for row, _ in self._followers.get(other, [(other, 0)]):
                yield row, how

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """All rows that have a near-duplicate, sorted."""
        return np.unique(np.concatenate([self.one, self.duplicate[:, :2].ravel()]))

    @cached_property
    def _leader(self) -> dict[int, tuple[int, int]]:
        return {row: (leader, how) for row, leader, how in self.duplicate.tolist()}

    @cached_property
    def _followers(self) -> dict[int, list[tuple[int, int]]]:
        """By leader: the leader itself and its duplicates, and how each was found."""
        found: dict[int, list[tuple[int, int]]] = {leader: [(leader, 0)] for leader in self.duplicate[:, 1].tolist()}
        for row, leader, how in self.duplicate.tolist():
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
    """Which pictures are copies, and of what: columns of shape (N,)."""

    original: NDArray[np.int64]  # row of the picture that this one is a copy of, -1 for what is no copy
    how: NDArray[np.int64]  # position in HOW


def links(pairs: Pairs, near: float) -> Links:
    """The near-duplicates among `pairs`.

    Linked are pairs whose features have a cosine of at least `near` (0.9 to 1), and pairs whose hashes agree and whose
    features have a cosine of at least `near` - 0.03. Hashes alone take stripes and grids for each other, features alone
    take two quilts of one pattern for one. Without a model hashes may differ in 4 bits instead of 7, and nothing else
    is asked. Duplicates are linked whatever `near` is.
    """
    first, second, bits, mirrored = pairs.phash.T
    hashed = (pairs.phash_cosine >= near - _LENIENCE) | (np.isnan(pairs.phash_cosine) & (bits <= _BITS_ALONE))
    close = pairs.cosine >= near
    one = np.concatenate([first[hashed], pairs.first[close]])
    other = np.concatenate([second[hashed], pairs.second[close]])
    how = np.concatenate([1 + mirrored[hashed], np.full(int(close.sum()), 3)])
    both = np.column_stack([np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([how, how])])
    both = both[np.lexsort(both.T[::-1])]
    _, firsts = np.unique(both[:, :2], axis=0, return_index=True)
    one, other, how = both[firsts].T
    return Links(one, other, how, pairs.duplicate)


def originals(count: int, links: Links, rank: NDArray[np.int64], able: NDArray[np.bool_]) -> Copies:
    """For each of `count` pictures the original that it is a copy of. `rank` and `able` are of shape (count,).

    Leader clustering: pictures are visited by rising `rank`; one that is `able` and no copy yet becomes an original,
    and its near-duplicates become its copies. A near-duplicate of a copy may become an original itself, so a chain
    a-b-c-d of near-duplicates does not make d a copy of a.
    """
    copies = Copies(np.full(count, -1), np.zeros(count, dtype=np.int64))
    is_original = np.zeros(count, dtype=bool)
    for picture in links.rows[np.argsort(rank[links.rows], kind="stable")].tolist():
        if able[picture] and copies.original[picture] < 0:
            is_original[picture] = True
            for copy, how in links.around(picture):
                if copies.original[copy] < 0 and not is_original[copy]:
                    copies.original[copy], copies.how[copy] = picture, how
    return copies
