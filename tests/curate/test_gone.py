"""What the disk or the memory does not give now says nothing about a picture: it stops a stage and is never kept."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pandas as pd
import pytest
from choose_pictures import folder
from PIL import Image

from benchmarks.support.folder_data import dataset
from curate import run
from curate.scores.stage import score
from scrapbag import catalog
from scrapbag.errors import DiskError
from scrapbag.recipe import Curate, Score

DEMO = Score(model="demo")
ANY = Curate(targets=("quilt",), threshold=0.0, size=32, min_side=16)


@pytest.fixture
def data(tmp_path):
    return dataset(tmp_path / "x", folder(tmp_path / "files", 12))


def command(data, *words):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    return subprocess.run(
        [sys.executable, "-m", "curate", *words, "--data", str(data.root)],
        capture_output=True, text=True, env=environment, check=False, timeout=120,
    )  # fmt: skip


def problem(data, sha256):
    with closing(catalog.connect(data.catalog)) as connection:
        return connection.execute("select problem from picture where sha256 = ?", (sha256,)).fetchone()[0]


def settings(data, stage, lines):
    data.settings.mkdir()
    data.settings_of(stage).write_text(f'name = "x"\n[{stage}]\n{lines}\n')


def stored(data):
    connection = catalog.connect(data.catalog)
    try:
        return catalog.pictures(connection, data)
    finally:
        connection.close()


@pytest.mark.parametrize("how", ["moved away", "an empty folder", "a link to nowhere", "of another's files"])
def test_pictures_that_are_all_away_are_the_disks_fault_and_not_scored(data, how):
    away = data.root / "away"
    data.images.rename(away)
    if how == "an empty folder":
        data.images.mkdir()
    elif how == "a link to nowhere":
        data.images.symlink_to(data.root / "nowhere")
    elif how == "of another's files":
        (data.images / "aa").mkdir(parents=True)
        (data.images / "aa" / "other.png").write_bytes(b"x")
    with pytest.raises(DiskError, match=r"images has none of the 12 pictures"):
        score(DEMO, data)
    if data.images.is_symlink():
        data.images.unlink()
    else:
        shutil.rmtree(data.images, ignore_errors=True)
    away.rename(data.images)
    assert (score(DEMO, data).new, score(DEMO, data).unusable) == (12, 0)


def test_pictures_that_all_have_other_bytes_are_a_sentence_and_come_again(data):
    """A disk that was restored wrongly: none was scored before, so there is nothing to go on with."""
    bodies = {picture.path: picture.path.read_bytes() for picture in stored(data)}
    for path, body in bodies.items():
        path.write_bytes(body + b"x")
    settings(data, "score", 'model = "demo"')
    done = command(data, "score")
    assert done.returncode == DiskError.exit_code, done.stderr
    assert "none of the 12 pictures in" in done.stderr
    assert "make scrape RETRY=failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert {problem(data, picture.sha256) for picture in stored(data)} == {catalog.UNDECODABLE}
    for path, body in bodies.items():
        path.write_bytes(body)
    assert score(DEMO, data).new == 12


def test_curated_is_never_emptied_because_the_pictures_are_away(data):
    score(DEMO, data)
    kept = run.curate(ANY, data).kept
    squares = sorted(data.curated.iterdir())
    data.images.rename(data.root / "away")
    settings(data, "curate", 'targets = ["quilt"]\nthreshold = 0.0\nsize = 16\nmin_side = 16')
    ended = command(data, "curate")
    assert (ended.returncode, "see that its disk is mounted" in ended.stderr) == (74, True)
    assert sorted(data.curated.iterdir()) == squares
    (data.root / "away").rename(data.images)
    assert run.curate(ANY, data).kept == kept > 0


@pytest.mark.parametrize("when", ["before it was scored", "after"])
def test_one_file_that_is_gone_is_a_row_and_comes_back(data, when):
    [first, *_] = stored(data)
    body = first.path.read_bytes()
    if when == "after":
        score(DEMO, data)
    first.path.unlink()
    assert score(DEMO, data).missing == 1
    outcome = run.curate(ANY, data)
    assert [row.number for row in outcome.rows if row.reason == "missing"] == [first.number]
    assert outcome.kept > 0
    rows = pd.read_csv(data.report_csv, keep_default_na=False).set_index("number")
    assert rows.loc[first.number, "reason"] == "missing"
    first.path.write_bytes(body)
    assert score(DEMO, data).new == (0 if when == "after" else 1)
    assert not [row for row in run.curate(ANY, data).rows if row.reason == "missing"]


def test_a_file_that_was_damaged_is_not_scored_under_the_name_of_what_came(data):
    """Its score would stand for the true bytes for ever, also once they are back."""
    [first, *_] = stored(data)
    body = first.path.read_bytes()
    first.path.unlink()
    first.path.write_bytes(body[: len(body) // 2] + b"\0" * (len(body) - len(body) // 2))
    done = score(DEMO, data)
    assert (done.new, done.missing, done.unusable) == (11, 1, 0)
    assert [row.number for row in run.curate(ANY, data).rows if row.reason == "missing"] == [first.number]
    assert problem(data, first.sha256) == catalog.UNDECODABLE  # so that RETRY=failed asks for it again
    first.path.write_bytes(body)
    assert (score(DEMO, data).new, problem(data, first.sha256)) == (1, "")
    assert not [row for row in run.curate(ANY, data).rows if row.reason == "missing"]


def test_a_folder_in_a_files_place_ends_the_stage_and_is_not_scored(data):
    """Stands for a disk that fails while it is read: `read` raises, and the errno says so."""
    [first, *_] = stored(data)
    first.path.unlink()
    first.path.mkdir()
    settings(data, "score", 'model = "demo"')
    ended = command(data, "score")
    assert ended.returncode == 74
    assert str(first.path) in ended.stderr
    assert ended.stderr.count("\n") == 1
    first.path.rmdir()
    assert score(DEMO, data).missing == 1


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from curate.scores import stage
from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.recipe import Score
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (40 << 20),) * 2)
with exits():
    stage.score(Score(model="none"), Data(Path(sys.argv[1])))
"""


