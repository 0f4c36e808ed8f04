"""What a curation puts in the place of the one before: only what changed, squares whole, the page after its tables."""

from dataclasses import replace

import pandas as pd
import pytest
from choose_pictures import folder

from benchmarks.support.folder_data import dataset
from curate import run
from curate.scores.stage import score
from scrapbag.recipe import Curate, Score

ANY = Curate(targets=("quilt",), threshold=0.0, size=32, min_side=16)


@pytest.fixture
def data(tmp_path):
    """Twelve pictures, scored."""
    made = dataset(tmp_path / "x", folder(tmp_path / "files", 12))
    score(Score(model="demo"), made)
    return made


def written(path):
    """Which file it is, and when it was last written: not when it was read, which a comparison does."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_curated_is_left_alone_when_nothing_changed_in_it(data):
    run.curate(ANY, data)
    before = written(data.curated / "dataset.json")
    run.curate(ANY, data)
    assert written(data.curated / "dataset.json") == before
    run.curate(replace(ANY, fit="white"), data)
    assert written(data.curated / "dataset.json") != before  # other squares under the same names


def test_a_square_that_the_cache_lacks_is_made_again_and_the_others_are_linked_as_they_are(data):
    run.curate(ANY, data)
    before = {path.name: path.stat().st_ino for path in data.curated.glob("*.png")}
    lost = sorted(data.squares.rglob("*.png"))[3]
    name = next(path.name for path in data.curated.glob("*.png") if path.samefile(lost))
    content = lost.read_bytes()
    lost.unlink()
    run.curate(ANY, data)
    after = {path.name: path.stat().st_ino for path in data.curated.glob("*.png")}
    assert {one for one in before | after if before.get(one) != after.get(one)} == {name}
    assert (data.curated / name).read_bytes() == lost.read_bytes() == content


def test_the_page_is_put_in_place_after_its_tables_or_not_at_all(data):
    run.curate(ANY, data)
    shown = data.report_html.read_bytes()
    data.report_csv.unlink()
    data.report_csv.mkdir()
    with pytest.raises(IsADirectoryError):
        run.curate(replace(ANY, threshold=0.9), data)
    assert data.report_html.read_bytes() == shown
    assert not list(data.report.glob(".*"))
    data.report_csv.rmdir()
    outcome = run.curate(replace(ANY, threshold=0.9), data)
    assert data.report_html.read_bytes() != shown
    assert pd.read_csv(data.report_csv).kept.sum() == outcome.kept == len(list(data.curated.glob("*.png")))
