"""One picture of many copies: each copy points at the one that is kept, never at another copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.pairs import Pairs

_LENIENCE = 0.03  # of the cosine, when the hashes agree as well
_BITS_ALONE = 4
HOW = ("", "phash", "mirror", "feature")


@dataclass(frozen=True)
class Links:
    """Pairs of pictures that count as one, in both directions, sorted by `one`."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    how: NDArray[np.int64]  # position in HOW


def links(pairs: Pairs, near: float) -> Links:
    """The pairs whose features' cosine is at least `near`, and those whose hashes agree and features nearly so.

    Each alone is fooled: hashes by stripes and grids, features by two of a kind. Where no model looked, hashes have to
    agree more closely.
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
    return Links(*both[firsts].T)


def heads(count: int, links: Links, rank: NDArray[np.int64], able: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each of `count` pictures the link (a row of `links`) to the head it is a copy of, or -1.

    Pictures are taken by rising `rank`; one that is `able` and no copy yet is a head and claims all that it is linked
    to directly. So a copy of a copy may become a head of its own: a chain of likenesses never joins its two ends.
    """
    start = np.searchsorted(links.one, np.arange(count + 1))
    claim = np.full(count, -1)
    is_head = np.zeros(count, dtype=bool)
    linked = np.unique(links.one)
    for picture in linked[np.argsort(rank[linked], kind="stable")]:
        if able[picture] and claim[picture] < 0:
            is_head[picture] = True
            for link in range(start[picture], start[picture + 1]):
                copy = links.other[link]
                if claim[copy] < 0 and not is_head[copy]:
                    claim[copy] = link
    return claim
