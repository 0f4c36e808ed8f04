"""Presets are rows of values, and every one of them trains."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace

import pytest
import torch
from gan_data import job, squares
from making import ROOT

from gan.nets import networks, presets
from gan.pictures import batches
from gan.step import balance, players
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment
from scrapbag.errors import RecipeError, UsageError
from scrapbag.processor import has_bf16

REAL_SIZE = {"dcgan256": 256, "quilt": 128}


@pytest.mark.parametrize("row", presets.PRESETS)
def test_a_preset_is_under_twenty_values(row):
    assert len(presets.PRESETS[row]) < 20


@pytest.mark.parametrize("row", presets.PRESETS)
def test_every_preset_runs_three_steps_at_its_real_size(row):
    values = presets.resolve(row, ["batch=2"])
    _three_steps(values, values.crop or REAL_SIZE.get(row, 64), Machine(bf16=has_bf16()))


@pytest.mark.parametrize(
    ("row", "more"),
    [
        *((row, []) for row in ("auto-cpu", "auto-cpu-64", "auto-cuda")),
        ("projected", ["teacher_side=64"]),
        ("projected-cpu", ["beside=4"]),
    ],
)
def test_three_steps_in_bf16_on_any_processor(row, more):
    """Small ones: where bf16 is imitated, a step takes thirty times as long."""
    _three_steps(presets.resolve(row, ["batch=2", "width=4", *more]), 32, Machine(bf16=True))


def _three_steps(values, size, machine):
    torch.set_num_threads(1)
    team = players.make(values, size, 0, machine)
    before = players.digest(players.capture(team))
    moment = Moment(balance=balance.start(values))
    x = batches.to_floats(torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8).numpy(), "cpu")
    for step in range(3):
        metrics = loop.play(team, x, values, machine, replace(moment, step=step), 0)
        assert math.isfinite(metrics.loss_d)
    assert players.digest(players.capture(team)) != before
    z = batches.latents(values, 1, batches.chance(0, 0, "latents"), networks.field(values, size))
    assert team.ema(z).shape == (1, 3, size, size)


@pytest.mark.parametrize("size", [32, 48, 64, 96, 128, 192, 256])
@pytest.mark.parametrize(
    "row",
    [
        "auto-cpu",
        "auto-cpu-64",
        "auto-cuda",
        "projected",
        "projected-cpu",
        "dcgan64",
        "dcgan256",
        "balanced-cpu",
        "quilt",
    ],
)
def test_a_preset_grows_to_the_size_of_the_squares(row, size):
    values = presets.resolve(row, ["batch=2"])
    with torch.device("meta"):
        g = networks.build(networks.generator(values, size))
        d = networks.build(networks.discriminator(values, size))
        made = g(torch.empty(2, values.z, 1, 1))
        assert made.shape == (2, 3, size, size)
        assert d(made).shape[0] == 2


def test_a_size_no_network_grows_to_names_the_nearest():
    with pytest.raises(UsageError, match=r"50 pixels wide.*SIZE=48"):
        networks.split(50)


def test_an_override_changes_its_value_alone():
    plain, changed = presets.resolve("quilt"), presets.resolve("quilt", ["lr_g=0.001"])
    assert {k for k in presets.plain(plain) if presets.plain(plain)[k] != presets.plain(changed)[k]} == {"lr_g"}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("lrg=1", "did you mean 'lr_g'"),
        ("lr_g", "write key=value"),
        ("loss=wgan", "write one of nonsaturating"),
        ("batch=1", "from 2 to 4096"),
        ("pad=circular", "up=nearest or pad=zeros"),
        ("kernel=[3]", "even kernels only"),
        ("waves=3", "latent=field"),
        ("real=[1.0]", "range of two numbers"),
        ("tint=true head=canvas", "write tint=false"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(override, says):
    with pytest.raises(RecipeError, match=says.replace("[", r"\[")):
        presets.resolve("auto-cpu", override.split())


@pytest.mark.parametrize(("side", "up", "kernel"), [(32, "transposed", "[6]"), (64, "nearest", "[5]")])
def test_auto_upsamples_by_nearest_neighbours_from_64_pixels_on(tmp_path, side, up, kernel):
    data = squares(tmp_path / "data", side=side)
    assert job(data, tmp_path / "run", preset="auto").values.up == up
    asked = job(data, tmp_path / "other", f"kernel={kernel}", preset="auto").values
    assert (asked.up, asked.kernel) == (up, tuple(json.loads(kernel)))


def test_values_survive_the_settings_file():
    values = presets.resolve("dcgan256")
    assert presets.restore(presets.plain(values), "here") == values


def test_what_the_readme_and_make_help_write_after_set_can_be_used():
    shown = [
        re.findall(r'SET="([^"]+)"', (ROOT / name).read_text(encoding="utf-8")) for name in ("README.md", "Makefile")
    ]
    assert all(shown)
    for override in itertools.chain(*shown):
        presets.resolve("auto-cpu", override.split())


@pytest.mark.parametrize(
    ("device", "side", "row"),
    [
        ("cpu", 32, "auto-cpu"),
        ("cpu", 64, "auto-cpu-64"),
        ("cpu", 256, "auto-cpu-64"),
        ("cuda", 64, "auto-cuda"),
        ("cuda", 128, "projected"),
        ("cuda:0", 256, "projected"),
    ],
)
def test_auto_takes_the_row_that_won_on_that_device_at_that_size(device: str, side: int, row: str) -> None:
    assert presets.row("auto", device, side) == row
    assert presets.row("quilt", device, side) == "quilt"
