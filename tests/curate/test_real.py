"""On real photographs: as exact as timm by hand, no copy missed, no stranger joined, no file that stops it."""

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmarks.support.folder_data import dataset
from curate import run
from curate.choose import duplicates, facts
from curate.model import targets
from curate.scores.pairs import read_pairs
from curate.scores.stage import score
from scrapbag.recipe import Curate, Score

REAL = Path(os.environ["REAL"]) if os.environ.get("REAL") else None
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(REAL is None or not REAL.is_dir(), reason="write REAL=<folder of real photographs>"),
]
BY_HAND = 0.843  # average precision of timm in fp32, each file opened, transformed and scored alone
# A line a picture: its copies, by the first digits of their sha256. Every joined pair was looked at, side by side.
SAME = [line.split() for line in Path(__file__).with_name("same_pictures.txt").read_text().splitlines()]


@pytest.fixture(scope="module")
def labels():
    return list(csv.DictReader((REAL / "labels.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def photos(labels, tmp_path_factory):
    data = dataset(tmp_path_factory.mktemp("real") / "x", [REAL / row["file"] for row in labels])
    score(Score(model=f"local-dir:{REAL / 'model'}"), data)
    return data


def sha256(row):
    return hashlib.sha256((REAL / row["file"]).read_bytes()).hexdigest()


def test_the_average_precision_on_unseen_photographs_is_that_of_timm_by_hand(photos, labels):
    scores = facts.current(photos)
    seen = facts.predictions(scores, targets.indices(["quilt"], scores.classes))
    confidence = dict(zip(scores.shards.sha256, seen.confidence.tolist(), strict=True))
    unseen = [row for row in labels if row["seen_by_model"] == "no" and row["is_quilt"]]
    told = [(int(row["is_quilt"]), confidence[sha256(row)]) for row in unseen]
    truth, ours = np.array([one for one in told if np.isfinite(one[1])]).T
    assert len(truth) == 643
    assert average_precision_score(truth, ours) == pytest.approx(BY_HAND, abs=0.002)
    kept = ours >= 0.9
    assert truth[kept].mean() == pytest.approx(0.943, abs=0.01)
    assert truth[kept].sum() / truth.sum() == pytest.approx(0.418, abs=0.01)


def test_at_most_two_of_the_known_copies_are_missed_and_no_stranger_is_joined(photos, labels):
    scores = facts.current(photos)
    links = duplicates.links(read_pairs(scores.shards), Curate().near)
    count = len(scores.shards)
    area = scores.shards.column("width").astype(int) * scores.shards.column("height")
    rank = np.argsort(np.argsort(-area, kind="stable"))
    copies = duplicates.originals(count, links, rank, np.ones(count, dtype=bool))
    original = np.where(copies.original < 0, np.arange(count), copies.original)
    place = {digest: row for row, digest in enumerate(scores.shards.sha256)}
    groups = {}
    for row in labels:
        groups.setdefault(row["near_dup"], []).append(place[sha256(row)])
    groups.pop("")
    known = [(a, b) for group in groups.values() for a in group for b in group if a < b]
    assert len(known) == 42
    assert sum(original[a] != original[b] for a, b in known) <= 2
    picture = {digits: number for number, group in enumerate(SAME) for digits in group}
    shows = [picture.get(digest[:12], digest) for digest in scores.shards.sha256]
    joined = [(shows[copy], shows[original[copy]]) for copy in np.flatnonzero(copies.original >= 0)]
    strangers = [pair for pair in joined if pair[0] != pair[1]]
    assert not strangers  # look at them: a true copy goes into same_pictures.txt


def test_bf16_changes_no_decision_further_than_a_hundredth_from_the_threshold(photos):
    coarse = facts.current(photos)
    score(Score(model=f"local-dir:{REAL / 'model'}", dtype="fp32"), photos)
    exact = facts.current(photos)
    wanted = targets.indices(["quilt"], exact.classes)
    mine, theirs = (facts.predictions(scores, wanted).confidence for scores in (coarse, exact))
    for threshold in np.linspace(0.05, 0.95, 19):
        changed = (mine >= threshold) != (theirs >= threshold)
        assert not changed.any() or np.abs(theirs[changed] - threshold).max() <= 0.01


def test_every_hostile_file_is_one_row_in_under_a_gigabyte(tmp_path):
    files = sorted(path for path in (REAL / "hostile").rglob("*") if path.is_file() and path.name != "SOURCES.csv")
    data = dataset(tmp_path / "x", files)
    code = (
        "import sys; from pathlib import Path; from curate.scores.stage import score;"
        " from scrapbag.layout import Data; from scrapbag.recipe import Score;"
        " score(Score(model='local-dir:' + sys.argv[2]), Data(Path(sys.argv[1])));"
        " print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"  # ru_maxrss has the parent's
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data.root), str(REAL / "model")],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    assert int(done.stdout) < 2**20  # KiB
    outcome = run.curate(Curate(targets=("quilt",)), data)
    assert len(outcome.rows) == len(files) == 652
    assert all(row.reason or row.kept for row in outcome.rows)
