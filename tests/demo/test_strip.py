"""The README's picture is pasted from what the demo left on the disk."""

import click
import numpy as np
import pytest
from PIL import Image

from demo.strip import strip


def test_the_strip_shows_what_came_what_was_squared_and_what_was_dreamt(tmp_path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    (data / "images" / "ab").mkdir(parents=True)
    (data / "curated").mkdir()
    run.mkdir()
    for k in range(9):
        Image.new("RGB", (60, 40), "red").save(data / "images" / "ab" / f"{k}.jpg")
        Image.new("RGB", (32, 32), "lime").save(data / "curated" / f"{k:05d}.png")
    (data / "images" / "ab" / "broken.jpg").write_bytes(b"<html>")
    names = "\n".join(f"{k:05d}.png" for k in range(9))
    (data / "curated" / "metadata.csv").write_text(f"file_name\n{names}\n")
    Image.new("RGB", (256, 256), "blue").save(run / "fakes-000001.png")
    with pytest.raises(click.UsageError, match="make demo"):
        strip(data, tmp_path / "nothing")
    picture = np.asarray(strip(data, run))
    panels = [picture[:, left : left + 288].reshape(-1, 3).astype(int) for left in (0, 312, 624)]
    colours = [np.median(panel[panel.min(1) < 100], axis=0).round(-1).tolist() for panel in panels]
    assert [int(np.argmax(colour)) for colour in colours] == [0, 1, 2]
    assert picture.shape == (288, 912, 3)
