"""Copies are found by hash and by features, and point at the one that is kept."""

import cv2
import numpy as np
import pytest

from curate.choose import duplicates
from curate.choose.duplicates import Links
from curate.look import hashes
from curate.scores import derived, neighbours, pairs
from curate.scores.pairs import Pairs
from curate.scores.shards import Shards


def photo(seed, side=256):
    """Something like a photograph: coarse shapes under fine ones."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.random((n, n)), (side, side), interpolation=cv2.INTER_CUBIC) / n for n in (3, 6, 12, 48)]
    mixed = np.sum(layers, axis=0)
    return np.uint8(255 * (mixed - mixed.min()) / (mixed.max() - mixed.min()))


def jpeg(grey, quality):
    return cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


VARIANTS = {
    "half size": lambda grey: cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "quality 30": lambda grey: jpeg(grey, 30),
    "brighter": lambda grey: np.uint8(np.clip(grey * 1.15 + 10, 0, 255)),
    "centre crop of 80 %": lambda grey: grey[26:230, 26:230],
    "mirrored": lambda grey: grey[:, ::-1].copy(),
    "watermark": lambda grey: cv2.putText(grey.copy(), "(c) me", (150, 240), 0, 1, 255, 2),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_copy_is_found_among_strangers(variant):
    originals = [photo(seed) for seed in range(60)]
    everything = originals + [VARIANTS[variant](grey) for grey in originals]
    found = hashes.pairs(np.stack([hashes.phashes(grey) for grey in everything]))
    joined = {tuple(sorted(pair)) for pair in found[:, :2].tolist()}
    assert len(joined & {(n, n + 60) for n in range(60)}) >= 57  # 95 %
    assert joined <= {(n, n + 60) for n in range(60)}


@pytest.mark.parametrize(
    "grey",
    [np.full((128, 128), 200), np.tile(np.repeat([30, 220], 8), (128, 8)), np.indices((128, 128)).sum(0) % 2 * 255],
    ids=["blank", "stripes", "fine grid"],
)
def test_too_little_structure_has_no_hash(grey):
    assert not hashes.phashes(grey.astype(np.uint8)).any()


def test_multi_index_search_finds_exactly_the_pairs_of_brute_force():
    rng = np.random.default_rng(0)
    wholes = np.unique(rng.integers(0, 4, 600, dtype=np.uint64) * 2**60 + rng.integers(0, 512, 600, dtype=np.uint64))
    columns = rng.integers(0, 512, (wholes.size, hashes.COLUMNS), dtype=np.uint64)
    columns[:, 0] = wholes
    bits = np.bitwise_count(wholes[:, None, None] ^ columns[None])
    wanted = {(one, other, column) for one, other, column in np.argwhere(bits <= 7).tolist() if one != other}
    assert {tuple(row[:3]) for row in hashes.pairs(columns).tolist()} == wanted


def test_of_a_thousand_equal_hashes_most_are_paired_with_the_first_alone():
    found = hashes.pairs(np.full((1000, hashes.COLUMNS), 12345, dtype=np.uint64))
    assert set(found[found[:, 0] == 0, 1].tolist()) == set(range(1, 1000))
    assert len(found) < 10_000


def test_copies_of_one_hash_are_each_within_reach_of_all_that_resemble_it():
    wholes = np.array([0b1011, 0b1011, 0b1010, 0b1010], dtype=np.uint64)
    others = np.arange(1, hashes.COLUMNS, dtype=np.uint64) << np.uint64(40) | np.uint64(0xFFFFFF00)
    found = hashes.pairs(np.column_stack([wholes, np.tile(others, (4, 1))]))
    assert {tuple(sorted(pair)) for pair in found[:, :2].tolist()} == {
        (a, b) for a in range(4) for b in range(a + 1, 4)
    }


def test_a_chain_of_likenesses_does_not_join_its_ends():
    both = np.array([[0, 1], [1, 2], [2, 3], [1, 0], [2, 1], [3, 2]])
    both = both[np.lexsort(both.T[::-1])]
    links = Links(both[:, 0], both[:, 1], np.full(6, 1))
    copies = duplicates.originals(4, links, np.arange(4), np.ones(4, dtype=bool))
    assert copies.original.tolist() == [-1, 0, -1, 2]


def test_a_picture_that_is_dropped_anyway_is_no_original():
    links = Links(np.array([0, 1]), np.array([1, 0]), np.array([1, 1]))
    copies = duplicates.originals(2, links, np.arange(2), np.array([False, True]))
    assert copies.original.tolist() == [1, -1]  # the smaller but sound one is kept, the other points at it


def test_hashes_that_agree_need_features_that_nearly_agree():
    pairs = Pairs(
        duplicate=NO_DUPLICATES,
        phash=np.array([[0, 1, 0, 0], [2, 3, 7, 1], [4, 5, 3, 0], [6, 7, 6, 0]]),
        phash_cosine=np.array([0.93, 0.96, np.nan, np.nan], dtype=np.float32),
        first=np.array([8, 8]),
        second=np.array([9, 10]),
        cosine=np.array([0.99, 0.98], dtype=np.float32),
    )
    links = duplicates.links(pairs, near=0.985)
    found = {
        (one, other): duplicates.HOW[how] for one, other, how in zip(links.one, links.other, links.how, strict=True)
    }
    assert found == {
        (2, 3): "mirror", (3, 2): "mirror", (4, 5): "phash", (5, 4): "phash", (8, 9): "feature", (9, 8): "feature",
    }  # fmt: skip


@pytest.fixture
def stored(tmp_path):
    """Two shards of two pictures each; the first and the last are copies."""
    shards = Shards(tmp_path)
    rng = np.random.default_rng(4)
    grey = [photo(seed) for seed in (1, 2, 3, 1)]
    for start in (0, 2):
        columns = {"hashes": np.stack([hashes.phashes(one) for one in grey[start : start + 2]])}
        columns |= {"features": rng.normal(size=(2, 8)).astype(np.float16), "problem": np.zeros(2, np.uint8)}
        shards.append([f"{number:064x}" for number in (start, start + 1)], columns)
    return shards


NO_DUPLICATES = np.empty((0, 3), dtype=np.int64)
NO_PAIRS: dict[str, np.ndarray] = {
    "twin": NO_DUPLICATES,
    "phash": np.empty((0, 4), dtype=np.int64),
    "phash_cosine": np.empty(0, dtype=np.float32),
    **dict.fromkeys(("first", "second"), np.empty(0, dtype=np.int64)),
    "cosine": np.empty(0, dtype=np.float32),
}


def test_pairs_that_are_stored_are_read_and_those_of_an_older_code_found_anew(stored):
    derived.store(stored, pairs.NAME, pairs.VERSION, NO_PAIRS)
    assert not len(pairs.read_pairs(stored).phash)
    derived.store(stored, pairs.NAME, pairs.VERSION - 1, NO_PAIRS)
    assert pairs.read_pairs(stored).phash[:, :2].tolist() == [[0, 3]]


def test_pairs_of_other_pictures_or_of_another_order_are_not_trusted(stored):
    pairs.read_pairs(stored)
    first, second = sorted(stored.folder.glob("shard-*"))
    first.rename(stored.folder / "shard-00007.safetensors")  # as when a torn shard's pictures were scored again
    assert pairs.read_pairs(Shards(stored.folder)).phash[:, :2].tolist() == [[1, 2]]
    second.unlink()
    assert not len(pairs.read_pairs(Shards(stored.folder)).phash)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x93NUMPY"], ids=["empty", "torn", "no archive"])
def test_a_store_that_cannot_be_read_or_is_of_an_older_form_is_made_anew(stored, content):
    file = stored.folder / "pairs.npz"
    file.write_bytes(content)
    assert len(pairs.read_pairs(stored).phash) == 1
    np.savez(file, count=4, phash=np.empty((0, 4), dtype=np.int64))  # before there were versions
    assert len(pairs.read_pairs(stored).phash) == 1


def test_neighbours_of_an_older_code_are_found_anew(stored):
    true = neighbours.read(stored)
    fewer = {"row": true.row[:, :1], "cosine": true.cosine[:, :1]}
    derived.store(stored, neighbours.NAME, neighbours.VERSION - 1, fewer)
    assert neighbours.read(stored).row.tolist() == true.row.tolist()


def test_a_picture_with_structure_and_one_without_are_no_copies_however_alike_their_features(tmp_path):
    shards = Shards(tmp_path)
    told = np.stack([hashes.phashes(one) for one in (photo(1), photo(2), np.full((256, 256), 250, np.uint8))])
    features = np.ones((3, 8), dtype=np.float16)
    columns: dict[str, np.ndarray] = {
        "hashes": told,
        "features": features,
        "sketch": pairs.sketch(features.astype(np.float32)),
    }
    shards.append([f"{number:064x}" for number in range(3)], columns | {"problem": np.zeros(3, np.uint8)})
    assert pairs.read_pairs(shards).duplicate[:, :2].tolist() == [[1, 0]]


def _shards(folder, features=None, hashed=None):
    """Of as many usable pictures as there are features or hashes; without hashes each has one like nobody's."""
    shards = Shards(folder)
    count = len(hashed if features is None else features)
    if hashed is None:
        hashed = np.random.default_rng(9).integers(1, 2**63, (count, hashes.COLUMNS), dtype=np.uint64)
    columns = {"hashes": hashed, "problem": np.zeros(count, np.uint8)}
    if features is not None:
        columns |= {"features": features.astype(np.float16), "sketch": pairs.sketch(features)}
    shards.append([f"{number:064x}" for number in range(count)], columns)
    return shards


