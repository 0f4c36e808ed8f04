"""A run that is stopped ends with the weights of a run that was not."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import asdict, replace

import pytest
import tomli_w
import torch
from gan_data import job, squares, texture
from making import ROOT

from gan.nets import presets
from gan.pictures import batches
from gan.sample import sample
from gan.step import players
from gan.step.players import Machine
from gan.train import checkpoint, loop, runs
from gan.train.job import Moment
from scrapbag.errors import MissingError, TooManyFailuresError
from scrapbag.layout import Run, metrics_rows


class _Stop:
    """Somebody presses Ctrl-C at the first grid after so many images."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, _ema, images_seen):
        if images_seen >= self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("row", ["auto-cpu", "balanced-cpu", "psgan", "projected", "projected-cpu"])
def test_stopping_and_going_on_changes_no_weight(tmp_path, monkeypatch, row):
    crop = "crop" in presets.PRESETS[row]
    data = (texture if crop else squares)(tmp_path / "data")
    small = ("teacher_side=32", "mix=4")
    values = {"psgan": ("crop=32",), "projected": small, "projected-cpu": (*small, "beside=4", "every=3")}.get(row, ())
    preset = {"auto-cpu": "auto"}.get(row, row)
    _, calm = loop.train(job(data, tmp_path / "calm", *values, images=300, preset=preset))
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "settings.toml").write_bytes((tmp_path / "calm" / "settings.toml").read_bytes())
    stopped = job(data, tmp_path / "stopped", *values, images=300, preset=preset)
    with monkeypatch.context() as patch:
        patch.setattr("gan.train.progress.GRID_S", 0.0)  # look at every step, so that a stop can come at any
        with pytest.raises(KeyboardInterrupt):
            loop.train(stopped, keeper=_Stop(270))
    left = checkpoint.load(tmp_path / "stopped" / "checkpoints")
    assert left is not None
    assert left["moment"]["images_seen"] == 256
    shown = sample.load(tmp_path / "stopped" / "generator.safetensors")  # after Ctrl-C there is something to look at
    assert shown.images_seen == 256
    for name, weight in shown.net.named_parameters():
        if row != "projected":  # its weights are written divided by their spectral norms
            assert torch.equal(weight, left["ema"][name]), name
    assert not (tmp_path / "stopped" / "done.json").exists()
    assert metrics_rows(stopped.run)[-1]["images_seen"] == "256"  # make status and the page say the same number
    moment, sha256 = loop.train(job(data, tmp_path / "stopped", *values, images=300, preset=preset))
    assert (moment.images_seen, sha256) == (300, calm)


def test_more_images_go_on_with_the_same_run(tmp_path):
    data = squares(tmp_path / "data")
    _, whole = loop.train(job(data, tmp_path / "whole", images=80))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "settings.toml").write_bytes((tmp_path / "whole" / "settings.toml").read_bytes())
    loop.train(job(data, tmp_path / "parts", images=40))
    moment, sha256 = loop.train(job(data, tmp_path / "parts", images=80))
    assert (moment.images_seen, sha256) == (80, whole)
    with (tmp_path / "parts" / "metrics.csv").open() as file:
        seen = [int(row["images_seen"]) for row in csv.DictReader(file)]
    assert seen == sorted(seen)
    assert seen[-1] == 80


