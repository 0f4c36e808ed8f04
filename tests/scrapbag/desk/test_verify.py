"""Ten kinds of damage: each is found, named, and healed by the command that is printed; nothing is mended unasked."""

import csv
import hashlib
import shutil
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
from choose_pictures import folder
from click.testing import CliRunner
from gan_data import job, squares

from benchmarks.support.folder_data import dataset
from curate import run as curation
from curate.scores.stage import score
from gan.train import loop, runs
from scrapbag import catalog
from scrapbag.desk import verify
from scrapbag.errors import UsageError
from scrapbag.layout import Data, Run
from scrapbag.recipe import Curate, Score

ANY = Curate(targets=("quilt",), threshold=0.0, size=32, min_side=16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A curated dataset with files of its own, and a run that was trained on other squares."""
    root = tmp_path_factory.mktemp("whole")
    data = dataset(root / "data", folder(root / "files", 24))
    for path in data.images.glob("*/*"):
        body = path.read_bytes()
        path.unlink()
        path.write_bytes(body)
    score(Score(model="demo"), data)
    curation.curate(ANY, data)
    one = job(squares(root / "other"), root / "run")
    moment, sha256 = loop.train(one)
    runs.finish(one, moment, sha256)
    shutil.copytree(root / "other" / "packed", data.packed)
    return root


@pytest.fixture
def made(whole, tmp_path):
    for name in ("data", "run"):
        shutil.copytree(whole / name, tmp_path / name)
    return Data(tmp_path / "data"), Run(tmp_path / "run")


def found(data, run, part="1/1"):
    return [str(fault) for fault in verify.faults(data, run, verify.Part.of(part))]


def first(folder, pattern):
    return min(folder.glob(pattern))


def flip(path):
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.unlink()  # squares/ and curated/ share their bytes
    path.write_bytes(body)


def unlisted(data):
    table = data.curated / "metadata.csv"
    rows = list(csv.reader(table.read_text().splitlines()))
    table.unlink()
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows[:-1])


def stranger(data):
    (data.images / "00").mkdir(exist_ok=True)
    (data.images / "00" / "stranger.jpg").write_bytes(b"x")


def orphan(data):
    connection = sqlite3.connect(data.catalog)
    connection.execute("update request set sha256 = 'ff' where id = 1")
    connection.commit()
    connection.close()


DAMAGE = {
    "a picture is gone": (lambda d, _: first(d.images, "*/*.*").unlink(), "is gone", "make scrape"),
    "a picture is damaged": (lambda d, _: flip(first(d.images, "*/*.*")), "is damaged", "make scrape"),
    "a file without a row": (lambda d, _: stranger(d), "no row names this file", "rm "),
    "a request without a row": (lambda d, _: orphan(d), "1 requests name a picture", "catalog.db"),
    "a shard": (lambda d, _: flip(first(d.scored, "*/shard-*")), "these scores are damaged", "make score"),
    "a square": (lambda d, _: flip(first(d.squares, "*/*/*.png")), "this square is damaged", "make curate"),
    "a square of curated/ gone": (lambda d, _: first(d.curated, "*.png").unlink(), "is gone", "make curate"),
    "a square that no row names": (lambda d, _: unlisted(d), "no such row", "make curate"),
    "a table gone": (lambda d, _: (d.curated / "metadata.csv").unlink(), "cannot be read", "make curate"),
    "a pack": (lambda d, _: flip(first(d.packed, "*/pixels.u8")), "packed squares are damaged", "make train"),
    "a checkpoint": (lambda _, r: flip(first(r.checkpoints, "*.pt")), "checkpoint is damaged", "make train"),
    "half a checkpoint": (
        lambda _, r: first(r.checkpoints, "*.pt").write_bytes(first(r.checkpoints, "*.pt").read_bytes()[:999]),
        "checkpoint is damaged",
        "make train",
    ),
    "a generator": (lambda _, r: r.generator.write_bytes(b"x" * 9), "generator is damaged", "make train"),
}


def test_what_is_whole_has_no_fault(made):
    assert found(*made) == []


@pytest.mark.parametrize(("harm", "what", "heal"), DAMAGE.values(), ids=DAMAGE.keys())
def test_each_damage_is_one_line_with_what_heals_it(made, harm, what, heal):
    data, run = made
    harm(data, run)
    before = {path: path.stat().st_mtime_ns for root in (data.root, run.root) for path in root.rglob("*.*")}
    [line] = found(data, run)
    assert what in line
    assert heal in line.partition("heal: ")[2]
    after = {path: path.stat().st_mtime_ns for root in (data.root, run.root) for path in root.rglob("*.*")}
    assert {path for path in before if "catalog.db" not in path.name and before[path] != after.get(path)} == set()


def test_a_torn_catalog_is_told_by_sqlite(made):
    data, run = made
    connection = sqlite3.connect(data.catalog)
    connection.execute("pragma journal_mode = delete")
    connection.execute("create index more on picture (bytes)")
    connection.commit()
    connection.close()
    body = bytearray(data.catalog.read_bytes())
    body[-4096:] = b"\xff" * 4096
    data.catalog.write_bytes(body)
    assert any("catalog.db" in line for line in found(data, run))


def test_the_parts_together_find_what_the_whole_does_and_each_once(made):
    data, run = made
    for path in sorted(data.images.glob("*/*.*"))[:8]:
        path.unlink()
    whole = [line for line in found(data, run) if "is gone" in line]
    parts = [[line for line in found(data, run, f"{k}/3") if "is gone" in line] for k in (1, 2, 3)]
    assert sorted(line for part in parts for line in part) == sorted(whole)
    assert len(whole) == 8
    assert max(map(len, parts)) < 8


@pytest.mark.parametrize("text", ["0/5", "6/5", "1", "a/b", "1/", "-1/2", "1/99999"])
def test_a_part_that_is_none_is_a_sentence(text):
    with pytest.raises(UsageError, match="write PART=1/5"):
        verify.Part.of(text)


def test_the_command_ends_with_1_where_something_is_damaged_and_with_0_else(made):
    data, run = made
    arguments = ["--data", str(data.root), "--run", str(run.root)]
    fine = CliRunner().invoke(verify.main, arguments)
    assert (fine.exit_code, "everything is as it was written" in fine.output) == (0, True)
    first(data.images, "*/*.*").unlink()
    ended = subprocess.run(
        [sys.executable, "-m", "scrapbag.desk.verify", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "1 faults" in ended.stderr
    assert "is gone" in ended.stdout


def test_ten_thousand_pictures_are_looked_at_in_twenty_seconds(tmp_path):
    """Pictures of 60 kB: what is counted is the processor's time, of two cores."""
    pixels = np.random.default_rng(0).integers(0, 256, (10_000, 60_000), dtype=np.uint8)
    data = Data(tmp_path)
    connection = catalog.connect(data.catalog, create=True)
    connection.execute("begin immediate")
    for row in pixels:
        body = row.tobytes()
        sha256 = hashlib.sha256(body).hexdigest()
        path = data.image(sha256, "bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        connection.execute(
            "insert into picture (sha256, extension, bytes, added_at) values (?, 'bin', ?, '')", (sha256, len(body))
        )
    connection.execute("commit")
    connection.close()
    start = time.process_time()
    faults = found(data, Run(tmp_path / "run"))
    assert time.process_time() - start < 20
    assert faults == []
