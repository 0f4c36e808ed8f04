"""Perceptual hashes: 64 bits of a picture's coarse structure, its crops and its mirror image, and pairs that agree.

The hash is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): the signs of the
lowest 8 x 8 cosine coefficients about their median. Pairs are found by multi-index hashing (Norouzi et al., CVPR 2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PROBES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)  # centre crops by share of each side; the first is the whole picture
COLUMNS = len(PROBES) + 1  # and the mirror image of the whole
REACH = 7  # bits in which two pictures may differ; pairs() finds all up to 7
_FAINT = 16.0  # of a cosine coefficient whose greys run from 0 to 255
_TELLING = 20  # of 64 coefficients
_BANDS = 4
_BITS = np.uint64(1) << np.arange(64, dtype=np.uint64)
_MASKS = np.array([0, *(1 << bit for bit in range(16))], dtype=np.uint16)
_CROWD = 32
_CHUNK = 4_000_000  # candidate pairs looked at in one go, 100 MB


def phashes(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hashes of the whole, of its centre crops and of its mirror image, as (COLUMNS,).

    All zero when there is too little coarse structure to tell pictures apart by: blanks, stripes, fine patterns.
    """
    height, width = grey.shape
    spectra = []
    for share in PROBES:
        high, wide = max(1, round(height * share)), max(1, round(width * share))
        top, left = (height - high) // 2, (width - wide) // 2
        part = cv2.resize(grey[top : top + high, left : left + wide], (32, 32), interpolation=cv2.INTER_AREA)
        spectra.append(cv2.dct(part.astype(np.float32))[:8, :8])
    if np.count_nonzero(np.abs(spectra[0]) > _FAINT) < _TELLING:
        return np.zeros(COLUMNS, dtype=np.uint64)
    spectra.append(spectra[0] * np.where(np.arange(8) % 2, -1.0, 1.0))  # mirrored, odd waves change their sign
    stack = np.stack(spectra).reshape(COLUMNS, 64)
    bits = stack > np.median(stack, axis=1, keepdims=True)
    return np.asarray((bits * _BITS).sum(axis=1, dtype=np.uint64))


def pairs(hashes: NDArray[np.uint64], reach: int = REACH) -> NDArray[np.int64]:
    """Rows (first, second, column of the second, bits of difference) of `hashes` (N, COLUMNS) that agree.

    A pair is found when the first's whole is within `reach` bits, at most 7, of any column of the second's. Of a whole
    that more than _CROWD share the others are paired with the first of them alone: a thousand are not half a million.
    """
    if not len(hashes):
        return np.empty((0, 4), dtype=np.int64)
    _, first, group = np.unique(hashes[:, 0], return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    place = np.empty(len(hashes), dtype=np.int64)
    place[order] = np.arange(len(hashes)) - np.searchsorted(group[order], group[order])
    late = np.flatnonzero(place >= _CROWD)
    star = np.stack([first[group[late]], late, np.zeros_like(late), np.zeros_like(late)], axis=1)
    few = np.flatnonzero(place < _CROWD)
    found = [_search(hashes[few], band, reach) for band in range(_BANDS)]
    for near in found:
        near[:, :2] = few[near[:, :2]]
    return np.unique(np.concatenate([star, *found]), axis=0)


def _search(hashes: NDArray[np.uint64], band: int, reach: int) -> NDArray[np.int64]:
    """Pairs that agree in a band of 16 bits but for one bit; 7 differing bits leave some band with one at most."""
    wholes, columns = hashes[:, 0], hashes.shape[1]
    keys = _band(wholes, band)
    order = np.argsort(keys, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1 << 16))])
    found = [np.empty((0, 4), dtype=np.int64)]
    for column in range(columns):
        other = hashes[:, column]
        for mask in _MASKS:
            wanted = _band(other, band) ^ mask
            counts = start[wanted.astype(np.int64) + 1] - start[wanted]
            for rows in _portions(counts):
                second = np.repeat(rows, counts[rows])
                offset = np.arange(second.size) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
                one = order[start[wanted[second]] + offset]
                bits = np.bitwise_count(wholes[one] ^ other[second])
                hit = np.flatnonzero((bits <= reach) & (one != second))
                found.append(np.stack([one[hit], second[hit], np.full_like(hit, column), bits[hit]], axis=1))
    return np.concatenate(found)


def _band(hashes: NDArray[np.uint64], band: int) -> NDArray[np.uint16]:
    return (hashes >> np.uint64(16 * band)).astype(np.uint16)


def _portions(counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The row numbers in runs of about _CHUNK candidates."""
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(_CHUNK, int(ends[-1]) + 1, _CHUNK), side="right")
    yield from np.split(np.arange(counts.size), cuts)