def _originals(shards, rank):
    links = duplicates.links(pairs.read_pairs(shards), near=0.985)
    count = len(shards)
    return duplicates.originals(count, links, np.array(rank), np.ones(count, dtype=bool)).original.tolist()


def test_of_many_equal_pictures_one_is_the_original_whichever_is_the_best(tmp_path):
    hashed = np.random.default_rng(1).integers(1, 2**63, (6, hashes.COLUMNS), dtype=np.uint64)
    hashed[[2, 3]] = hashed[0]
    hashed[[4, 5]] = hashed[0] ^ np.uint64(0b101)  # two bits off: near-duplicates, and duplicates of each other
    assert _originals(_shards(tmp_path / "none", hashed=hashed), [3, 9, 1, 4, 0, 2]) == [4, -1, 4, 4, -1, 4]
    features = np.random.default_rng(2).random((6, 32), dtype=np.float32)
    features[[2, 3]] = features[0]
    features[[4, 5]] = features[0] + np.float32(0.05) * features[1]
    assert _originals(_shards(tmp_path / "model", features), [3, 9, 1, 4, 0, 2]) == [4, -1, 4, 4, -1, 4]


def test_duplicates_are_put_together_and_compared_with_others_once(tmp_path):
    rng = np.random.default_rng(3)
    kinds = rng.random((5, 64), dtype=np.float32)
    noise = rng.normal(0, 0.003, (1000, 64)).astype(np.float32)
    found = pairs.read_pairs(_shards(tmp_path, kinds[np.arange(1000) % 5] + noise))
    assert len(found.duplicate) == 995
    assert (found.duplicate[:, 1] == found.duplicate[:, 0] % 5).all()
    assert len(found.first) <= 10


def test_of_pictures_that_are_all_alike_the_nearest_pairs_are_kept_and_no_more(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pairs, "MOST", 20_000)
    rng = np.random.default_rng(4)
    features = np.float32(1) + rng.normal(0, 0.3, (900, 64)).astype(np.float32)
    features[850:] = features[:50] + rng.normal(0, 0.15, (50, 64)).astype(np.float32)  # copies, at .98 to .99
    found = pairs.read_pairs(_shards(tmp_path, features))
    assert len(found.first) == 20_000
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    likeness = (unit @ unit.T)[np.triu_indices(900, 1)]
    assert (likeness > pairs.FLOOR).sum() > 200_000
    assert np.median(found.cosine) > np.quantile(likeness, 0.95)
    assert {(n, n + 850) for n in range(50)} <= set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert "a curate.near under that counts as that" in caplog.text
