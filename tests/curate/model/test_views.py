"""Five looks at a picture are the model's own look, five times, averaged."""

from __future__ import annotations

import numpy as np
from PIL import Image

from curate.model.views import Averaged, five


class Mean:
    """An embedder whose feature is the mean grey and whose logit its double."""

    width, seen = 1, 0

    def __call__(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert len(pixels) <= 16
        self.seen += len(pixels)
        grey = pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True).astype(np.float32)
        return grey, 2 * grey


def prepare(image: Image.Image, _size: object = None) -> np.ndarray:
    return np.asarray(image.resize((8, 8))).transpose(2, 0, 1)


def test_the_quarters_are_of_the_middle_square_and_overlap() -> None:
    image = Image.new("RGB", (300, 100), "black")
    image.paste("white", (100, 0, 160, 60))  # the upper left quarter of the middle, whole
    views = five(prepare)(image).reshape(5, -1).mean(axis=1)
    assert views[1] == 255
    assert 0 < views[4] < views[2] < 255
    assert len(views) == 5


def test_features_and_logits_are_means_over_the_looks_of_each_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3, 8, 8)).astype(np.uint8)
    inner = Mean()
    features, logits = Averaged(inner)(pixels)
    assert np.allclose(features[:, 0], pixels.reshape(7, -1).mean(axis=1), atol=1e-3)
    assert np.allclose(logits, 2 * features)
    assert (inner.seen, Averaged(inner).width) == (35, 1)
