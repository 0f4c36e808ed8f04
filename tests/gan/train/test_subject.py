"""Whether a start's pictures go along: where lite0 sees the same subject in both, and nobody said otherwise."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
from gan_data import squares
from PIL import Image

from demo.drawing import photographs, products
from gan.train import runs, start, subject
from gan.train.job import Moment
from scrapbag.errors import MissingError
from scrapbag.layout import Data, Run
from scrapbag.recipe import DEMO_START, Train

SHOES = (products.sneaker, products.heel, products.boot, products.loafer, products.sandal)


@pytest.fixture(scope="module")
def quilts():
    return np.stack([photographs.quilt(photographs.HELD + seed, 64) for seed in range(96)])


@pytest.fixture(scope="module")
def shoes():
    drawn = (SHOES[seed % len(SHOES)](np.random.default_rng(seed)) for seed in range(48))
    return np.stack([np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.LANCZOS)) for image in drawn])


@pytest.fixture(scope="module")
def demo():
    """The start that ships."""
    return start.read(DEMO_START)


def test_pictures_of_one_subject_have_more_in_common_than_is_asked_and_others_less(demo, quilts, shoes):
    assert subject.overlap(quilts, quilts) == pytest.approx(1)
    assert subject.overlap(demo.squares[:160], quilts) > subject.LEAST + 0.05
    assert subject.overlap(demo.squares[:160], shoes) < subject.LEAST - 0.1


def test_they_go_along_with_the_share_that_the_start_names_and_a_line_says_so(demo, quilts, shoes):
    said: list[str] = []
    assert subject.learnt(demo, lambda: quilts, (), said.append) == {"rehearse": demo.rehearse, "rehearse_kimg": 0.0}
    assert "of the same subject" in said[0]
    assert f"{demo.rehearse:.0%} of every batch" in said[0]
    assert "SET=rehearse=0" in said[0]
    assert subject.learnt(demo, lambda: shoes, (), said.append) == {}
    assert "of another subject" in said[1]


def test_who_names_a_share_decides_and_nothing_is_looked_at(demo):
    def never():
        raise AssertionError

    assert demo.rehearse > 0
    for asked in (("rehearse=0",), ("rehearse = 0.5",), ("batch=8", "rehearse_kimg=30")):
        assert subject.learnt(demo, never, asked, print) == {}
    for origin in (None, replace(demo, squares=None), replace(demo, rehearse=0.0)):
        assert subject.learnt(origin, never, (), print) == {}


def test_without_lite0_nothing_goes_along(demo, quilts, monkeypatch):
    monkeypatch.setattr("scrapbag.models.lite0.PACKAGE", "no-such-package")
    with pytest.raises(MissingError):
        subject.overlap(quilts, quilts)
    assert subject.learnt(demo, lambda: quilts, (), print) == {}


def test_a_start_keeps_the_share_that_it_was_made_with(tmp_path, demo):
    start.write(replace(demo, rehearse=0.125), tmp_path / "start", small=True)
    assert start.read(tmp_path / "start").rehearse == 0.125
    card = (tmp_path / "start" / "start.json").read_text()
    (tmp_path / "start" / "start.json").write_text(card.replace('"rehearse": 0.125', '"older": 1'))
    assert start.read(tmp_path / "start").rehearse == 0, "one that was made before there was a share"


def test_a_run_of_another_subject_keeps_its_values_and_one_that_goes_on_asks_nothing(tmp_path, monkeypatch):
    dataset, said = squares(tmp_path / "data", side=64), list[str]()
    (tmp_path / "run").mkdir()

    def prepared():
        return runs.prepare(dataset, Run(tmp_path / "run"), Train(images=10, init="demo"), said.append)

    assert prepared().values.rehearse == 0
    assert any("of another subject" in line for line in said)
    assert tomllib.loads((tmp_path / "run" / "settings.toml").read_text())["values"]["rehearse"] == 0
    monkeypatch.setattr(subject, "learnt", None)
    assert prepared().values.rehearse == 0


def test_a_run_of_the_same_subject_rehearses_them_from_its_first_batch_to_its_last(tmp_path, quilts, demo):
    curated = tmp_path / "data" / "curated"
    curated.mkdir(parents=True)
    for number, square in enumerate(quilts):
        Image.fromarray(square).save(curated / f"{number}.png")
    (tmp_path / "run").mkdir()
    settings = Train(images=10, init="demo")
    job = runs.prepare(Data(tmp_path / "data"), Run(tmp_path / "run"), settings, lambda _: None)
    assert (job.values.rehearse, job.values.rehearse_kimg) == (demo.rehearse, 0)
    kept = {square.tobytes() for square in demo.squares}
    reals = np.zeros((64, 64, 64, 3), np.uint8)
    for images_seen in (0, 10**6):
        seen = start.rehearse(reals, job, Moment(images_seen=images_seen))
        shown = [square.tobytes() in kept for square in seen]
        assert sum(shown) == pytest.approx(64 * demo.rehearse, abs=1)
