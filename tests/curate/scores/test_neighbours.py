"""The nearest pictures are those of a kind, and a file that gave no picture is like nobody."""

from __future__ import annotations

import numpy as np

from curate.scores.neighbours import nearest, principal_components


def test_pictures_of_a_kind_find_each_other_under_many_features_that_say_nothing() -> None:
    rng = np.random.default_rng(0)
    kind = np.arange(400) % 8
    features = rng.random((400, 512)) + 1.5 * rng.random((8, 512))[kind] * (np.arange(512) < 64)
    found = nearest(principal_components(features.astype(np.float32)), 10)
    assert (kind[found.row] == kind[:, None]).mean() > 0.9


def test_a_file_without_a_picture_is_like_nobody() -> None:
    rng = np.random.default_rng(1)
    vectors = principal_components(rng.random((50, 100)).astype(np.float32), np.arange(50) != 7)
    assert not vectors[7].any()
    assert np.allclose(np.linalg.norm(np.delete(vectors, 7, axis=0), axis=1), 1, atol=1e-5)
    assert not principal_components(np.zeros((3, 4), dtype=np.float32), np.zeros(3, dtype=bool)).any()
