"""The films of a run: in order, without flicker, no larger than a chat takes, and whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from gan.pictures import films, grids
from scrapbag.layout import Run


@pytest.fixture
def run(tmp_path):
    """Fifteen grids: a still gradient on the left; on the right chance colours, and a bar that grows as images do."""
    run = Run(tmp_path)
    rng = np.random.default_rng(0)
    for kimg in range(15):
        pixels = np.zeros((1, 256, 256, 3), np.uint8)
        pixels[0, :, :128] = np.linspace(0, 255, 128, dtype=np.uint8)[None, :, None]
        pixels[0, :, 128:] = rng.integers(0, 256, (256, 128, 3))
        pixels[0, :16, 128:] = 0
        pixels[0, :16, 128 : 128 + 8 * (kimg + 1)] = 255
        grids.save(run.fakes(kimg), pixels)
    return run


def frames_of(path):
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)], film.info["loop"]


def test_what_stands_still_does_not_flicker_and_all_frames_have_one_palette(run):
    frames, loop = frames_of(films.write(run))
    assert (len(frames), loop) == (15, 0)
    for frame in frames[1:]:
        assert np.array_equal(frame[:, :128], frames[0][:, :128])
    colours = {tuple(colour) for frame in frames for colour in np.unique(frame.reshape(-1, 3), axis=0)}
    assert len(colours) <= 256
    bars = [int((frame[8, 128:, 0] > 128).sum()) for frame in frames]
    assert bars == sorted(bars)
    assert bars[0] < bars[-1]


def test_the_mp4_has_the_same_frames_and_its_last_one_stays(run):
    films.write(run)
    capture = cv2.VideoCapture(str(run.video))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    assert capture.get(cv2.CAP_PROP_FPS) == 5
    assert len(frames) == 14 + 10
    bars = [int((frame[8, 128:, 0] > 128).sum()) for frame in frames]
    assert abs(bars[0] - 8) < 8
    assert bars[-1] > 100


def test_a_film_that_would_be_too_large_gets_smaller_frames_and_keeps_them_all(run):
    films.write(run)
    much = run.film.stat().st_size, run.video.stat().st_size
    limit = min(much) // 3
    films.write(run, limit)
    assert max(run.film.stat().st_size, run.video.stat().st_size) <= limit
    frames, _ = frames_of(run.film)
    assert len(frames) == 15
    assert frames[0].shape[0] < 256


def test_of_many_grids_some_are_shown_the_last_one_always(tmp_path):
    run = Run(tmp_path)
    for kimg in range(300):
        grids.save(run.fakes(kimg), np.full((1, 64, 64, 3), kimg % 200, np.uint8))
    with Image.open(films.write(run)) as film:
        pauses = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
        last = np.asarray(film.convert("RGB"))[0, 0, 0]
    assert len(pauses) <= films.FRAMES
    assert sum(pauses) == 200 * 100 + 2000, "frames that look alike are one that stays longer"
    assert abs(int(last) - 299 % 200) < 4
    assert films.write(Run(tmp_path / "nothing")) == Run(tmp_path / "nothing").film
