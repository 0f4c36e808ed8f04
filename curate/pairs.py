"""Which pictures resemble each other, as numbers that no threshold changes: hash distances and feature cosines."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate import hashes
from scrapbag.layout import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from curate.shards import Shards

FLOOR = 0.9  # cosines under it are not kept: curate.near cannot be lower
FLAT = 1.0  # bits of entropy under which a picture is too empty for a hash to mean anything
_WIDTH = 256
_SLACK = 0.03  # a sketch's cosine is off by less, 7 standard deviations at 0.97
_BLOCK = 1024
_FILE = "pairs.npz"


@dataclass(frozen=True)
class Pairs:
    """Row numbers of the shards, first < second, each pair once a kind."""

    phash: NDArray[np.int64]  # (n, 4): first, second, bits of difference, 1 when found by the mirror image
    first: NDArray[np.int64]  # of the pairs by features
    second: NDArray[np.int64]
    cosine: NDArray[np.float32]


def sketch(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Unit features in 256 random directions, whose cosines are theirs but for a few thousandths."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((features.shape[1], _WIDTH), dtype=np.float32) / np.float32(_WIDTH**0.5)
    return np.asarray(_unit(features) @ directions, dtype=np.float16)


def write_pairs(shards: Shards) -> None:
    """Find all pairs and store them beside the shards, unless they are there already."""
    if _stored(shards.folder) == len(shards):
        return
    phash = _by_hash(shards)
    first, second, cosine = _by_features(shards)
    file = io.BytesIO()
    np.savez(file, count=np.array(len(shards)), phash=phash, first=first, second=second, cosine=cosine)
    write_bytes(shards.folder / _FILE, file.getvalue())


def read_pairs(folder: Path) -> Pairs:
    """What `write_pairs` stored."""
    with np.load(folder / _FILE) as file:
        return Pairs(file["phash"], file["first"], file["second"], file["cosine"])


def _stored(folder: Path) -> int:
    """How many pictures the stored pairs cover; -1 when there are none."""
    path = folder / _FILE
    if not path.exists():
        return -1
    with np.load(path) as file:
        return int(file["count"])


def _by_hash(shards: Shards) -> NDArray[np.int64]:
    rows = np.flatnonzero((shards.column("problem") == 0) & (shards.column("entropy") > FLAT))
    found = hashes.pairs(shards.column("hashes")[rows].astype(np.uint64))
    ends = np.sort(rows[found[:, :2]], axis=1)
    mirrored = found[:, 2] == hashes.COLUMNS - 1
    keyed = np.column_stack([ends, found[:, 3], mirrored])
    keyed = keyed[np.lexsort(keyed.T[::-1])]
    _, firsts = np.unique(keyed[:, :2], axis=0, return_index=True)  # of each pair the closest, straight before mirrored
    return keyed[firsts].astype(np.int64)


def _by_features(shards: Shards) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Every pair of FLOOR or more: candidates by sketch, then the features themselves."""
    empty = np.empty(0, dtype=np.int64)
    if not shards.has("sketch"):
        return empty, empty, empty.astype(np.float32)
    sketches = _unit(shards.column("sketch").astype(np.float32))
    sketches[shards.column("problem") != 0] = 0
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(sketches), _BLOCK):
        likeness = sketches[start : start + _BLOCK] @ sketches[start:].T
        near = np.argwhere(likeness >= FLOOR - _SLACK)
        found.append(near[near[:, 0] < near[:, 1]] + start)
    first, second = np.concatenate(found).T
    used, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    features = _rows(shards, used)
    cosine = np.empty(first.size, dtype=np.float32)
    for start in range(0, first.size, _BLOCK):
        ends = slice(start, start + _BLOCK)
        one, other = features[place[: first.size][ends]], features[place[first.size :][ends]]
        cosine[ends] = np.einsum("nf,nf->n", _unit(one.astype(np.float32)), _unit(other.astype(np.float32)))
    close = cosine >= FLOOR
    return first[close], second[close], cosine[close]


def _rows(shards: Shards, rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """Some rows of the features, which as a whole may not fit into memory; `rows` is sorted."""
    parts, start = [], 0
    for part in shards.parts("features"):
        inside = rows[(rows >= start) & (rows < start + len(part))]
        parts.append(part[inside - start])
        start += len(part)
    return np.concatenate(parts).astype(np.float16, copy=False)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
