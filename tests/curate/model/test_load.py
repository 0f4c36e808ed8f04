"""The model sees what timm would show it."""

import numpy as np
import pytest
import torch
from choose_pictures import draw
from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_pre_hook

from curate.look import decode
from curate.model import load, passes
from curate.model.torch_body import Rectified, at_once, torch_body
from curate.model.transform import transform
from scrapbag.errors import MissingError
from scrapbag.models import lite0

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


@pytest.mark.parametrize("size", [(2000, 1333), (1333, 2001), (1201, 1205), (1600, 1200)], ids=str)
def test_a_jpeg_that_was_decoded_smaller_lies_where_the_whole_one_does(tmp_path, size):
    """Fine stripes make half a row that is in the wrong place visible: it moved pixels by 40 grey levels."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = 127 + 60 * np.sin(x * 2 * np.pi / 43) + 60 * np.sin(y * 2 * np.pi / 41)
    path = tmp_path / "waves.jpg"
    Image.fromarray(waves.astype(np.uint8)).convert("RGB").save(path, quality=95)
    decode.strict()
    prepare = transform(CONFIG | {"input_size": (3, 96, 96), "crop_pct": 0.9, "interpolation": "bicubic"})
    whole, small = decode.load(path), decode.load(path, at_least=256)
    assert whole.image.width > 3.9 * small.image.width
    exact = prepare(whole.image).astype(int)
    assert np.abs(prepare(small.image, (small.width, small.height)) - exact).max() <= 4


def test_the_same_picture_has_the_same_score_in_any_batch():
    loaded = load.load("demo")
    embed = load.Embedder(loaded, torch_body(loaded, "bf16"))
    pixels = np.stack([loaded.prepare(draw(seed)) for seed in range(16)])
    before = passes.count()
    together, alone = embed(pixels), embed(pixels[3:4])
    assert (together[0][3] == alone[0][0]).all()
    assert (together[1][3] == alone[1][0]).all()
    assert passes.count() - before == 17


@torch.inference_mode()
def test_a_batch_passes_in_parts_that_fit_a_cores_cache_with_the_values_of_the_whole():
    assert [at_once(side * side) for side in (64, 96, 160, 224, 288, 384, 512, 2000)] == [16, 16, 8, 4, 2, 2, 1, 1]
    loaded, sizes = load.load("lite0"), set()
    pixels = torch.randn(16, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    body, whole = torch_body(loaded, "fp32"), loaded.module.forward_features(pixels)
    hook = register_module_forward_pre_hook(lambda _, inputs: sizes.add(len(inputs[0])))
    parts = body(pixels)
    hook.remove()
    assert sizes == {4}
    assert (parts - whole).abs().max() < 1e-4


@torch.inference_mode()
def test_rectified_gives_the_bits_of_relu_and_relu6_for_every_number_of_bf16():
    every = torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.bfloat16)
    numbers = every[~every.isnan()]
    for most, relu in ((float("inf"), nn.ReLU()), (6.0, nn.ReLU6())):
        assert torch.equal(Rectified(most)(numbers.clone()), relu(numbers))


def run(loaded):
    """Its maps in bf16 of eight pictures of noise, and which ReLUs ran."""
    kinds = set()
    hook = register_module_forward_pre_hook(lambda part, _: kinds.add(type(part)))
    maps = torch_body(loaded, "bf16")(picture_for(loaded))
    hook.remove()
    return maps.float(), kinds & {Rectified, nn.ReLU, nn.ReLU6}


def picture_for(loaded):
    return torch.randn(8, *loaded.config["input_size"], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "relu"), [("demo", nn.ReLU), ("lite0", nn.ReLU6)])
@torch.inference_mode()
def test_relus_that_work_in_place_are_those_in_bf16_unless_a_weight_is_no_number(name, relu):
    loaded = load.load(name)
    exact = loaded.module.forward_features(picture_for(loaded))
    maps, ran = run(loaded)
    assert ran == {Rectified}
    assert (maps - exact).norm() < 0.05 * exact.norm()
    next(loaded.module.parameters()).view(-1)[0] = float("nan")
    maps, ran = run(loaded)
    assert ran == {relu}
    assert maps.isnan().any()


@torch.inference_mode()
def test_a_relu_that_keeps_its_input_stays():
    """Another layer may read what went in."""
    loaded = load.load("demo")
    for part in loaded.module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    assert run(loaded)[1] == {nn.ReLU}


def original(state, x):
    """EfficientNet-lite0 as its package's authors compute it, from their names alone: tf's padding, ReLU6, eps .001."""

    def conv(x, name, kernel, stride, groups=1):
        over = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
        x = functional.pad(x, (over[1] // 2, over[1] - over[1] // 2, over[0] // 2, over[0] - over[0] // 2))
        return functional.conv2d(x, state[f"{name}.weight"], stride=stride, groups=groups)

    def norm(x, name):
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-3)

    x = functional.relu6(norm(conv(x, "_conv_stem", 3, 2), "_bn0"))
    stages = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))  # blocks, kernel, stride
    rows = [(kernel, stride if i == 0 else 1) for count, kernel, stride in stages for i in range(count)]
    for number, (kernel, stride) in enumerate(rows):
        block, before = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in state:
            x = functional.relu6(norm(conv(x, f"{block}._expand_conv", 1, 1), f"{block}._bn0"))
        x = functional.relu6(norm(conv(x, f"{block}._depthwise_conv", kernel, stride, x.shape[1]), f"{block}._bn1"))
        x = norm(conv(x, f"{block}._project_conv", 1, 1), f"{block}._bn2")
        x = x + before if x.shape == before.shape and stride == 1 else x
    x = functional.relu6(norm(conv(x, "_conv_head", 1, 1), "_bn1")).mean(dim=(2, 3))
    return functional.linear(x, state["_fc.weight"], state["_fc.bias"])


@torch.no_grad()
def test_lite0_gives_the_logits_of_the_weights_own_network_and_knows_imagenets_classes():
    loaded = load.load("lite0")
    assert (loaded.classes.name, len(loaded.classes.classes), loaded.activation) == ("imagenet-1k", 1000, "softmax")
    assert loaded.config["mean"] == pytest.approx([127 / 255] * 3)
    assert loaded.config["std"] == pytest.approx([128 / 255] * 3)
    pixels = np.stack([loaded.prepare(draw(seed)) for seed in range(3)])
    _, logits = load.Embedder(loaded, torch_body(loaded, "fp32"))(pixels)
    x = (torch.from_numpy(pixels).float() - 127) / 128
    theirs = original(torch.load(lite0.path(), weights_only=True), x)
    assert np.abs(logits - theirs.numpy()).max() < 1e-4


def test_where_the_hub_is_out_of_reach_the_sentence_names_lite0(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingError, match="MODEL=lite0"):
        load.load("resnet50.tv_in1k")
