"""Models that people trained themselves, as timm saves them: read as they were trained, or refused in a sentence."""

import json

import numpy as np
import pytest
import timm
import torch
from choose_pictures import folder
from timm.models import save_for_hf

from benchmarks.support.folder_data import dataset
from curate import run
from curate.choose import facts
from curate.model import load, targets
from curate.model.classes import activation, class_set
from curate.model.targets import ClassSet
from curate.model.torch_body import torch_body
from curate.scores.stage import score
from scrapbag.errors import RecipeError, UsageError
from scrapbag.recipe import Curate, Score

NAMES = ["chair", "teapot", "lamp"]


def saved(path, architecture="test_resnet", classes=3, tag="a1_in1k", **config):
    """A network with random weights, saved as timm saves one that was fine-tuned from weights of that tag."""
    torch.manual_seed(0)
    module = timm.create_model(architecture, num_classes=classes, pretrained_cfg_overlay={"tag": tag})
    save_for_hf(module, path, model_config=config or None, safe_serialization=True)
    return f"local-dir:{path}"


@pytest.mark.parametrize(
    ("classes", "config", "expected"),
    [
        (3, {"label_names": NAMES}, "softmax"),  # tuned by cross entropy, whatever the body's tag says
        (3, {}, "softmax"),
        (1, {"label_names": ["teapot"]}, "sigmoid"),
        (1, {}, "sigmoid"),
        (3, {"label_names": NAMES, "link": "sigmoid"}, "sigmoid"),
        (2, {"label_names": NAMES[:2], "link": "softmax"}, "softmax"),
        (1000, {}, "sigmoid"),  # the tag's own classifier
        (1000, {"label_names": [f"kind {n}" for n in range(1000)]}, "softmax"),
        (0, {}, ""),
    ],
    ids=["three", "three unnamed", "one", "one unnamed", "link", "two and link", "ImageNet", "other thousand", "none"],
)
def test_the_classes_decide_how_logits_are_read_and_a_link_of_ones_own_wins(tmp_path, classes, config, expected):
    loaded = load.load(saved(tmp_path, classes=classes, **config))
    assert loaded.activation == expected
    assert len(loaded.classes.classes) == classes


def test_a_tag_trained_by_cross_entropy_is_a_softmax():
    classes = class_set({"tag": "tv_in1k"}, 1000)
    assert (classes.name, activation({"tag": "tv_in1k"}, {}, classes)) == ("imagenet-1k", "softmax")
    assert activation({"tag": "a1_in12k"}, {}, class_set({"tag": "a1_in12k"}, 11821)) == "sigmoid"
    assert activation({"tag": "a1_in1k_ft_in12k"}, {}, ClassSet("model", ("a", "b"))) == "softmax"


def test_one_output_is_a_probability_of_its_own(tmp_path):
    data = dataset(tmp_path / "x", folder(tmp_path / "files", 12))
    score(Score(model=saved(tmp_path / "m", classes=1, label_names=["teapot"])), data)
    scores = facts.current(data)
    told = facts.predictions(scores, targets.indices(["teapot"], scores.classes)).confidence
    assert ((told > 0) & (told < 1)).all()
    assert len(set(told.tolist())) > 1


def test_names_by_number_fill_their_gaps(tmp_path):
    loaded = load.load(saved(tmp_path, classes=4, label_names={"0": "chair", "3": "lamp"}))
    assert loaded.classes.classes == ("chair", "1", "2", "lamp")


def test_a_model_without_outputs_gives_features_and_wants_no_targets(tmp_path):
    data = dataset(tmp_path / "x", folder(tmp_path / "files", 12))
    done = score(Score(model=saved(tmp_path / "m", classes=0)), data)
    assert (done.new, done.forward_passes) == (12, 12)
    scores = facts.current(data)
    features = scores.shards.column("features")
    assert features.shape[0] == 12
    assert np.ptp(features, axis=0).max() > 0
    assert run.curate(Curate(targets=(), size=32, min_side=16), data).kept > 0
    with pytest.raises(RecipeError, match=r"tells no classes apart.*targets = \[\]"):
        run.curate(Curate(targets=("quilt",), size=32, min_side=16), data)


def _config(path, text):
    (path / "config.json").write_text(text)


BROKEN = {
    "no folder": (lambda path: [one.unlink() for one in path.iterdir()], "there is no model in"),
    "no weights": (lambda path: (path / "model.safetensors").unlink(), "cannot load the model"),
    "torn weights": (lambda path: (path / "model.safetensors").write_bytes(b"\xff" * 99), "cannot load the model"),
    "config of words": (lambda path: _config(path, "hello"), "config.json cannot be read"),
    "config of a list": (lambda path: _config(path, "[]"), "names no architecture"),
    "of transformers": (
        lambda path: _config(path, '{"architectures": ["ResNetForImageClassification"], "model_type": "resnet"}'),
        "this one is of transformers",
    ),
    "an architecture that timm lacks": (
        lambda path: _config(path, '{"architecture": "resnet_of_mine", "pretrained_cfg": {}}'),
        "cannot load the model",
    ),
}


@pytest.mark.parametrize(("harm", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_folder_that_is_no_model_of_timms_is_one_sentence(tmp_path, harm, sentence):
    name = saved(tmp_path)
    harm(tmp_path)
    with pytest.raises(UsageError, match=sentence) as raised:
        load.load(name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("label_names", NAMES[:2], "names 2 classes, but it has 3 outputs"),
        ("label_names", {"7": "chair"}, "names class 7, but it has 3 outputs"),
        ("link", "relu", "write softmax or sigmoid"),
    ],
)
def test_a_config_that_does_not_fit_its_weights_is_one_sentence(tmp_path, key, value, sentence):
    name = saved(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UsageError, match=sentence):
        load.load(name)


@pytest.mark.parametrize("architecture", ["test_vit", "test_convnext", "test_efficientnet", "test_resnet"])
def test_other_families_of_timm_are_scored_with(tmp_path, architecture):
    loaded = load.load(saved(tmp_path, architecture))
    side = loaded.config["input_size"][1]
    features, logits = load.Embedder(loaded, torch_body(loaded, "fp32"))(np.zeros((2, 3, side, side), dtype=np.uint8))
    assert features.shape == (2, loaded.module.head_hidden_size)
    assert logits.shape == (2, 3)


def test_a_network_whose_features_are_a_list_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="cannot be scored with"):
        load.load(saved(tmp_path, "crossvit_tiny_240"))


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    saved(tmp_path / "m")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load.load("local-dir:~/m").classes.name == "unknown"


def test_a_model_of_the_hub_has_its_link_too(tmp_path, monkeypatch):
    """As the hub's client leaves it in its cache."""
    cached = tmp_path / "models--someone--teapots"
    revision = "0" * 40
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(revision)
    saved(cached / "snapshots" / revision, classes=2, label_names=NAMES[:2], link="sigmoid")
    for name in ("huggingface_hub.constants.HF_HUB_CACHE", "huggingface_hub.file_download.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(name, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    loaded = load.load("hf-hub:someone/teapots")
    assert (loaded.activation, loaded.classes.classes) == ("sigmoid", ("chair", "teapot"))
