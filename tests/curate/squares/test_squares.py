"""Squares of every fit, their cache, and the folder that is never half there."""

import os
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from curate.squares import cache, fit
from curate.squares.cache import Wanted

RED, BLUE = (255, 0, 0), (0, 0, 255)


def wide(height=60, width=120):
    """Blue, with a red border all round."""
    pixels = np.full((height, width, 3), RED, dtype=np.uint8)
    pixels[10:-10, 10:-10] = BLUE
    return pixels


def test_crop_takes_the_middle():
    square = fit.square(wide(), 20, "crop", 0.0)
    assert square.shape == (20, 20, 3)
    assert square[10, 0].tolist() == list(BLUE)  # the red ends are cut off


@pytest.mark.parametrize(("how", "colour"), [("white", (255, 255, 255)), ("border", RED)])
def test_a_padded_square_shows_all_of_the_picture_on(how, colour):
    square = fit.square(wide(), 24, how, 1.0)
    assert square.shape == (24, 24, 3)
    assert square[0, 12].tolist() == list(colour)
    assert square[12, 0].tolist() == list(RED)
    assert square[12, 12].tolist() == list(BLUE)


@pytest.mark.parametrize("how", ["blur", "reflect"])
def test_the_edges_are_filled_from_the_picture_itself(how):
    square = fit.square(wide(), 24, how, 0.0)
    assert square.shape == (24, 24, 3)
    assert set(map(tuple, square.reshape(-1, 3)[:, 1:2].tolist())) == {(0,)}  # no green came from anywhere


def test_auto_pads_what_has_a_border_of_one_colour_and_crops_the_rest():
    assert (fit.square(wide(), 24, "auto", 1.0) == fit.square(wide(), 24, "border", 1.0)).all()
    assert (fit.square(wide(), 24, "auto", 0.3) == fit.square(wide(), 24, "crop", 0.3)).all()


def test_original_leaves_every_pixel():
    assert (fit.square(wide(), 24, "original", 0.0) == wide()).all()


@pytest.mark.parametrize("shape", [(1, 400), (400, 1), (63, 64), (64, 64), (2000, 3)])
@pytest.mark.parametrize("how", ["crop", "white", "border", "blur", "reflect", "auto"])
def test_any_shape_gives_a_square(shape, how):
    assert fit.square(np.zeros((*shape, 3), dtype=np.uint8), 64, how, 0.5).shape == (64, 64, 3)


@pytest.fixture
def one(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(wide()).save(path)
    return Wanted(number=7, sha256="ab" * 32, path=path, border_uniform=1.0)


def test_a_square_is_made_once_and_named_by_its_pictures_number(tmp_path, one):
    assert cache.make([one], tmp_path / "squares", 24, "auto") == 1
    assert cache.make([one], tmp_path / "squares", 24, "auto") == 0
    cache.link([one], tmp_path / "squares", tmp_path / "new", 24, "auto")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["00007.png"]
    with Image.open(tmp_path / "new" / "00007.png") as made:
        assert made.convert("RGB").getpixel((12, 12)) == BLUE
        assert made.convert("RGB").getpixel((12, 0)) == RED


def test_a_border_that_is_measured_otherwise_gives_another_square_of_auto(tmp_path, one):
    folder = tmp_path / "squares"
    cache.make([one], folder, 24, "auto")
    remeasured = replace(one, border_uniform=0.3)
    assert cache.make([remeasured], folder, 24, "auto") == 1
    assert cache.make([remeasured], folder, 24, "crop") == 0  # the very same square
    assert cache.make([one], folder, 24, "auto") == 0


FULL = """import resource, signal, sys
from pathlib import Path
from curate.squares import cache
from scrapbag.disk import writing
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
one = cache.Wanted(number=7, sha256="ab" * 32, path=folder / "picture.png", border_uniform=1.0)
def write(path):
    with writing(path, durable=False) as part:
        part.write_bytes(bytes(5000))
for work in (lambda: cache.make([one], folder / "squares", 24, "auto"), lambda: write(folder / "thumbs" / "x.webp")):
    try:
        work()
    except OSError:
        print("full")
"""


def test_a_full_disk_leaves_no_part_of_a_square_or_a_thumbnail(tmp_path, one):
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "full\nfull\n", done.stderr
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["picture.png"]


def test_what_a_killed_run_left_of_a_square_is_removed_and_what_another_writes_now_is_not(tmp_path, one):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    folder = tmp_path / "squares" / "crop-24" / "ab"
    folder.mkdir(parents=True)
    for pid in (ended.pid, os.getppid()):
        (folder / f".ab.png.{pid}.part").write_bytes(b"x")
    cache.make([one], tmp_path / "squares", 24, "auto")
    assert [path.name for path in tmp_path.rglob("*.part")] == [f".ab.png.{os.getppid()}.part"]


def test_the_folder_is_there_at_every_moment_of_the_swap(tmp_path):
    current = tmp_path / "curated"
    missing, stop = [], threading.Event()

    def fill(name, text):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "dataset.json").write_text(text)
        return folder

    def watch():
        while not stop.is_set():
            if not (current / "dataset.json").exists():
                missing.append(1)

    cache.swap(fill(".new", "0"), current)
    watcher = threading.Thread(target=watch)
    watcher.start()
    for turn in range(1, 40):
        cache.swap(fill(".new", str(turn)), current)
    stop.set()
    watcher.join()
    assert not missing
    assert (current / "dataset.json").read_text() == "39"
    assert [path.name for path in tmp_path.iterdir()] == ["curated"]


@pytest.mark.parametrize("change", ["nothing", "a square", "a table", "one more", "one less", "a stranger"])
def test_only_a_folder_of_the_same_squares_and_tables_stays_with_its_dates(tmp_path, change):
    new, current = tmp_path / ".new", tmp_path / "curated"
    for number in range(3):
        (tmp_path / f"{number}").write_text("a square in the cache")
    for folder in (new, current):
        folder.mkdir()
        (folder / "dataset.json").write_text("{}")
        for number in (0, 1):
            (folder / f"{number}.png").hardlink_to(tmp_path / f"{number}")
    if change == "a square":  # the same bytes, but another file of the cache
        (new / "1.png").unlink()
        (new / "1.png").hardlink_to(tmp_path / "2")
    elif change == "a table":
        (new / "dataset.json").write_text("[]")
    elif change == "one more":
        (new / "2.png").hardlink_to(tmp_path / "2")
    elif change == "one less":
        (new / "1.png").unlink()
    elif change == "a stranger":
        (current / "notes.txt").write_text("mine")
    before, wanted = current.stat().st_ino, {path.name: path.stat().st_ino for path in new.iterdir()}
    cache.swap(new, current)
    assert (current.stat().st_ino == before) == (change == "nothing")
    if change != "nothing":
        assert {path.name: path.stat().st_ino for path in current.iterdir()} == wanted
    assert not new.exists()


def test_where_the_system_cannot_exchange_folders_they_are_renamed(tmp_path, monkeypatch):
    class NoSuch:  # macOS's C library, and old ones of Linux, have no renameat2
        def __init__(self, *_args, **_more):
            pass

    monkeypatch.setattr("ctypes.CDLL", NoSuch)
    current = tmp_path / "curated"
    for text in ("0", "1", "2"):
        (tmp_path / ".new").mkdir()
        (tmp_path / ".new" / "dataset.json").write_text(text)
        cache.swap(tmp_path / ".new", current)
        assert (current / "dataset.json").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["curated"]
