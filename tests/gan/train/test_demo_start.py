"""The start that ships: INIT=demo names it wherever one works, and its generator dreams drawn photographs of quilts."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from gan_data import squares

from demo.drawing import photographs
from gan.evaluate import features, metrics
from gan.pictures import batches
from gan.sample import sample
from gan.step import players
from gan.train import checkpoint, runs, start
from scrapbag.layout import Run, Start
from scrapbag.recipe import DEMO_START, Train


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """(a run that begins from it, what was said), in a folder that has no demo/."""
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    (tmp_path / "run").mkdir()
    dataset = squares(tmp_path / "data", side=64)
    return runs.prepare(dataset, Run(tmp_path / "run"), Train(images=10, init="demo"), said.append), said


def test_it_is_begun_from_by_its_name(begun):
    job, said = begun
    assert (job.values.start, job.values.width, job.values.rate, job.size) == ("demo", 48, 0.5, 64)
    assert (job.values.teacher, job.values.beside, job.values.gamma) == ("lite0", 32, 1.0)
    assert (job.values.batch, job.values.ema_share, job.values.decay) == (64, 0.25, 1.0), "its own decay is over"
    assert job.values.before_kimg > 700, "gamma goes on, where its own start had got to"
    assert any("64x64: all its layers fit; 1,024 pictures to rehearse" in line for line in said), "its heads too"
    assert json.loads(Start(job.run.start).card.read_text())["name"] == "demo"


def test_without_a_teacher_its_plain_d_goes_on_and_is_penalised_whole(tmp_path):
    said: list[str] = []
    (tmp_path / "run").mkdir()
    asked = Train(images=10, init="demo", values=("teacher=none",))
    job = runs.prepare(squares(tmp_path / "data", side=64), Run(tmp_path / "run"), asked, said.append)
    assert (job.values.teacher, job.values.gamma) == ("none", 10.0)
    assert any("64x64: all its layers fit; 1,024 pictures" in line for line in said)


def test_a_kill_before_the_copy_was_made_leaves_it_as_wide_as_it_was_to_be(tmp_path):
    dataset, run = squares(tmp_path / "data", side=64), Run(tmp_path / "run")
    run.root.mkdir()
    asked = Train(images=10, init="demo", values=("width=52",))
    once = runs.prepare(dataset, run, asked, lambda _: None).origin
    shutil.rmtree(run.start)
    again = runs.prepare(dataset, run, asked, lambda _: None).origin
    assert once.values == again.values
    assert all(torch.equal(once.weights[name], again.weights[name]) for name in once.weights)
    assert once.weights["ema.0.0.0.weight"].shape[1] == 8 * 52


def test_its_generator_dreams_drawn_photographs_of_quilts(begun, tmp_path):
    job, _ = begun
    team = players.make(job.values, job.size, 0, job.machine)
    start.begin(team, job.origin)
    path = tmp_path / "generator.safetensors"
    checkpoint.write_generator(path, team.ema, job.values, job.size, job.origin.images_seen)
    dreamt = batches.to_bytes(sample.draw(sample.load(path), 256, seed=0))
    drawn = photographs.pictures(256, 64, held=True)
    kind = features.untrained(drawn)
    reference = kind.look(drawn)
    far, rehearsed, dream = (
        metrics.kid(reference, kind.look(one))[0]
        for one in (np.full_like(dreamt, 128), job.origin.squares[:256], dreamt)
    )
    assert rehearsed < 0.01 * far
    assert dream < 0.01 * far


def test_it_is_small_and_says_what_it_is():
    files = list(DEMO_START.iterdir())
    assert sum(file.stat().st_size for file in files) < 8e6
    said = (DEMO_START / "README.md").read_text()
    card = json.loads(Start(DEMO_START).card.read_text())
    for fact in (f"{card['images_seen']:,} images", f"{card['size']} x {card['size']}", "make start", "MIT"):
        assert fact in said
