"""D may look through a network that somebody pretrained; that network stays as it is, and G learns through it."""

from __future__ import annotations

import json
import time

import pytest
import timm
import torch
from gan_data import TINY, job, squares
from torch.nn.functional import interpolate

from gan.nets import frozen, networks, presets, pyramid, teacher
from gan.nets.layers import GhostBatchNorm2d, MinibatchStd
from gan.pictures import batches, data
from gan.sample import sample
from gan.step import players
from gan.step.augment import augment
from gan.step.players import Machine
from gan.train import loop, preflight, runs
from gan.train.job import Moment
from scrapbag.errors import MissingError, RecipeError
from scrapbag.layout import Run
from scrapbag.models import lite0
from scrapbag.recipe import Train

SMALL = ("batch=4", "width=4", "mix=4", "teacher_side=64")


@pytest.fixture(scope="module")
def network():
    """Timm's own, with the package's weights and nothing folded."""
    net = timm.create_model(lite0.ARCHITECTURE, pretrained=False)
    state = torch.load(lite0.path(), weights_only=True)
    net.load_state_dict({lite0.timm_key(key): tensor for key, tensor in state.items()})
    return net.eval()


def _team(size, *values):
    settings = presets.resolve("projected", [*SMALL, *values])
    return settings, players.make(settings, size, 0, Machine())


def _pictures(size, count=4):
    return batches.to_floats(torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8).numpy(), "cpu")


@torch.no_grad()
def test_the_packages_weights_answer_in_timms_network_as_in_their_own(network):
    line = torch.linspace(-1, 1, 224)
    down, across = line[:, None].expand(224, 224), line[None].expand(224, 224)
    logits = network(torch.stack([down, across, (6 * down * across).sin()])[None])[0]
    own = [-0.233731, -1.219219, -0.555806, -0.350893, -0.817057, -1.421788, -1.432309, -0.297862]  # every 125th
    assert torch.allclose(logits[::125], torch.tensor(own), atol=1e-4)
    assert logits.argmax() == 818


@torch.no_grad()
def test_the_taps_are_those_of_timms_own_network(network):
    body, mean, std, _ = frozen.pretrained("lite0")
    x = torch.randn(2, 3, 96, 96)
    theirs, ours = network.forward_intermediates(x, indices=[1, 2, 3, 4], intermediates_only=True), body(x)[-4:]
    assert [one.shape[2] for one in ours] == [24, 12, 6, 3]
    for a, b in zip(theirs, ours, strict=True):
        assert torch.allclose(a, b, atol=1e-4 * float(a.abs().max()))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in body.modules())
    assert (mean.unique().tolist(), std.unique().tolist()) == ([0.5], [0.5])


@pytest.mark.parametrize("size", [32, 48, 64, 128, 256])
def test_d_sees_every_size_and_its_gradient_reaches_the_picture_alone(size):
    _, team = _team(size, "batch=2", "teacher_side=0")
    x = _pictures(size, 2).requires_grad_()
    scores = team.d(x)
    assert scores.shape == (2, 4 * 25)  # of each head: a map of eight by eight, seen four by four
    before = team.d[0].sha256.clone(), [one.clone() for one in team.d[0].body.buffers()]
    scores.sum().backward()
    assert x.grad.abs().sum((1, 2, 3)).min() > 0
    names = {name for name, _ in team.d.named_parameters()}
    assert names
    assert all(name.startswith("1.") for name in names), "only the heads learn"
    assert all(torch.equal(a, b) for a, b in zip(before[1], team.d[0].body.buffers(), strict=True))


@pytest.mark.parametrize(("before", "after"), [(32, 224), (64, 96), (48, 224), (128, 64), (64, 64)])
def test_resizing_by_matrices_is_torchs_own(before, after):
    x = torch.randn(2, 3, before, before)
    matrix = teacher.resizing(before, after)
    own = interpolate(x, (after, after), mode="bilinear", align_corners=False, antialias=after < before)
    assert torch.allclose(matrix @ x @ matrix.T, own, atol=1e-5)
    assert torch.allclose(teacher.resized(x, matrix), own, atol=1e-5)


@pytest.mark.parametrize("side", [2, 7, 28])
def test_maps_grow_as_torchs_corners_do_and_mixing_before_is_mixing_after(side):
    x, across = torch.randn(2, 5, side, side), torch.randn(3, 5, 1, 1)
    matrix = teacher.resizing(side, 2 * side, corners=True)
    after = torch.nn.functional.conv2d(interpolate(x, scale_factor=2, mode="bilinear", align_corners=True), across)
    assert torch.allclose(teacher.resized(torch.nn.functional.conv2d(x, across), matrix), after, atol=1e-5)


