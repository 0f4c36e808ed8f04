"""`make clean`: what it takes away, what it moves, and the folders that it never touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from scrapbag.desk.clean import clean
from scrapbag.disk import lock
from scrapbag.errors import LockedError, UsageError
from scrapbag.layout import Data, Run


def fill(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A dataset and a run at work in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    data, run = Data(Path("data/x")), Run(Path("runs/x"))
    fill(data.catalog, data.index, data.scrape_csv, data.images / "a.jpg", data.settings_of("score"))
    fill(
        data.curated / "0.png",
        data.squares / "0.png",
        data.export / "x.zip",
        data.settings_of("curate"),
        data.addresses,
    )
    fill(run.asked, run.settings, run.generator, run.checkpoints / "1.pt")
    return data, run


def test_what_was_curated_goes_and_hours_of_training_are_moved(house):
    data, run = house
    said = "\n".join(clean(data, run))
    assert not any(
        one.exists() for one in (data.curated, data.squares, data.records, data.export, data.settings_of("curate"))
    )
    assert all(one.exists() for one in (data.catalog, data.index, data.scrape_csv, data.images, data.settings))
    moved = Run(Path("runs/x.1"))
    assert (moved.generator.read_text(), moved.checkpoints.is_dir(), run.root.exists()) == (
        str(run.generator),
        True,
        False,
    )
    assert "moved runs/x to runs/x.1" in said
    fill(run.asked, run.settings)
    assert "moved runs/x to runs/x.2" in "\n".join(clean(data, run))


def test_a_run_that_was_never_begun_is_forgotten_and_nothing_is_moved(house):
    data, run = house
    run.settings.unlink()
    clean(data, run)
    assert (run.asked.exists(), Path("runs/x.1").exists()) == (False, False)


@pytest.mark.parametrize("root", ["", ".", "/", "..", "../..", "mine", "data"])
@pytest.mark.parametrize("which", ["data", "run"])
def test_a_folder_that_no_stage_made_is_refused_before_anything_is_touched(house, tmp_path, which, root):
    fill(Path("mine/curated/thesis.txt"), Path("mine/stamps/penny-red.txt"))
    before = sorted(tmp_path.rglob("*"))
    data, run = house
    with pytest.raises(UsageError, match="is no folder that scrapbag has made"):
        clean(Data(Path(root)) if which == "data" else data, Run(Path(root)) if which == "run" else run)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_that_we_are_in_is_never_moved(house, monkeypatch):
    data, run = (type(one)(one.root.absolute()) for one in house)
    monkeypatch.chdir(run.root)
    with pytest.raises(UsageError, match="no folder"):
        clean(data, run)
    assert run.generator.exists()


def test_a_stage_at_work_is_not_robbed(house):
    data, run = house
    with lock(run.root, "train"), pytest.raises(LockedError):
        clean(data, run)
    assert data.curated.exists()


def test_where_nothing_is_nothing_is_made(tmp_path):
    clean(Data(tmp_path / "data"), Run(tmp_path / "run"))
    assert not list(tmp_path.iterdir())
