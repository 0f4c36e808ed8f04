"""Losses are their formulas, controllers keep their bounds, augmentation is the same for reals and fakes."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.functional import affine_grid, grid_sample

from gan.evaluate import metrics
from gan.nets import presets
from gan.nets.layers import Moments
from gan.pictures import batches, grids
from gan.step import balance, losses, players
from gan.step.augment import _bilinear, augment
from gan.step.balance import Balance, StepMetrics
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _metrics(loss_d=1.0, loss_g=1.0, accuracy=0.5, sign=0.0):
    return StepMetrics(loss_d, loss_g, accuracy, sign, 0.0)


@pytest.mark.parametrize(
    ("loss", "d", "g"),
    [
        ("nonsaturating", math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))),
        ("hinge", 0.0, 1.0),
        ("least_squares", 1.0 + 1.0, 4.0),
        ("relativistic", math.log(1 + math.exp(-3)), math.log(1 + math.exp(3))),
    ],
)
def test_a_loss_is_its_formula(loss, d, g):
    real, fake = torch.full((4, 1), 2.0), torch.full((4, 1), -1.0)
    values = presets.resolve("auto-cpu", [f"loss={loss}"])
    assert losses.discriminator(real, fake, values, _rng()).item() == pytest.approx(d, rel=1e-5)
    assert losses.generator(real, fake, values).item() == pytest.approx(g, rel=1e-5)


def test_soft_targets_stay_in_their_range_and_flip_as_often_as_asked():
    values = presets.resolve("dcgan256", ["flip_labels=0.25"])
    targets = losses._targets(torch.zeros(10_000, 1), (0.8, 1.0), values, _rng())
    flipped = targets < 0.5
    assert 0.23 < flipped.float().mean() < 0.27
    assert targets[~flipped].min() >= 0.8
    assert targets[flipped].max() <= 0.2


def test_r1_is_the_squared_norm_of_the_gradient():
    x = torch.randn(5, 3, 4, 4, requires_grad=True)
    weight = torch.randn(3, 4, 4)
    assert torch.allclose(losses.penalty((x * weight).sum([1, 2, 3]), x), weight.square().sum())


def test_the_penalty_s_weight_grows_geometrically_with_images_seen():
    values = presets.resolve("auto-cpu", ["gamma=8.0", "gamma_start=0.25", "gamma_kimg=100"])
    assert [losses.gamma(values, seen) for seen in (0, 50_000, 100_000, 900_000)] == pytest.approx([2, 4, 8, 8])
    assert losses.gamma(presets.resolve("auto-cuda"), 0) == presets.resolve("auto-cuda").gamma


def test_d_is_penalised_with_the_weight_of_the_images_seen():
    growing = presets.resolve("auto-cpu", ["width=4", "batch=8", "gamma=1e3", "gamma_start=0.001", "gamma_kimg=100"])
    weights = [_d_after_a_step(growing, seen) for seen in (0, 50_000, 100_000)]
    flat = [_d_after_a_step(replace(growing, gamma=gamma, gamma_start=1.0), 0) for gamma in (1.0, 31.6227766, 1e3)]
    for grown, fixed in zip(weights, flat, strict=True):
        assert torch.allclose(grown, fixed, atol=1e-6)
    assert not torch.allclose(weights[0], weights[2], atol=1e-6)


def _d_after_a_step(values, images_seen):
    team = players.make(values, 32, 0, Machine())
    loop.play(team, torch.rand(8, 3, 32, 32, generator=_rng()), values, Machine(), Moment(images_seen=images_seen), 0)
    return torch.cat([p.detach().flatten() for p in team.d.parameters()])


def test_the_net_with_the_larger_loss_trains_alone_until_the_gap_is_small():
    values = presets.resolve("balanced-cpu", ["target=0.5"])
    for loss_d, loss_g, train_d, train_g in ((2.0, 1.0, True, False), (1.0, 2.0, False, True), (1.0, 1.2, True, True)):
        after = balance.update(Balance(), _metrics(loss_d, loss_g), values)
        assert (after.train_d, after.train_g) == (train_d, train_g)


def test_a_net_whose_turn_is_skipped_is_not_changed():
    values = presets.resolve("balanced-cpu", ["width=4", "batch=4", "z=8"])
    x = torch.rand(4, 3, 32, 32)
    for train_d, train_g in ((True, False), (False, True)):
        team = players.make(values, 32, 0, Machine())
        d, g = ([p.clone() for p in net.parameters()] for net in (team.d, team.g))
        loop.play(team, x, values, Machine(), Moment(balance=Balance(train_d=train_d, train_g=train_g)), 0)
        assert all(torch.equal(a, b) for a, b in zip(d, team.d.parameters(), strict=True)) is not train_d
        assert all(torch.equal(a, b) for a, b in zip(g, team.g.parameters(), strict=True)) is not train_g


def test_the_gate_stops_a_discriminator_that_is_too_accurate():
    values = presets.resolve("auto-cpu", ["balance=gate", "target=0.8"])
    assert not balance.update(Balance(), _metrics(accuracy=0.9), values).train_d
    assert balance.update(Balance(train_d=False), _metrics(accuracy=0.7), values).train_d


def test_ada_is_clamped_and_starts_at_zero():
    values = presets.resolve("auto-cuda")
    state = balance.start(values)
    assert state.p == 0
    for _ in range(10_000):
        state = balance.update(state, _metrics(sign=1.0), values)
    assert state.p == balance.ADA_MOST
    for _ in range(20_000):
        state = balance.update(state, _metrics(sign=-1.0), values)
    assert state.p == 0


def test_the_servo_is_bounded_both_ways():
    values = presets.resolve("auto-cpu", ["balance=servo"])
    for sign, end in ((1.0, balance.SERVO_MOST), (-1.0, 1 / balance.SERVO_MOST)):
        state = Balance()
        for _ in range(10_000):
            state = balance.update(state, _metrics(sign=sign), values)
        assert state.gamma == pytest.approx(end)


def test_no_augmentation_changes_nothing():
    values = presets.resolve("dcgan64")
    x = torch.rand(4, 3, 16, 16)
    assert torch.equal(augment(x, values, 1.0, 0, _rng()), x)


@pytest.mark.parametrize("value", ["mirror=true", "tumble=true", "colour=1.0", "shift=0.2", "turn=20", "zoom=0.2"])
def test_each_augmentation_changes_pictures_by_its_generator_alone(value):
    values = presets.resolve("dcgan64", [value])
    x = torch.rand(8, 3, 16, 16) * 2 - 1
    once, again, other = (augment(x, values, 1.0, 0, _rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert once.shape == x.shape


def test_a_probability_of_zero_augments_nothing():
    values = presets.resolve("dcgan64", ["colour=1.0", "shift=0.2"])
    x = torch.rand(8, 3, 16, 16)
    assert torch.equal(augment(x, values, 0.0, 0, _rng()), x)


def test_noise_fades_with_images_seen():
    values = presets.resolve("dcgan64", ["noise=0.1", "noise_kimg=10"])
    x = torch.zeros(8, 3, 32, 32)
    young, old, gone = (augment(x, values, 1.0, seen, _rng()).std().item() for seen in (0, 5_000, 10_000))
    assert young == pytest.approx(0.1, rel=0.05)
    assert old == pytest.approx(0.05, rel=0.05)
    assert gone == 0


def test_the_warp_of_a_gpu_is_grid_sample_forward_and_backward():
    x = torch.randn(5, 3, 24, 32, dtype=torch.double, requires_grad=True)
    grid = affine_grid(torch.randn(5, 2, 3, dtype=torch.double) * 2, list(x.shape), align_corners=False)
    want = grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    got = _bilinear(x, grid)
    torch.testing.assert_close(got, want)
    grad = torch.randn_like(want)
    torch.testing.assert_close(torch.autograd.grad(got, x, grad), torch.autograd.grad(want, x, grad))


def test_a_gpu_uses_deterministic_kernels_only(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    module = sys.modules["torch.utils.deterministic"]
    monkeypatch.setattr(module, "fill_uninitialized_memory", module.fill_uninitialized_memory)
    threads = torch.get_num_threads()
    players.ready(Machine())
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        players.ready(Machine("cuda"))
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] in (":4096:8", ":16:8")
    finally:
        torch.use_deterministic_algorithms(mode=False)
        torch.set_num_threads(threads)


def test_augmentation_is_differentiable_so_that_g_gets_a_gradient():
    values = presets.resolve("quilt")
    x = torch.rand(4, 3, 32, 32, requires_grad=True)
    augment(x, values, 1.0, 0, _rng()).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_moving_average_forgets_half_in_its_half_life():
    values = presets.resolve("auto-cpu", ["ema_kimg=1", "batch=100", "norm_g=none"])
    g, ema = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    with torch.no_grad():
        for p in g.parameters():
            p.fill_(1.0)
        for p in ema.parameters():
            p.zero_()
    for _ in range(10):
        players.average(g, ema, values, 10**6)
    assert ema.weight.item() == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "images", "half_life"),
    [
        ([], 25_000, 2_000),  # 8 %
        ([], 250_000, 10_000),
        (["start=demo", "before_kimg=100"], 25_000, 10_000),  # as an older version began it: the start's images count
        (["start=demo", "before_kimg=100", "ema_share=0.25"], 8_000, 2_000),
        (["start=demo", "before_kimg=100", "ema_share=0.25"], 80_000, 10_000),
    ],
)
def test_the_half_life_grows_with_the_images_of_the_run(given, images, half_life):
    values = presets.resolve("auto-cpu", ["batch=100", "norm_g=none", *given])
    g, ema = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    torch.nn.init.ones_(g.weight)
    torch.nn.init.zeros_(ema.weight)
    for _ in range(half_life // 100):
        players.average(g, ema, values, images)
    assert ema.weight.item() == pytest.approx(0.5, abs=1e-5)


def test_pictures_that_are_all_one_have_a_standard_deviation_of_zero():
    one = torch.rand(1, 3, 8, 8)
    assert grids.pixel_std(one.expand(16, -1, -1, -1)) == pytest.approx(0.0, abs=1e-6)
    assert grids.pixel_std(torch.rand(16, 3, 8, 8)) > 0.2


def test_uniform_latents_stay_within_one():
    z = batches.latents(presets.resolve("dcgan256"), 4, _rng())
    assert z.shape == (4, 4096, 1, 1)
    assert z.abs().max() <= 1
    assert z.std() == pytest.approx(1 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize(("moments", "told_apart"), [(False, False), (True, True)])
def test_the_end_of_d_sees_the_contrast_that_batch_norm_hides(moments, told_apart):
    values = presets.resolve("auto-cpu", [f"moments={str(moments).lower()}", "norm_from=1"])
    d = players.make(values, 32, 0, Machine()).d
    x = torch.rand(16, 3, 32, 32, generator=_rng()) * 2 - 1
    with torch.no_grad():
        change = (d(x) - d(x / 2)).abs().mean() / d(x).std()
    assert (change > 0.01) == told_apart


def test_moments_are_means_and_standard_deviations_of_each_cell():
    x = torch.randn(2, 3, 8, 8, generator=_rng())
    seen = Moments(torch.nn.AvgPool2d(4))(x)
    cells = x.reshape(2, 3, 2, 4, 2, 4).transpose(3, 4).flatten(4)
    assert torch.allclose(seen[:, 3:6], cells.mean(4), atol=1e-6)
    assert torch.allclose(seen[:, 6:9], cells.std(4, correction=0), atol=1e-3)


@pytest.mark.parametrize(("row", "tint", "colourful"), [
    ("auto-cpu-64", True, True), ("auto-cpu-64", False, False), ("auto-cpu", True, True), ("dcgan256", True, True),
    ("projected", True, True), ("projected", False, False),
])  # fmt: skip
def test_tinted_pictures_have_hues_before_the_first_step(row, tint, colourful):
    values = presets.resolve(
        row, [f"tint={str(tint).lower()}", "width=8", "z=128", "teacher_side=64"][: 4 if row == "projected" else 3]
    )
    g = players.make(values, 32, 0, Machine()).g
    with torch.no_grad():
        made = batches.to_bytes(g(batches.latents(values, 64, _rng())))
    assert (metrics.colour_volume(made) > 12) == colourful


def test_a_tint_is_one_colour_all_over_the_picture():
    values = presets.resolve("auto-cpu-64", ["width=8"])
    net: Any = players.make(values, 32, 0, Machine()).g
    add = net[0]
    latents = batches.latents(values, 4, _rng())
    tint = add(latents) - add[0](latents)
    assert tint.shape == (4, 3, 32, 32)
    assert torch.allclose(tint, tint[:, :, :1, :1].expand_as(tint), atol=1e-6)
    assert not torch.allclose(tint[0], tint[1], atol=1e-2)