@pytest.mark.parametrize(
    "value",
    ["heads=1", "heads=2", "mix=8", "ghost=1", "ghost=3", "teacher_side=32", "teacher_side=96", "excite=true",
     "blur=0.0", "blur_kimg=0.0", "z=8", "penalty=r1", "loss=relativistic", "batch=6", "mirror=false", "width=8"],
)  # fmt: skip
def test_every_value_of_the_row_trains_a_step_at_32_pixels(value):
    size = 64 if value.startswith("excite") else 32
    settings, team = _team(size, value)
    before = players.digest(players.capture(team))
    scores = loop.play(team, _pictures(size, settings.batch), settings, Machine(), Moment(), 0)
    assert scores.loss_d == scores.loss_d
    assert players.digest(players.capture(team)) != before


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("teacher_side=100", "teacher_side=128"),
        ("crop=32", "write crop=0"),
        ("teacher=none", "write teacher=lite0"),
        ("up=transposed kernel=[4]", "up=nearest"),
        ("heads=5", "from 1 to 4"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(override, says):
    with pytest.raises(RecipeError, match=says):
        presets.resolve("projected", override.split())


def test_the_standard_deviation_in_the_heads_is_of_reals_or_of_fakes_and_shows_which_look_alike():
    reals, fakes = torch.randn(8, 3, 5, 5), torch.randn(1, 3, 5, 5).expand(8, -1, -1, -1)
    seen = MinibatchStd()(torch.cat([reals, fakes]))[:, -1]
    assert seen[:8].min() > 0.5
    assert seen[8:].max() < 1e-3
    _, team = _team(32, "batch=4", "minibatch_std=true")
    assert sum(isinstance(module, MinibatchStd) for module in team.d.modules()) == 4


def test_a_batch_norm_of_the_heads_sees_reals_and_fakes_apart_and_few_at_a_time():
    norm = GhostBatchNorm2d(3, group=4).train()
    reals, fakes = torch.randn(8, 3, 5, 5), 3 + 2 * torch.randn(8, 3, 5, 5)
    apart = torch.cat([norm(reals), norm(fakes)])
    assert torch.allclose(norm(torch.cat([reals, fakes])), apart, atol=1e-6)
    own = torch.nn.BatchNorm2d(3).train()
    assert torch.allclose(norm(reals), torch.cat([own(reals[:4]), own(reals[4:])]), atol=1e-5)


def test_a_checkpoint_keeps_a_sum_in_the_place_of_the_frozen_weights():
    _, team = _team(32)
    state = team.d.state_dict()
    assert not [name for name in state if "body" in name]
    assert bytes(state["0.sha256"].tolist()) == frozen.pretrained("lite0")[3]
    _, other = _team(32)
    state["0.sha256"] = state["0.sha256"] + 1
    with pytest.raises(RuntimeError, match="the weights of lite0 are others"):
        other.d.load_state_dict(state)


def test_the_mixing_comes_from_the_seed():
    values = presets.resolve("projected", SMALL)
    first, same, other = (players.make(values, 32, seed, Machine()).d.state_dict()["0.tap0"] for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_without_the_package_the_residual_pair_learns_and_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("scrapbag.models.lite0.PACKAGE", "no-such-package")
    said = []
    assert teacher.find("lite0", "", said.append) == "none"
    sentence = "the weights of lite0 are not on this computer (package no-such-package); run make setup"
    assert said == [f"{sentence}; without a teacher D learns from the pictures alone"]
    run = job(squares(tmp_path / "data"), tmp_path / "run", "mix=4", preset="projected")
    assert (run.values.teacher, run.values.block) == ("none", "residual")


def test_a_run_that_goes_on_keeps_its_teacher_and_says_nothing_of_going_without(tmp_path, monkeypatch):
    pictures, asked = squares(tmp_path / "data"), Train(preset="projected", images=4, values=SMALL)
    (tmp_path / "run").mkdir()
    runs.prepare(pictures, Run(tmp_path / "run"), asked, lambda _: None)
    monkeypatch.setattr("scrapbag.models.lite0.PACKAGE", "no-such-package")
    said = []
    again = runs.prepare(pictures, Run(tmp_path / "run"), asked, said.append)
    assert again.values.teacher == "lite0"
    assert [line for line in said if "teacher" in line] == []
    with pytest.raises(MissingError, match="run make setup"):
        loop.train(again)


def test_the_probe_takes_fewer_steps_where_one_takes_long(monkeypatch):
    values = presets.resolve("projected", SMALL)
    steps, real = [], loop.play
    monkeypatch.setattr(loop, "play", lambda *words: steps.append(words[4].step) or real(*words))
    monkeypatch.setattr(preflight, "_candidates", lambda _processes: [Machine()])
    monkeypatch.setattr(preflight, "PATIENCE_S", 1e9)
    preflight.probe(values, 32, 0)
    assert steps == [1, 0, 1, 1]
    monkeypatch.setattr(preflight, "PATIENCE_S", 0.0)
    _, speed, _ = preflight.probe(values, 32, 0)
    assert steps == [1, 0, 1, 1, 1]
    assert speed > 0


def test_the_probe_weighs_steps_with_a_teacher_and_without_as_a_run_has_them(monkeypatch):
    """Of eight steps one has the penalty and the teacher, three the teacher alone and four neither."""
    took = iter([9.0, 0.01, 0.05, 0.03])
    monkeypatch.setattr(loop, "play", lambda *_: time.sleep(min(0.06, next(took))))
    monkeypatch.setattr(preflight, "_candidates", lambda _processes: [Machine()])
    _, speed, _ = preflight.probe(presets.resolve("projected-cpu", ("width=4", "mix=4", "beside=4", "every=2")), 32, 0)
    assert speed == pytest.approx(8 * 64 / (0.05 + 3 * 0.03 + 4 * 0.01), rel=0.1)


def test_without_the_package_the_model_that_chose_the_pictures_teaches(tmp_path, monkeypatch):
    monkeypatch.setattr("scrapbag.models.lite0.PACKAGE", "no-such-package")
    pictures = squares(tmp_path / "data")
    table = pictures.curated / "metadata.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",model", *(line + ",demo" for line in lines[1:])]) + "\n")
    assert data.chosen_by(pictures.curated) == "demo"
    run = job(pictures, tmp_path / "run", "mix=4", "teacher_side=64", preset="projected")
    assert run.values.teacher == "demo"
    _, sha256 = loop.train(run)
    assert sha256


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("local-dir:nowhere", "local-dir:nowhere is not on this computer"),
        ("no_such_net", "Unknown model"),
        ("mobilenetv1_100.ra4_e3600_r224_in1k", "cannot be loaded"),
    ],
)
def test_another_teacher_that_cannot_be_had_is_a_sentence(name, says, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingError, match=says):
        teacher.find(name, "", lambda _: None)


