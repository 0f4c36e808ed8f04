"""What `make sample` and `make interpolate` make of what is asked, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from gan.__main__ import main
from gan.evaluate import best
from gan.nets import networks, presets, pyramid
from gan.pictures import batches, grids
from gan.sample import interpolate, sample
from gan.sample.sample import Generator
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from gan.train.job import Job
    from scrapbag.layout import Data

    Finished = tuple[Data, Job, str]


def command(job: Job, *words: str) -> str:
    result = CliRunner().invoke(main, [words[0], "--run", str(job.run.root), *words[1:]])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_png_each_are_the_pictures_of_the_sheet_and_more(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    _, job, _ = finished
    monkeypatch.setattr(sample, "_BATCH", 3)
    assert "7 samples of seed 4" in command(job, "sample", "--as", "png", "-n", "7", "--seed", "4")
    files = sorted((job.run.samples / "seed4-7").iterdir())
    assert [one.name for one in files] == [f"{number:06d}.png" for number in range(7)]
    sheet = batches.to_bytes(sample.draw(sample.load(job.run.generator), 5, 4))
    for one, expected in zip(files, sheet, strict=False):
        assert np.array_equal(np.asarray(Image.open(one)), expected)
    command(job, "sample", "--as", "png", "-n", "7", "--seed", "4")  # again, over what is there
    assert [one.name for one in job.run.samples.iterdir()] == ["seed4-7"]


def glu() -> Generator:
    values = presets.restore({"block": "glu", "z": 16, "width": 8, "teacher": "lite0", "up": "nearest"}, "test")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = networks.build(pyramid.generator(values, 4, 3)).eval().requires_grad_(requires_grad=False)
    return Generator(net, values, 32, (1, 1), 8, 0)


@pytest.mark.parametrize("kind", ["plain", "normalised latents"])
def test_truncation_brings_samples_nearer_to_their_mean_and_1_changes_nothing(finished: Finished, kind: str) -> None:
    _, job, _ = finished

    def spread(share: float) -> float:
        generator = sample.load(job.run.generator) if kind == "plain" else glu()
        if share != 1:
            sample.truncate(generator, share)
        return grids.pixel_std(sample.draw(generator, 32, 0))

    whole, half, little = spread(1), spread(0.5), spread(0.01)
    assert little < 0.1 * whole
    assert little < half < whole


def test_truncation_has_a_sheet_of_its_own(finished: Finished) -> None:
    _, job, _ = finished
    command(job, "sample", "-n", "4")
    assert command(job, "sample", "-n", "4", "--truncation", "0.5").strip().endswith("seed0-4-t0.5.png")
    whole, half = (np.asarray(Image.open(job.run.samples / name)) for name in ("seed0-4.png", "seed0-4-t0.5.png"))
    assert not np.array_equal(whole, half)


def test_the_best_are_the_surest_that_are_no_copies() -> None:
    value = torch.tensor([0.9, 0.2, 0.8, 0.7, 0.8])
    able = torch.tensor([False, True, True, True, True])
    assert best.chosen(value, able, 3).tolist() == [2, 4, 3]
    with pytest.raises(UsageError, match="4 of 5 samples are no copies"):
        best.chosen(value, able, 5)


def test_the_sheet_says_by_what_the_best_were_chosen(finished: Finished) -> None:
    _, job, _ = finished
    said = command(job, "sample", "--best", "4", "--of", "64", "--seed", "2")
    assert said.startswith("4 of 64 samples of seed 2, by their nearness to training pictures (there is no ")
    sheet = Image.open(job.run.samples / "best4-of64-seed2.png")
    assert sheet.width == 128
    assert sheet.height > 128 + 20  # the words are below four pictures of 64
    assert np.asarray(sheet)[140:].min() < 64
    pictures = batches.to_bytes(sample.draw(sample.load(job.run.generator), 64, 2))
    small = [np.asarray(Image.fromarray(one).resize((64, 64), Image.Resampling.NEAREST)) for one in pictures]
    first = np.asarray(sheet)[:64, :64]
    assert any(np.array_equal(first, one) for one in small)


def test_the_film_passes_through_the_sheets_of_the_seeds_that_one_picks(finished: Finished) -> None:
    _, job, _ = finished
    generator = sample.load(job.run.generator)
    frames = list(interpolate.walk(generator, 2, 1, 0, (3, 17, 42)))
    assert len(frames) == interpolate.FPS
    for place, seed in ((0, 3), (8, 17), (16, 42)):
        expected = batches.to_bytes(sample.draw(generator, 2, seed))
        assert np.abs(frames[place].astype(int) - expected).max() <= 1
    assert "interpolate-seeds3-17-42-2" in command(
        job, "interpolate", "-n", "2", "--seconds", "1", "--seeds", "3,17,42"
    )


@pytest.mark.parametrize("text", ["3", "3,", "a,b", "3;17", "-1,2", "3,1.5", f"1,{10**20}"])
def test_seeds_that_are_none_are_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="SEEDS=3,17,42"):
        interpolate.stops(text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--of", "9"], "write BEST=64 beside it"),
        (["--best", "9", "--of", "9"], "no choice"),
        (["--best", "9", "--as", "png"], "write one of them"),
        (["-n", "5000"], "write AS=png"),
        (["--pixels", "64x64", "--truncation", "0.5"], "make textures"),
        (["--seamless", "--best", "4"], "make textures"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(finished: Finished, words: list[str], sentence: str) -> None:
    _, job, _ = finished
    result = CliRunner().invoke(main, ["sample", "--run", str(job.run.root), *words])
    assert result.exit_code == UsageError.exit_code
    assert sentence in result.output
    assert len(result.output.splitlines()) == 1
    assert not job.run.samples.exists()


def test_a_texture_is_not_truncated_but_told_of_std(finished: Finished) -> None:
    _, job, _ = finished
    beside = job.run.generator.with_suffix(".json")
    table = json.loads(beside.read_text())
    table["values"] |= {"latent": "field"}
    beside.write_text(json.dumps(table))
    with pytest.raises(UsageError, match=r"STD=0\.7"):
        sample.load(job.run.generator, truncation=0.5)
