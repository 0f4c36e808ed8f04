"""From files to curated/: each picture is looked at once, whatever is asked of it afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from choose_pictures import draw, folder
from PIL import Image

from benchmarks.support.folder_data import dataset
from curate import run
from curate.choose import facts
from curate.look import decode
from curate.model import passes
from curate.scores import shards
from curate.scores.scorer import open_scorer
from curate.scores.shards import Shards
from curate.scores.stage import score
from scrapbag import catalog
from scrapbag.errors import MissingError, RecipeError, TooManyFailuresError, UsageError
from scrapbag.layout import Data
from scrapbag.processor import has_bf16
from scrapbag.recipe import Curate, Score

DEMO = Score(model="demo")
ANY = Curate(targets=("quilt",), threshold=0.0, size=32, min_side=16)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Forty pictures; the fourth is broken, the sixth and the seventh are the same bytes."""
    paths = folder(tmp_path_factory.mktemp("files"), 40)
    paths[3].write_bytes(paths[3].read_bytes()[:900])
    paths[6].write_bytes(paths[5].read_bytes())
    return paths


@pytest.fixture(scope="module")
def scored(files, tmp_path_factory):
    data = dataset(tmp_path_factory.mktemp("data") / "x", files)
    return data, score(DEMO, data)


def report(data):
    return pd.read_csv(data.report / "report.csv")


def test_each_picture_costs_one_forward_pass_and_a_broken_file_none(scored):
    _, done = scored
    assert (done.pictures, done.new, done.forward_passes, done.unusable) == (39, 39, 38, 1)


def test_a_broken_file_never_shifts_its_neighbours(scored, files, tmp_path):
    data, _ = scored
    alone = dataset(tmp_path / "alone", [files[4]])
    score(DEMO, alone)
    mine, other = facts.current(alone), facts.current(data)
    place = other.shards.sha256.index(mine.shards.sha256[0])
    assert (mine.shards.column("features")[0] == other.shards.column("features")[place]).all()


def test_the_catalog_learns_which_files_no_decoder_reads_and_forgets_it_when_one_does(tmp_path):
    paths = folder(tmp_path / "files", 3)
    paths[1].write_bytes(paths[1].read_bytes()[:900])
    data = dataset(tmp_path / "x", paths)
    with closing(catalog.connect(data.catalog)) as connection:
        connection.execute("update picture set problem = 'truncated' where id = 1")
        connection.execute("update picture set problem = 'undecodable' where id = 3")
        score(Score(model="none"), data)
        assert [record.problem for record in catalog.records(connection)] == ["truncated", "undecodable", ""]


def test_a_picture_that_was_replaced_is_no_original_of_the_one_that_came_in_its_place(tmp_path):
    for name, size in (("before", (320, 240)), ("after", (160, 120))):
        draw(1).resize(size).save(tmp_path / f"{name}.png")
    data = dataset(tmp_path / "x", [tmp_path / "before.png", tmp_path / "after.png"])
    score(DEMO, data)
    assert run.curate(ANY, data).kept == 1
    assert report(data).reason.tolist()[1] == "dup_near"
    with closing(catalog.connect(data.catalog)) as connection:
        after = connection.execute("select sha256 from picture where id = 2").fetchone()
        connection.execute("delete from request where id = 2")
        connection.execute("update request set sha256 = ?", after)
    assert run.curate(ANY, data).kept == 1
    assert report(data).number[report(data).kept].tolist() == [2]


def test_what_is_gone_is_a_row_that_says_so_and_is_not_curated(tmp_path):
    data = dataset(tmp_path / "x", folder(tmp_path / "files", 3))
    score(DEMO, data)
    with closing(catalog.connect(data.catalog)) as connection:
        connection.execute("update request set state = 'skipped', reason = 'gone', settled = 'done' where id = 2")
    assert run.curate(ANY, data).kept == 2
    rows = report(data)
    assert (rows.kept[1], rows.reason[1], rows.state[1]) == (False, "gone", "skipped")


def test_a_hundred_more_pictures_cost_a_hundred_forward_passes(tmp_path):
    data = dataset(tmp_path / "x", folder(tmp_path / "a", 12))
    assert score(DEMO, data).forward_passes == 12
    dataset(tmp_path / "x", folder(tmp_path / "b", 100, start=500))
    assert score(DEMO, data).forward_passes == 100
    assert score(DEMO, data).forward_passes == 0


