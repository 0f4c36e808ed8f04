"""The plane: alike pictures lie together, twice the same, and its file says what became of each."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.manifold import trustworthiness

from benchmarks.support.simulated_data import Set, answer, dataset
from curate import __main__ as curate
from curate.report import atlas
from curate.scores import plane
from curate.scores.neighbours import principal_components
from curate.scores.shards import Shards
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS, EACH = 8, 50


def drawn() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors of eight kinds of pictures in no order, and the kind of each."""
    rng = np.random.default_rng(3)
    kind = rng.permutation(np.repeat(np.arange(KINDS), EACH))
    features = 1.5 * rng.normal(size=(KINDS, 64))[kind] + rng.normal(size=(KINDS * EACH, 64))
    return principal_components(features), kind


@pytest.mark.parametrize("most", [KINDS * EACH, 150], ids=["all by t-SNE", "most beside their neighbours"])
def test_alike_pictures_lie_together_and_twice_at_the_same_place(most: int) -> None:
    vectors, kind = drawn()
    place = plane.places(vectors, most)
    assert np.abs(place).max() <= 1
    assert trustworthiness(vectors, place, n_neighbors=10) > 0.95
    far = np.linalg.norm(place[:, None] - place[None], axis=2) + 9 * np.eye(len(place))
    assert (kind[far.argmin(axis=1)] == kind).mean() > 0.98
    assert np.array_equal(place, plane.places(vectors, most))


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_few_pictures_have_places_too(count: int) -> None:
    place = plane.places(principal_components(np.eye(8, dtype=np.float32)[:count] + 0.1))
    assert place.shape == (count, 2)
    assert len(np.unique(place, axis=0)) == count
    assert (np.abs(place) <= 1).all()


def test_each_cell_of_each_grid_has_one_picture_that_comes_early() -> None:
    place = drawn()[0][:, :2]
    order = atlas.in_sight(place)
    assert sorted(order) == list(range(len(place)))
    for side in (4, 8, 16):
        cells = [tuple(cell) for cell in np.floor((place[order] + 1) / 2 * side).astype(int)]
        assert len(set(cells[: len(set(cells))])) == len(set(cells)), "those that a grid shows come before all others"


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return dataset(tmp_path / "quilts", 120)


def run(made: Set, command: str) -> None:
    done = CliRunner().invoke(curate.main, [command, "--data", str(made.data.root)])
    assert done.exit_code == 0, done.output


def test_the_file_has_places_pictures_and_decisions_and_is_made_anew_only_where_it_must(made: Set) -> None:
    run(made, "curate")
    run(made, "map")
    before = pq.read_table(made.data.map)
    assert before.num_rows == 120
    assert pq.read_metadata(made.data.map).row_group(0).num_rows == atlas.SHEET
    row = before.to_pylist()[0]
    assert set(row) >= {"x", "y", "picture", "sha256", "kept", "reason", "source", "confidence", "label"}
    assert row["picture"]["path"] == f"{row['sha256']}.jpg"
    assert max(Image.open(BytesIO(row["picture"]["bytes"])).size) == atlas.SIDE
    stored = made.data.version("0123456789abcdef").derived(plane.NAME)
    dates = stored.stat().st_mtime_ns, made.data.map.stat().st_mtime_ns
    run(made, "map")
    assert (stored.stat().st_mtime_ns, made.data.map.stat().st_mtime_ns) == dates

    kept = next(one["sha256"] for one in before.to_pylist() if one["kept"])
    answer(made, [(kept, "no")], "teach")
    run(made, "curate")
    for path in made.data.images.rglob("*.jpg"):
        path.unlink()  # small pictures that are there already are not decoded again
    next(made.data.images.iterdir()).mkdir(exist_ok=True)
    report = pq.read_table(made.data.report_parquet)
    assert report.num_rows == 120
    run(made, "map")
    after = pq.read_table(made.data.map)
    assert after.select(["sha256", "x", "y", "picture"]).equals(before.select(["sha256", "x", "y", "picture"]))
    [said] = [one for one in after.to_pylist() if one["sha256"] == kept]
    assert (said["kept"], said["reason"]) == (False, "human_reject")
    assert stored.stat().st_mtime_ns == dates[0]


def test_scores_without_features_have_no_plane(tmp_path: Path) -> None:
    without = dataset(tmp_path / "none", 20, model=False)
    with pytest.raises(MissingError, match="run make score"):
        plane.read(Shards(without.data.scored / "0123456789abcdef"))
