"""The poster: of A3's size, of the samples that D is surest of, and with the credits that the pictures ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from gan.__main__ import main
from gan.evaluate import poster
from gan.sample import sample
from gan.train import checkpoint
from scrapbag.errors import UsageError
from scrapbag.layout import Data


def made(finished, *words):
    data, job, _ = finished
    return CliRunner().invoke(main, ["poster", "--run", str(job.run.root), "--data", str(data.root), *words])


def test_a_run_gives_a_sheet_of_a3_at_300_dpi(finished):
    done = made(finished, "--n", "6", "--of", "60")
    assert done.exit_code == 0, done.output
    run = finished[1].run
    assert done.output == f"the best 6 of 60 samples of seed 0, by D's own score -> {run.poster}\n"
    with Image.open(run.poster) as image:
        assert image.size == (3508, 4961)
        assert round(image.info["dpi"][0]) == 300


def test_samples_are_ranked_by_the_newest_d_where_one_is_left(finished):
    _, job, _ = finished
    generator = sample.load(job.run.generator)
    fakes = sample.draw(generator, 70, 0)
    value = poster.by_d(job.run, generator, fakes)
    assert value is not None
    assert value.shape == (70,)
    assert value.std() > 0
    assert torch.equal(value[:64], poster.by_d(job.run, generator, fakes[:64]))
    for path in checkpoint.saved(job.run.checkpoints):
        path.unlink()
    assert poster.by_d(job.run, generator, fakes) is None


def test_too_many_are_refused_in_a_sentence(finished):
    done = made(finished, "--n", "8", "--of", "8")
    assert (done.exit_code, done.output) == (2, "error: the best 8 of 8 are no choice; write an OF larger than N\n")
    with pytest.raises(UsageError, match="smaller N"):
        poster.arranged(100_000, 3000, 4000)


@pytest.mark.parametrize("count", [1, 5, 48, 400])
def test_all_pictures_are_on_it_apart_and_within_the_margins(count):
    pixels = np.zeros((count, 32, 32, 3), np.uint8)
    pixels[..., 0] = 200
    sheet = np.asarray(poster.sheet(pixels, "x", "y", "z"))
    red = (sheet[..., 0] > 150) & (sheet[..., 1] < 50)
    rows, lines = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert lines[0] >= 180
    assert lines[-1] < 3508 - 180
    assert rows[-1] < 4961 - 180
    share = red.sum() / (count * 1.0)
    assert share == pytest.approx(round(share**0.5) ** 2)
    assert count * share > 0.6 * 3148 * 3148 or count < 6


def test_the_credits_say_how_many_makers_and_which_licences(tmp_path):
    data = Data(tmp_path)
    assert "are lost" in poster.credit_line(data)
    data.curated.mkdir()
    rows = ["creator,licence", "Ada,CC0-1.0", "Ada,CC0-1.0", "Bob,CC BY 4.0", ",", "Cy,A", "Di,B"]
    (data.curated / "CREDITS.csv").write_text("\n".join(rows))
    assert poster.credit_line(data) == (
        "Made with scrapbag from 6 pictures of 4 named makers, each credited in CREDITS.csv. "
        "Licences: CC0-1.0 2, CC BY 4.0 1, unknown 1, others 2."
    )


def test_a_long_name_and_long_credits_stay_on_the_sheet():
    sheet = np.asarray(poster.sheet(np.zeros((4, 8, 8, 3), np.uint8), "q" * 64, "f " * 300, "word " * 400))
    ink = sheet.min(2) < 200
    assert not ink[:, :150].any()
    assert not ink[:, -150:].any()
    assert not ink[-150:].any()