def test_a_full_memory_ends_the_stage_and_is_not_scored(tmp_path):
    Image.new("RGB", (5000, 5000)).save(tmp_path / "large.png")
    data = dataset(tmp_path / "x", [tmp_path / "large.png"])
    settings(data, "score", 'model = "none"')
    ended = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, str(data.root)],
        capture_output=True, text=True, check=False, timeout=120,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
    )  # fmt: skip
    assert (ended.returncode, "the memory is full" in ended.stderr) == (74, True)
    assert score(Score(model="none"), data).unusable == 0


LITTLE_ROOM = """
import resource, sys
from curate.__main__ import main
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (int(sys.argv[1]) << 20),) * 2)
main(["curate", "--data", sys.argv[2]])
"""


@pytest.mark.parametrize("megabytes", [60, 470, 550])
def test_a_limit_of_addresses_ends_a_command_that_would_wait_for_ever(data, megabytes):
    """At some of these OpenBLAS asks for memory in a loop while SciPy is imported."""
    settings(data, "score", 'model = "none"')
    data.settings_of("curate").write_text('name = "x"\n[curate]\nthreshold = 0.0\nmin_side = 16\n')
    score(Score(model="none"), data)
    ended = subprocess.run(
        [sys.executable, "-c", LITTLE_ROOM, str(megabytes), str(data.root)],
        capture_output=True, text=True, check=False, timeout=60,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip
    assert (ended.returncode, "the memory is full" in ended.stderr) == (74, True), ended.stderr
    assert run.curate(Curate(threshold=0.0, size=32, min_side=16), data).kept > 0


def test_a_catalog_that_another_program_holds_is_a_sentence_and_75(data):
    settings(data, "score", 'model = "none"')
    held = sqlite3.connect(data.catalog, isolation_level=None)
    held.execute("pragma locking_mode = exclusive")
    held.execute("begin exclusive")
    held.execute("update picture set problem = problem")
    try:
        ended = command(data, "score")
    finally:
        held.close()
    assert (ended.returncode, ended.stderr) == (
        75,
        "error: another program holds the catalog; close it and run it again\n",
    )