def test_threshold_fit_and_size_cost_no_forward_pass_and_import_nothing_slow(scored):
    data, _ = scored
    code = (
        "import sys; from pathlib import Path; from curate.run import curate; from scrapbag.layout import Data;"
        " from scrapbag.recipe import Curate;"
        " data = Data(Path(sys.argv[1])); kept = ["
        " curate(Curate(targets=('quilt',), threshold=t, size=s, fit=f, min_side=16), data).kept"
        " for t, s, f in ((0.0, 32, 'auto'), (0.9, 32, 'auto'), (0.0, 48, 'white'))];"
        " assert kept[0] == kept[2] > kept[1], kept;"
        " slow = {'torch', 'sklearn', 'scipy'} & {*sys.modules}; assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code, str(data.root)], check=True)


def test_another_threshold_makes_no_forward_pass_and_one_would_be_counted(scored):
    data, _ = scored
    before = passes.count()
    assert run.curate(replace(ANY, threshold=0.5), data).forward_passes == passes.count() - before == 0
    scorer = open_scorer(DEMO, [], data)
    scorer.embed(np.zeros((3, 3, 96, 96), dtype=np.uint8))
    assert passes.count() - before == 3


def test_a_recipe_that_allows_more_pixels_is_believed_from_the_score_to_the_square(tmp_path):
    path = tmp_path / "wide.png"
    Image.effect_noise((6500, 6500), 60).save(path, compress_level=1)
    data = dataset(tmp_path / "x", [path])
    data.settings.mkdir()
    (data.settings / "scrape.toml").write_text('name = "x"\n[scrape]\nmax_pixels = 50_000_000\n')
    assert score(Score(model="none"), data).unusable == 0
    decode.strict()  # another process would begin with the usual limit
    assert run.curate(replace(ANY, targets=()), data).kept == len(list(data.curated.glob("*.png"))) == 1


def test_a_recipe_that_allows_fewer_pixels_forgets_no_picture_that_is_there(scored):
    data, _ = scored
    data.settings.mkdir(exist_ok=True)
    (data.settings / "scrape.toml").write_text('name = "x"\n[scrape]\nmax_pixels = 1000\n')
    try:
        assert decode.max_pixels(data) == 40_000_000
    finally:
        (data.settings / "scrape.toml").unlink()


def test_kept_and_first_reasons_add_up_to_the_addresses_asked_for(scored, files):
    data, _ = scored
    outcome = run.curate(ANY, data)
    rows = report(data)
    assert len(rows) == len(files) == outcome.kept + rows.reason.notna().sum()
    assert rows.kept.sum() == outcome.kept == len(list(data.curated.glob("*.png")))
    assert rows.reason[3] == "unreadable"
    assert rows.reason[6] == "dup_exact"
    assert rows.number[6] == rows.number[5]
    assert rows.duplicate_of[6] in {rows.number[5], rows.duplicate_of[5]}  # itself, or what stands for both


def test_the_same_input_gives_the_same_bytes(scored, files, tmp_path):
    data, _ = scored
    run.curate(ANY, data)
    again = dataset(tmp_path / "again", files)
    score(DEMO, again)
    run.curate(ANY, again)
    for name in ("report/report.csv", "report/sweep.csv", "curated/metadata.csv", "curated/dataset.json"):
        assert (data.root / name).read_bytes() == (again.root / name).read_bytes(), name


def test_levels_are_nested_quarters_of_what_is_kept(scored):
    data, _ = scored
    run.curate(ANY, data)
    metadata = pd.read_csv(data.curated / "metadata.csv")
    assert set(metadata.level) <= {0, 1, 2, 3}
    assert metadata.number.is_unique


def test_a_killed_run_loses_at_most_a_shard_and_redoes_nothing_else(tmp_path):
    data = dataset(tmp_path / "x", folder(tmp_path / "files", 320))
    code = (
        "import sys; from pathlib import Path; from curate.scores.stage import score; from scrapbag.layout import Data;"
        " from scrapbag.recipe import Score; score(Score(model='demo'), Data(Path(sys.argv[1])))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(data.root)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(data.scored.glob("*/shard-00000.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    saved = len(Shards(next(data.scored.iterdir())))
    assert saved >= shards.SIZE
    assert score(DEMO, data).forward_passes == 320 - saved


def test_a_torn_shard_is_put_aside_and_only_its_pictures_are_scored_again(files, tmp_path, caplog):
    data = dataset(tmp_path / "x", files)
    score(DEMO, data)
    (shard,) = data.scored.glob("*/shard-*.safetensors")
    before = shard.read_bytes()
    shard.write_bytes(before[: len(before) // 2])
    with pytest.raises(MissingError, match="run make score"):
        run.curate(ANY, data)
    assert score(DEMO, data).forward_passes == 38
    assert "scored again" in caplog.text
    assert shard.read_bytes() == before


def test_another_model_keeps_the_older_scores(scored, files, tmp_path):
    data = dataset(tmp_path / "x", files)
    first = score(DEMO, data)
    second = score(replace(DEMO, dtype="fp32"), data)
    assert {path.name for path in data.scored.iterdir() if path.is_dir()} == {first.key, second.key}
    assert facts.current(data).key == second.key
    assert score(DEMO, data).forward_passes == 0


def test_what_bf16_changes_is_counted_where_fp32_scores_are_there_too(files, tmp_path):
    data = dataset(tmp_path / "x", files)
    first = score(DEMO, data)
    assert run.curate(ANY, data).changed is None
    exact = score(replace(DEMO, dtype="fp32"), data)
    score(DEMO, data)
    outcome = run.curate(replace(ANY, threshold=0.5), data)
    if not has_bf16():  # fp32 is computed either way: one set of scores, and nothing to count
        assert exact.key == first.key
        assert outcome.changed is None
        return
    assert outcome.changed is not None
    assert outcome.score.key != exact.key
    assert outcome.changed <= 2


def test_without_a_model_quality_rules_alone_decide(files, tmp_path):
    data = dataset(tmp_path / "x", files)
    assert score(Score(model="none"), data).forward_passes == 0
    outcome = run.curate(replace(ANY, targets=()), data)
    assert outcome.kept == 38
    assert {row.confidence for row in outcome.rows} == {None}


def test_a_small_copy_points_at_the_large_one_that_is_kept(tmp_path):
    large, small = tmp_path / "a.png", tmp_path / "b.jpg"
    draw(1, (400, 300)).save(large)
    draw(1, (400, 300)).resize((200, 150)).save(small, quality=60)
    data = dataset(tmp_path / "x", [small, large, *folder(tmp_path / "more", 5, start=50)])
    score(DEMO, data)
    rows = run.curate(ANY, data).rows
    assert "dup_near" in rows[0].reasons
    assert (rows[0].duplicate_of, rows[0].duplicate_how) == (rows[1].number, "phash")
    assert rows[1].kept


def test_bad_input_ends_in_a_sentence(scored, tmp_path):
    data, _ = scored
    empty = Data(tmp_path / "empty")
    catalog.connect(empty.catalog, create=True).close()
    with pytest.raises(TooManyFailuresError, match="has no picture yet"):
        score(DEMO, empty)
    with pytest.raises(MissingError, match="run make score"):
        run.curate(ANY, empty)
    with pytest.raises(RecipeError, match=r"no class 'quilts'.*quilt"):
        run.curate(replace(ANY, targets=("quilts",)), data)
    with pytest.raises(UsageError, match="did you mean resnet50"):
        score(Score(model="resnet5O"), data)
    with pytest.raises(RecipeError, match=r"int8.*openvino"):
        score(Score(model="demo", dtype="int8"), data)


def test_targets_that_the_model_lacks_are_refused_before_any_picture_is_looked_at(files, tmp_path):
    data = dataset(tmp_path / "x", files)
    data.settings.mkdir()
    (data.settings / "curate.toml").write_text('name = "x"\n[curate]\ntargets = ["teapot"]\n')
    with pytest.raises(RecipeError, match="teapot"):
        score(DEMO, data)
    assert not list(data.scored.glob("*/shard-*"))


def test_a_missing_hub_is_told_in_seconds(tmp_path, files):
    data = dataset(tmp_path / "x", files[:1])
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hub")}
    (data.settings).mkdir()
    (data.settings / "score.toml").write_text('name = "x"\n[score]\nmodel = "resnet50.tv_in1k"\n')
    done = subprocess.run(
        [sys.executable, "-m", "curate", "score", "--data", str(data.root)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 69
    assert "MODEL=local-dir:PATH" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_index_is_written_only_when_the_scores_change(scored):
    data, _ = scored
    index = data.scored / "index.json"
    before = index.stat().st_mtime_ns
    score(DEMO, data)
    assert index.stat().st_mtime_ns == before
    assert set(json.loads(index.read_text())) == {"key", "model", "labels", "pictures"}


def test_auto_pads_a_picture_on_plain_ground_and_crops_the_others(tmp_path):
    files = folder(tmp_path / "files", 6)
    ground = np.full((150, 300, 3), (200, 30, 30), dtype=np.uint8)
    ground[25:-25, 25:-25] = np.random.default_rng(0).integers(0, 255, (100, 250, 3))
    Image.fromarray(ground).save(tmp_path / "plain.png")
    data = dataset(tmp_path / "x", [*files, tmp_path / "plain.png"])
    score(DEMO, data)
    run.curate(replace(ANY, fit="auto"), data)
    rows = report(data).set_index("number")
    padded = rows[rows["kept"] & (rows["width"] == 300)]
    with Image.open(data.curated / f"{padded.index[0]:05d}.png") as square:
        assert square.getpixel((16, 0)) == (200, 30, 30)  # what a crop has at its top is the same ground
        assert square.getpixel((16, 7)) == (200, 30, 30)  # and here it has the middle
