"""Which classes a dataset's pictures won: counted, in order, with the line for a recipe."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.support.simulated_data import dataset, store_pairs
from curate.__main__ import main
from curate.choose import winners
from curate.choose.facts import current
from curate.model import prior
from curate.report import suggestions
from curate.rows import Winner
from curate.scores import neighbours
from scrapbag.errors import MissingError
from scrapbag.layout import Data

COUNT = 600


@pytest.mark.parametrize("classes", [2, 300, 1500], ids=["just these", "many", "more than have a column"])
def test_classes_are_counted_by_what_the_model_says_and_the_commonest_comes_first(tmp_path, classes):
    made = dataset(tmp_path / "quilts", COUNT, classes=classes)
    found = winners.suggest(made.data)
    best = current(made.data).shards.column("best")
    counts = np.bincount(best, minlength=classes)
    names = current(made.data).classes.classes
    assert {one.target: one.raw for one in found.winners if one.raw} == {
        names[one]: counts[one] for one in range(classes) if counts[one]
    }
    assert found.pictures == sum(one.count for one in found.winners) == COUNT
    assert [one.count for one in found.winners] == sorted((one.count for one in found.winners), reverse=True)
    assert bool(found.aside) == (classes == 2)


def test_beside_it_stands_what_each_class_wins_under_the_prior_of_the_dataset(tmp_path):
    shards = current(dataset(tmp_path / "quilts", COUNT, classes=300).data).shards
    p = np.exp(shards.column("below").astype(np.float32)) / shards.column("norm")[:, None]
    corrected = prior.correct(p, np.arange(COUNT), neighbours.read(shards).row).posterior.argmax(axis=1)
    found = winners.suggest(Data(tmp_path / "quilts")).winners
    assert {one.target: one.corrected for one in found if one.corrected} == {
        "quilt" if one == 0 else "other" if one == 1 else str(one): count
        for one, count in zip(*map(np.ndarray.tolist, np.unique(corrected, return_counts=True)), strict=True)
    }
    assert any(one.raw != one.corrected for one in found)


def test_copies_of_a_picture_count_once(tmp_path):
    made = dataset(tmp_path / "pairs", 200)
    store_pairs(made.data.scored / "0123456789abcdef", np.arange(0, 200, 2), np.arange(1, 200, 2))
    assert winners.suggest(made.data).pictures == 100


def test_the_command_prints_a_line_that_a_recipe_takes_and_writes_a_page_that_loads_nothing(tmp_path):
    made = dataset(tmp_path / "quilts", COUNT, classes=300)
    done = CliRunner().invoke(main, ["targets", "--data", str(made.data.root)])
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.output.split("\n\n")[0].splitlines())
    assert 'targets = ["quilt"]' in done.output
    page = made.data.targets_html.read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;" in page
    assert page.count("data:image/webp") >= 2 * winners.EXAMPLES
    assert "targets = [&#34;quilt&#34;]" in page
    assert "<script" not in page


@pytest.mark.parametrize("name", ["n04398044", 'a "b" \\ c', "Tea, pot"])
def test_the_line_is_toml_whatever_the_class_is_called(name):
    assert tomllib.loads(suggestions.line(Winner(name, "", 1, None, ()))) == {"targets": [name]}


def test_without_scores_it_says_what_to_run(tmp_path):
    with pytest.raises(MissingError, match="run make score first"):
        winners.suggest(Data(tmp_path))


def test_without_a_classifier_it_names_a_model_that_has_classes(tmp_path):
    made = dataset(tmp_path / "plain", 60, model=False)
    done = CliRunner().invoke(main, ["targets", "--data", str(made.data.root)])
    assert done.exit_code == 2
    assert "MODEL=lite0" in done.output