def test_g_is_exported_without_spectral_norms_and_draws_what_was_shown(tmp_path):
    run = job(squares(tmp_path / "data"), tmp_path / "run", *SMALL, preset="projected", images=16)
    loop.train(run)
    kept = sample.load(run.run.generator)
    assert "Spectral" not in json.dumps(json.loads(run.run.generator.with_suffix(".json").read_text())["layers"])
    assert not [name for name in kept.net.state_dict() if "parametrizations" in name]
    z = torch.randn(2, kept.values.z, 1, 1)
    assert torch.allclose(kept.net(z), kept.net(3 * z), atol=1e-5), "only the direction of the latents counts"
    team = players.make(run.values, 32, 0, Machine())
    shown = players.settled(team.ema, run.values, (1, 1))
    plain = networks.build(pyramid.bare(networks.generator(run.values, 32))).eval()
    plain.load_state_dict(shown.state_dict())
    assert torch.allclose(plain(z), shown(z), atol=1e-6)


def test_a_blur_of_what_d_sees_fades():
    values = presets.resolve("projected", ["colour=0.0", "shift=0.0", "mirror=false", "blur=2.0", "blur_kimg=1.0"])
    x = _pictures(32)
    detail = []
    for seen in (0, 500, 1000):
        changed = augment(x, values, 1.0, seen, batches.chance(0, 0, "augment"))
        assert torch.allclose(changed.mean((2, 3)), x.mean((2, 3)), atol=0.05)
        detail.append(float(changed.diff(dim=3).abs().mean()))
    assert detail == sorted(detail)
    assert torch.equal(changed, x)


def test_the_estimate_of_memory_grows_with_what_d_sees():
    small, large = (preflight.memory(presets.resolve("projected", [f"teacher_side={n}"]), 64) for n in (64, 224))
    assert 1e9 < small < large < 16e9


def test_older_settings_have_no_teacher():
    table = presets.plain(presets.resolve("auto-cuda"))
    for name in ("teacher", "teacher_side", "heads", "mix", "ghost", "blur", "blur_kimg", "excite"):
        del table[name]
    assert presets.restore(table, "here").teacher == "none"
    assert TINY
