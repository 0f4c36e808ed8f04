"""What a run on a card leaves when it is cut: its sheet, of which the samples can be taken again."""

import numpy as np
import pytest

from benchmarks.card import sheets
from gan.pictures import grids


@pytest.mark.parametrize("side", [32, 128, 256])
def test_the_samples_of_a_sheet_are_those_that_were_drawn(tmp_path, side):
    rng = np.random.default_rng(0)
    flat = rng.integers(0, 256, (sheets.SAMPLES, 1, 1, 3), np.uint8)
    samples = np.broadcast_to(flat, (sheets.SAMPLES, side, side, 3))
    looks = [tmp_path / f"{i}.png" for i in range(2)]
    for look in looks:
        grids.save(look, samples[: sheets.shown(side)])
    sheets.save(tmp_path / "sheet.jpg", looks, samples)
    found = sheets.samples_of(tmp_path / "sheet.jpg", side)
    assert found.shape == samples.shape
    assert np.abs(found.mean((1, 2)) - flat[:, 0, 0]).max() < 8  # JPEG
