"""What docs/scale.md rests on: the stages in small as benchmarks.big runs them, and how long polite requests take."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.big import __main__ as big
from benchmarks.big import setups
from benchmarks.big.dataset import build, settings
from benchmarks.big.politeness import predicted, simulated
from curate import run
from curate.choose import levels
from curate.report import report_csv
from curate.rows.columns import taken
from scrapbag import decision, recipe
from scrapbag.layout import Data
from scrapbag.recipe import Scrape


@pytest.mark.parametrize("delay_s", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("requests", [(20, 20, 20), (60, 10), (5,) * 40], ids=["even", "one large", "many"])
def test_the_crawls_own_turns_take_as_long_as_the_arithmetic_says(requests, delay_s):
    scrape = Scrape(delay_s=delay_s)
    assert simulated(requests, scrape, 0.5) == pytest.approx(predicted(requests, scrape, 0.5), rel=0.05)


def test_a_dataset_of_two_thousand_is_decided_squared_and_reported(tmp_path):
    made = build(tmp_path / "2000", 2000)
    data = Data(tmp_path / "2000")
    found = {}
    for threshold in (0.9, 0.5):
        settings(data, threshold)
        outcome = run.curate(recipe.load(data.settings_of("curate")).curate, data)
        assert report_csv.read(data.report_csv) == outcome.rows
        counted = decision.counted(data)
        assert counted.rows == len(outcome.rows) == 2000 + 200 + 100
        assert counted.kept == outcome.kept == len([*data.curated.glob("*.png")])
        assert counted.dropped.keys() >= {"off_target", "dup_near", "dup_exact", "timeout", "robots"}
        data.counts.unlink()
        assert decision.counted(data) == counted  # what the table itself says
        decision.write_counts(data, replace(counted, kept=0))
        data.report_csv.write_text(data.report_csv.read_text().rpartition("\n")[0].rpartition("\n")[0] + "\n")
        assert decision.counted(data).rows == counted.rows - 1  # a table that changed since is counted anew
        found[threshold] = {row.sha256 for row in outcome.rows if row.kept}
    assert found[0.9] < found[0.5]
    right = sum(made.wanted[sha256] for sha256 in found[0.9])
    assert right > 0.9 * len(found[0.9])


def test_a_stage_is_measured_and_a_failed_one_ends_the_run(tmp_path):
    spent = big.measured(["python3", "-c", "bytearray(80_000_000); sum(range(10**6))"])
    assert spent["peak_mb"] > 80
    assert 0 < spent["cpu_s"] < 30
    with pytest.raises(SystemExit, match="ended with 3"):
        big.measured(["python3", "-c", "raise SystemExit(3)"])


def test_targets_are_those_of_a_million_pictures_alone():
    spent = {stage: {"wall_s": 0.9, "cpu_s": 1.0, "peak_mb": 900} for stage in big.ORDER}
    assert big.reached({"1000": spent}) == {}
    assert set(big.reached({"1000000": spent}).values()) == {True}
    late = spent | {"status": {"wall_s": 1.1, "cpu_s": 1.0, "peak_mb": 1100}}
    assert [name for name, met in big.reached({"1000000": late}).items() if not met] == [
        "status under 1 s",
        "status under 1 GB",
    ]


def test_levels_of_many_by_a_sample_are_nearly_those_by_all(monkeypatch):
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(12, 64))
    vectors = middles[rng.integers(0, 12, 6000)] + rng.normal(size=(6000, 64)) * rng.uniform(0.2, 2, (6000, 1))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    exact = levels.levels(vectors)
    monkeypatch.setattr(levels, "_MOST", 1000)
    sampled = levels.levels(vectors)
    assert np.bincount(sampled).tolist() == [1500] * 4
    assert (np.abs(exact - sampled) <= 1).mean() > 0.95
    assert ((exact < 2) == (sampled < 2)).mean() > 0.85


@pytest.mark.parametrize("width", [16, 80, 88, 96, 1024])
def test_the_eleventh_smallest_is_that_of_the_whole_row(width):
    rng = np.random.default_rng(width)
    far = rng.integers(0, 40, (50, width)).astype(np.float32)  # many of them equal
    far[:, -4:] = np.inf
    assert (levels._smallest(far) == np.sort(far, axis=1)[:, 10]).all()


def test_the_distance_is_that_to_the_tenth_neighbour():
    vectors = np.random.default_rng(0).normal(size=(203, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    each = np.sort(np.linalg.norm(vectors[:, None] - vectors, axis=2), axis=1)[:, 10]
    assert np.sqrt(levels._distance(vectors)) == pytest.approx(each, rel=1e-4)


def test_the_densest_level_has_some_of_every_dense_cluster():
    rng = np.random.default_rng(0)
    centres = np.eye(3, 16)
    spread = ((centres[0], 0.01), (centres[1], 0.02), (centres[2], 0.3))
    vectors = np.concatenate([centre + noise * rng.standard_normal((20, 16)) for centre, noise in spread])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    first = np.flatnonzero(levels.levels(vectors) == 0)
    assert (first < 20).any()
    assert ((first >= 20) & (first < 40)).any()  # by density alone the first fifteen are of one cluster


def test_a_column_in_parts_is_taken_from_in_any_order():
    column = pa.chunked_array([["a", "b"], [], ["c"], ["d", "e", "f"]])
    seen = []
    for places in ([5, 0, 2, 2, 4], [0, 1, 3], []):
        found = taken(column, np.array(places, dtype=np.int64), lambda: seen.append(1))
        assert found.to_pylist() == [column[place].as_py() for place in places]
    assert len(seen) == 5


def test_the_set_ups_are_run_by_every_command_of_their_page_but_those_that_are_named():
    page = setups.PAGE.read_text()
    found = setups.commands(page)
    run = [command for lines in found.values() for _, command in lines]
    written = [line.split("$ ", 1)[1].strip() for line in page.splitlines() if re.match(r" {4}\w+\$ ", line)]
    assert [one for one in written if one not in run] == [one for one in written if one.startswith(setups.LEFT_OUT)]
    assert [sorted({name for name, _ in lines}) for lines in found.values()] == [
        ["box", "laptop"],
        ["vm"],
        ["head", "others"],
    ]
    assert all(any(stays in command for command in run) for stays in setups.STAYS)