def test_faults_cost_a_run_that_was_stopped_or_extended_just_what_they_cost_another(tmp_path, monkeypatch):
    monkeypatch.setattr("gan.train.loop.FAULTS", 9)  # the penalty overflows in steps 0, 11, 22 and 33
    data, faulty = squares(tmp_path / "data"), ("gamma=1e38", "lazy=11")
    whole, straight = loop.train(job(data, tmp_path / "whole", *faulty, images=80))
    assert (whole.faults, whole.step) == (4, 41)
    for name, parts in {"extended": (40, 48), "stopped": (36,)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.toml").write_bytes((tmp_path / "whole" / "settings.toml").read_bytes())
        for images in parts:
            loop.train(job(data, tmp_path / name, *faulty, images=images))
        if name == "stopped":
            stopped = job(data, tmp_path / name, *faulty, images=80)
            with monkeypatch.context() as patch:
                patch.setattr("gan.train.progress.GRID_S", 0.0)
                with pytest.raises(KeyboardInterrupt):
                    loop.train(stopped, keeper=_Stop(52))
        moment, sha256 = loop.train(job(data, tmp_path / name, *faulty, images=80))
        assert (moment.faults, moment.step, sha256) == (4, 41, straight), name


def test_what_a_run_stands_still_is_no_training(tmp_path):
    def ticking(*jumps):
        """A clock that gains a second a look, and at some looks 75 more: Ctrl-Z, and fg."""
        now = 0.0
        for look in range(10**6):
            now += 76.0 if look in jumps else 1.0
            yield now

    data, ticks = squares(tmp_path / "data"), ticking(11, 13, 31)
    moment, _ = loop.train(job(data, tmp_path / "run", images=80), clock=lambda: next(ticks))
    assert (moment.step, moment.seconds) == (20, 20 + 75)  # of stops in two steps on end the second is counted
    slower = iter((0.0, *(20.0 * i for i in range(1, 10**4))))  # a computer that is busy: only the first step is odd
    more, _ = loop.train(job(data, tmp_path / "slow", images=80), clock=lambda: next(slower))
    assert more.seconds == 20 * 20.0


def test_minutes_count_over_all_resumes(tmp_path):
    data = squares(tmp_path / "data")
    ticks = iter(range(10**6))
    first, _ = loop.train(job(data, tmp_path / "run", images=0, minutes=0.5), clock=lambda: float(next(ticks)))
    again, _ = loop.train(job(data, tmp_path / "run", images=0, minutes=0.5), clock=lambda: float(next(ticks)))
    more, _ = loop.train(job(data, tmp_path / "run", images=0, minutes=1.0), clock=lambda: float(next(ticks)))
    assert (first.seconds, again.seconds, more.seconds) == (30, 30, 60)


def test_on_another_computer_a_run_goes_on_as_is_best_there_and_says_that_bits_differ(tmp_path, finished):
    data, old, _ = finished
    path = tmp_path / "run" / "settings.toml"
    table = tomllib.loads(path.read_text())
    here, machine = table["computer"], {**table["machine"], "threads": 64}
    path.write_text(tomli_w.dumps({**table, "machine": machine}))
    assert job(data, tmp_path / "run").machine.threads == 64, "what was found stays while the computer is the same"
    path.write_text(tomli_w.dumps({**table, "machine": machine, "computer": "another"}))
    said = []
    again = runs.prepare(data, Run(tmp_path / "run"), replace(old.settings, images=80), said.append)
    assert "began on another" in said[0]
    assert "probe" in said[1]
    assert again.machine.threads <= (os.cpu_count() or 1)
    assert tomllib.loads(path.read_text()) == {**table, "machine": asdict(again.machine), "computer": here}
    moment, _ = loop.train(again)
    assert moment.images_seen == 80
    assert len([one for one in said if "goes on" in one]) == 1


def test_a_run_of_a_gpu_that_is_gone_is_neither_moved_nor_begun_anew(tmp_path, finished):
    data, _, _ = finished
    path = tmp_path / "run" / "settings.toml"
    table = tomllib.loads(path.read_text())
    path.write_text(tomli_w.dumps({**table, "computer": "NVIDIA", "machine": {**table["machine"], "device": "cuda"}}))
    with pytest.raises(MissingError, match="was trained on NVIDIA, and torch finds no GPU now"):
        job(data, tmp_path / "run")
    assert checkpoint.saved(tmp_path / "run" / "checkpoints")
    assert not (tmp_path / "run.1").exists()


@pytest.mark.parametrize("other", ["seed", "values", "data"])
def test_another_run_in_the_same_place_moves_the_old_one_aside(tmp_path, finished, other):
    data, old, sha256 = finished
    (tmp_path / "run" / "train.toml").write_text('name = "x"\n')
    said = []
    settings = old.settings
    if other == "seed":
        settings = replace(settings, seed=1)
    elif other == "values":
        settings = replace(settings, values=(*settings.values, "lr_g=0.001"))
    else:
        data = squares(tmp_path / "other", seed=1)
    runs.prepare(data, Run(tmp_path / "run"), settings, said.append)
    assert json.loads((tmp_path / "run.1" / "done.json").read_text())["sha256"] == sha256
    assert checkpoint.saved(tmp_path / "run.1" / "checkpoints")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"train.toml", "settings.toml"}
    assert "run.1" in said[-1]


def test_the_last_three_checkpoints_are_kept_and_a_torn_one_is_passed_over(tmp_path):
    for images in range(5):
        checkpoint.save(tmp_path, {"x": torch.tensor(images)}, images)
    assert [int(path.stem) for path in checkpoint.saved(tmp_path)] == [2, 3, 4]
    checkpoint.saved(tmp_path)[-1].write_bytes(b"torn")
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert state["x"] == 3


def test_a_checkpoint_runs_nothing_that_is_in_it(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"x": Evil()}, tmp_path / "000000000001.pt")
    assert checkpoint.load(tmp_path) is None
    assert not (tmp_path / "harm").exists()


def test_no_optimiser_is_stepped_when_a_loss_is_not_finite():
    values = presets.resolve("auto-cpu", ["batch=4", "width=4"])
    team = players.make(values, 32, 0, Machine())
    before = [p.clone() for p in (*team.g.parameters(), *team.d.parameters())]
    x = batches.to_floats(torch.zeros((4, 32, 32, 3), dtype=torch.uint8).numpy(), "cpu")
    x[0, 0, 0, 0] = float("nan")
    with pytest.raises(loop.NotFiniteError):
        loop.play(team, x, values, Machine(), Moment(), 0)
    assert all(torch.equal(a, b) for a, b in zip(before, (*team.g.parameters(), *team.d.parameters()), strict=True))


def test_after_a_step_that_is_not_finite_the_run_goes_on_past_it_at_half_the_learning_rate(tmp_path):
    faulty = job(squares(tmp_path / "data"), tmp_path / "run", "gamma=1e38", "lazy=64", images=40)
    moment, _ = loop.train(faulty)  # the penalty of step 0 overflows; the next would be due at step 64
    assert (moment.faults, moment.step, moment.images_seen) == (1, 11, 40)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert {float(row["rate"]) for row in csv.DictReader(file)} == {faulty.values.lr_g / 2}


def test_a_run_that_diverges_gives_up_after_three_faults(tmp_path):
    wild = job(squares(tmp_path / "data"), tmp_path / "run", "gamma=1e38", images=400)
    with pytest.raises(TooManyFailuresError, match=r"were not finite 3 times .* halve the learning rates"):
        loop.train(wild, save_s=0.0)


@pytest.mark.slow
def test_sigkill_at_any_moment_changes_no_weight():
    command = [sys.executable, "-m", "benchmarks.crash", "train", "--kills", "1"]
    for row in ("quilt", "texture"):
        command += ["--preset", row]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=280)
    assert all(json.loads(done.stdout.splitlines()[-1])["reached"].values())
