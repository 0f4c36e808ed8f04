"""Pairs are those of brute force, on small sets drawn by hypothesis: by hash, by features, and which are duplicates."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curate.look import hashes
from curate.scores import pairs
from curate.scores.shards import Shards

QUICK = settings(derandomize=True, deadline=None, database=None)
SEEDS = st.integers(0, 2**32 - 1)
CROWD = 32  # pictures of one hash that are compared with everything
BORDER = 1e-4  # cosines nearer than this to a limit are left to rounding


def hashed(seed, count, kinds):
    """Hashes a few bits from one of some `kinds`, so that there is much to find: (count, COLUMNS)."""
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 2**63, kinds, dtype=np.uint64)
    table = bases[rng.integers(0, kinds, (count, hashes.COLUMNS))]
    for _ in range(6):
        table ^= np.where(rng.random(table.shape) < 0.6, np.uint64(1) << rng.integers(0, 64, table.shape, np.uint64), 0)
    table[:, 0] = np.where(rng.random(count) < rng.random(), bases[rng.integers(0, kinds, count)], table[:, 0])
    return table


def agreeing(table, reach):
    """What `hashes.pairs` promises, one pair at a time."""
    wholes = table[:, 0].tolist()
    before = [wholes[:row].count(whole) for row, whole in enumerate(wholes)]  # pictures of the same hash in front
    few = [row for row, earlier in enumerate(before) if earlier < CROWD]
    found = {(wholes.index(wholes[row]), row, 0, 0) for row, earlier in enumerate(before) if earlier >= CROWD}
    for one in few:
        for other in few:
            for column, there in enumerate(table[other].tolist()):
                bits = (wholes[one] ^ there).bit_count()
                if one != other and bits <= reach:
                    found.add((one, other, column, bits))
    return found


@given(SEEDS, st.integers(1, 80), st.integers(1, 4), st.integers(0, hashes.REACH))
@settings(QUICK, max_examples=60)
def test_hashes_agree_exactly_where_brute_force_says_so(seed, count, kinds, reach):
    table = hashed(seed, count, kinds)
    found = list(map(tuple, hashes.pairs(table, reach).tolist()))
    assert len(found) == len(set(found))
    assert set(found) == agreeing(table, reach)


def alike(seed, count, kinds, noise):
    """Features of pictures of some kinds, some of them in chains whose ends are no duplicates; some hashes are none."""
    rng = np.random.default_rng(seed)
    features = rng.random((kinds, 24), dtype=np.float32)[rng.integers(0, kinds, count)]
    across = np.linalg.norm(features, axis=1, keepdims=True) * np.eye(24)[:1]
    features += 0.055 * rng.integers(0, 5, (count, 1)) * across  # a step is a cosine of .9985 or less
    spread = noise * rng.choice([0, 0.1, 1, 3], (count, 1))
    features = np.float32(np.float16(features + spread * rng.normal(size=features.shape)))
    table = rng.integers(1, 2**63, (count, hashes.COLUMNS), dtype=np.uint64)
    table[rng.random(count) < 0.2] = 0
    return features, table


def cosines(vectors):
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return unit @ unit.T


def leaders(likeness, table):
    """By row the first leader that it is a duplicate of; of a leader itself."""
    leader = list(range(len(table)))
    for row in range(len(table)):
        near = (one for one in range(row) if leader[one] == one and likeness[one, row] >= pairs.DUPLICATE)
        leader[row] = next((one for one in near if (table[one, 0] == 0) == (table[row, 0] == 0)), row)
    return leader


@given(SEEDS, st.integers(1, 40), st.integers(1, 5), st.sampled_from([0.0, 0.01, 0.05, 0.2]))
@settings(QUICK, max_examples=60)
def test_duplicates_and_pairs_by_features_are_those_of_brute_force_however_the_tiles_fall(seed, count, kinds, noise):
    features, table = alike(seed, count, kinds, noise)
    sketched, exact = cosines(pairs.sketch(features)), cosines(features)
    upper = np.triu_indices(count, 1)
    assume(np.abs(sketched[upper] - pairs.DUPLICATE).min(initial=1) > BORDER)
    assume(np.abs(exact[upper] - pairs.FLOOR).min(initial=1) > BORDER)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_TILE", (3, 7))
        patch.setattr(pairs, "_BLOCK", 5)
        shards = Shards(Path(folder))
        columns = {"hashes": table, "problem": np.zeros(count, np.uint8), "features": np.float16(features)}
        shards.append([f"{row:064x}" for row in range(count)], columns | {"sketch": pairs.sketch(features)})
        found = pairs.read_pairs(shards)
    leader = leaders(sketched, table)
    assert dict(found.duplicate[:, :2].tolist()) == {row: one for row, one in enumerate(leader) if row != one}
    leads = [row for row in range(count) if leader[row] == row]
    both = [(one, other) for one in leads for other in leads if one < other]
    same = [(one, other) for one, other in both if (table[one, 0] == 0) == (table[other, 0] == 0)]
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [
        pair for pair in same if exact[pair] >= pairs.FLOOR
    ]
    assert np.allclose(found.cosine, exact[found.first, found.second], atol=1e-3)


@given(SEEDS, st.integers(2, 30), st.integers(1, 3))
@settings(QUICK, max_examples=40)
def test_of_two_pictures_the_closest_agreement_of_their_hashes_is_kept(seed, count, kinds):
    table = hashed(seed, count, kinds)
    table[:, 0] = np.unique(table[:, 0])[np.arange(count) % len(np.unique(table[:, 0]))]
    with tempfile.TemporaryDirectory() as folder:
        shards = Shards(Path(folder))
        shards.append([f"{row:064x}" for row in range(count)], {"hashes": table, "problem": np.zeros(count, np.uint8)})
        found = pairs.read_pairs(shards)
    wholes = table[:, 0].tolist()
    first = [wholes.index(whole) for whole in wholes]  # without a model, pictures of one hash are duplicates
    assert dict(found.duplicate[:, :2].tolist()) == {row: one for row, one in enumerate(first) if row != one}
    closest = {}
    for one, other, column, bits in agreeing(table, hashes.REACH):
        if first[one] == one and first[other] == other:
            pair, how = tuple(sorted((one, other))), (bits, int(column == hashes.COLUMNS - 1))
            closest[pair] = min(closest.get(pair, how), how)
    assert [tuple(row) for row in found.phash.tolist()] == sorted((*pair, *how) for pair, how in closest.items())
