"""A run finds its pictures, though data/ and runs/ were moved since it began."""

from __future__ import annotations

import tomllib

import pytest
import tomli_w
from gan_data import squares

from gan.train import runs, start
from scrapbag.errors import UsageError
from scrapbag.layout import Run
from scrapbag.make.command import Call


def _forget(run, name):
    """As an older scrapbag wrote settings.toml."""
    table = tomllib.loads(run.settings.read_text())
    del table[name]
    run.settings.write_text(tomli_w.dumps(table))


def _found(run):
    _, curated, level = runs.pictures(run)
    assert level == 3
    origin = start.of_run("a", run)
    assert origin.squares is not None
    return curated.resolve()


def test_both_were_moved_together(tmp_path, finished):
    data, job, _ = finished
    (tmp_path / "new").mkdir()
    data.root.rename(tmp_path / "new" / "data")
    job.run.root.rename(tmp_path / "new" / "run")
    assert _found(Run(tmp_path / "new" / "run")) == tmp_path / "new" / "data" / "curated"


@pytest.mark.parametrize("name", ["data", "quilts"])
def test_a_run_of_an_older_scrapbag_is_found_by_the_folders_names(tmp_path, finished, name):
    data, job, _ = finished
    _forget(job.run, "beside")
    (tmp_path / "new" / "runs").mkdir(parents=True)
    (tmp_path / "new" / "data").mkdir()
    data.root.rename(tmp_path / "new" / "data" / name)
    job.run.root.rename(tmp_path / "new" / "runs" / "quilts")
    assert _found(Run(tmp_path / "new" / "runs" / "quilts")) == tmp_path / "new" / "data" / name / "curated"


def test_the_run_alone_or_the_data_alone_were_moved(tmp_path, finished, monkeypatch):
    data, job, _ = finished
    (tmp_path / "far" / "off").mkdir(parents=True)
    run = Run(job.run.root.rename(tmp_path / "far" / "off" / "run"))
    assert _found(run) == data.curated
    data.root.rename(tmp_path / "sets")
    run.call.parent.mkdir(exist_ok=True)
    run.call.write_text(Call("x", "recipes/x.toml", "sets", "far/off/run").dump())  # make was called there since
    monkeypatch.chdir(tmp_path)
    assert _found(run) == tmp_path / "sets" / "curated"


def test_others_that_stand_in_the_old_place_are_passed_over(tmp_path, finished):
    data, job, _ = finished
    (tmp_path / "new").mkdir()
    moved = data.root.rename(tmp_path / "new" / "data")
    run = Run(job.run.root.rename(tmp_path / "new" / "run"))
    others = squares(tmp_path / "data", seed=9)
    assert _found(run) == moved / "curated"
    squares(tmp_path / "third", seed=8).curated.rename(moved / "theirs")
    (moved / "curated").rename(moved / "ours")
    (moved / "theirs").rename(moved / "curated")
    with pytest.raises(UsageError, match=rf"{others.curated} holds other pictures than .* write DATA="):
        runs.pictures(run)
