"""Perceptual hashes: 64 bits of a picture's coarse structure, its crops and its mirror image, and pairs that agree.

The hash is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): a bit says whether
one of the lowest 8 x 8 DCT coefficients is above their median. Pairs are found by multi-index hashing (Norouzi et al.,
CVPR 2012).

Our own code on purpose: imagehash takes one picture at a time and has no search; here all hashes of a picture share its
decoding, and those of 100,000 pictures are compared in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CROPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)  # centre crops, as shares of each side; the first is the whole picture
COLUMNS = len(CROPS) + 1  # hashes of a picture: of its crops, and last of the mirror image of the whole
REACH = 7  # bits in which the hashes of two pictures may differ
_FAINT = 16.0  # DCT coefficient up to which it is noise; greys run from 0 to 255
_TELLING = 20  # of 64 coefficients must be larger, or the picture has no hash
_BANDS = 4  # of 16 bits each
_BITS = np.uint64(1) << np.arange(64, dtype=np.uint64)
_MASKS = np.array([0, *(1 << bit for bit in range(16))], dtype=np.uint16)  # no bit or one bit of a band flipped
_CROWD = 32  # pictures of the very same hash that are compared with everything
_CHUNK = 4_000_000  # candidate pairs in memory at once, 100 MB


def phashes(grey: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hashes of a grey picture (H, W), its centre crops and its mirror image: (COLUMNS,).

    All zero, which means no hash, when there is too little coarse structure: blanks, stripes, fine patterns.
    """
    height, width = grey.shape
    spectra = []
    for share in CROPS:
        high, wide = max(1, round(height * share)), max(1, round(width * share))
        top, left = (height - high) // 2, (width - wide) // 2
        part = cv2.resize(grey[top : top + high, left : left + wide], (32, 32), interpolation=cv2.INTER_AREA)
        spectra.append(cv2.dct(part.astype(np.float32))[:8, :8])
    if np.count_nonzero(np.abs(spectra[0]) > _FAINT) < _TELLING:
        return np.zeros(COLUMNS, dtype=np.uint64)
    spectra.append(spectra[0] * np.where(np.arange(8) % 2, -1.0, 1.0))  # a mirror image negates the odd columns
    stack = np.stack(spectra).reshape(COLUMNS, 64)
    bits = stack > np.median(stack, axis=1, keepdims=True)
    return np.asarray((bits * _BITS).sum(axis=1, dtype=np.uint64))


def pairs(hashes: NDArray[np.uint64], reach: int = REACH) -> NDArray[np.int64]:
    """Pictures whose hashes agree: (P, 4) of first, second, column of the second, bits of difference.

    `hashes` is (N, COLUMNS). First and second agree when the hash of the whole first is at most `reach` <= 7 bits away
    from a hash of the second, in any column; so a pair may appear in both orders and in several columns. Of more than
    32 pictures with the very same hash of the whole, the later ones are paired with the first one alone, at 0 bits:
    1,000 equal pictures give some 2,000 pairs and not half a million.
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
    """The pairs whose hashes differ in at most one bit of one band.

    Over all bands these are all pairs: of 7 bits that differ, spread over 4 bands, some band has at most one.
    """
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
    """0 to N - 1, for `counts` (N,) of candidates, in runs of about _CHUNK candidates each."""
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(_CHUNK, int(ends[-1]) + 1, _CHUNK), side="right")
    yield from np.split(np.arange(counts.size), cuts)
