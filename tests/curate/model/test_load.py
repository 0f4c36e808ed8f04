"""The model sees what timm would show it."""

import numpy as np
import pytest
from choose_pictures import draw
from timm.data.transforms_factory import create_transform

from curate.model import load, passes
from curate.model.transform import transform

CONFIG = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_mode": "center"}


@pytest.mark.parametrize("size", [(1000, 750), (300, 641), (97, 96), (60, 40), (96, 96), (2000, 130)], ids=str)
@pytest.mark.parametrize(
    ("side", "crop", "method"), [(96, 0.9, "bicubic"), (64, 1.0, "bilinear"), (224, 0.95, "bicubic")]
)
def test_resize_and_crop_in_one_step_give_timms_own_pixels(size, side, crop, method):
    config = CONFIG | {"input_size": (3, side, side), "crop_pct": crop, "interpolation": method}
    image = draw(5, size)
    theirs = create_transform(**config, is_training=False, use_prefetcher=True)(image)
    ours = transform(config)(image)
    assert ours.shape == (3, side, side)
    assert np.abs(ours.astype(int) - np.asarray(theirs).astype(int)).max() <= 1


def test_a_classifier_trained_by_cross_entropy_is_a_softmax_and_one_by_bce_a_sigmoid():
    assert load._SIGMOID_TAGS.match("a1_in1k")
    assert not load._SIGMOID_TAGS.match("tv_in1k")


def test_the_same_picture_has_the_same_score_in_any_batch():
    loaded = load.load("demo")
    embed = load.Embedder(loaded, load.torch_body(loaded, "bf16"))
    pixels = np.stack([loaded.prepare(draw(seed)) for seed in range(16)])
    before = passes.count()
    together, alone = embed(pixels), embed(pixels[3:4])
    assert (together[0][3] == alone[0][0]).all()
    assert (together[1][3] == alone[1][0]).all()
    assert passes.count() - before == 17
