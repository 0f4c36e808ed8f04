"""`make status`: what it says is true by the files, and its next command is the right one."""

from __future__ import annotations

import csv
import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from scrapbag.catalog import connect
from scrapbag.desk import facts, status
from scrapbag.layout import Data, Run
from scrapbag.settings import settle

RECIPE = 'name = "{}"\n[[source]]\nkind = "folder"\npath = "pictures"\n[train]\nimages = 256\n'


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A recipe with folders of its own, settled as the first make does it."""
    monkeypatch.chdir(tmp_path)
    made = house_of("one")
    connect(made[0].catalog, create=True).close()
    picture(made[0])
    return made


def picture(data):
    (data.images / "aa").mkdir(parents=True)
    (data.images / "aa" / "aa.jpg").write_bytes(b"x")


def house_of(name):
    Path(f"{name}.toml").write_text(RECIPE.format(name), encoding="utf-8")
    data, run = Data(Path("data") / name), Run(Path("runs") / name)
    settle(Path(f"{name}.toml"), data, run, ("scrape", "train"), ())
    return data, run


def report(data, certificate="", kept="True", confidence="0.9"):
    data.report_csv.parent.mkdir(exist_ok=True)
    data.curated.mkdir(exist_ok=True)
    with data.report_csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("kept", "reason", "certificate", "confidence"))
        writer.writerows([(kept, "", certificate, confidence), ("False", "blurred", "", confidence)])


def train(run, images, *, done=None):
    run.metrics.write_text(f"images_seen,seconds\n{images},60\n", encoding="utf-8")
    if done:
        run.done.write_text(json.dumps({"images_seen": done, "seconds": 60}), encoding="utf-8")


def said(*words):
    done = CliRunner().invoke(status.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.rstrip()


def following(name="one"):
    return said("--data", f"data/{name}", "--run", f"runs/{name}", "--recipe", f"{name}.toml").rpartition("next: ")[2]


def test_only_what_came_counts_as_fetched(house):
    rows = [("done", "aa"), ("done", "bb"), ("failed", None), ("queued", None), ("queued", "cc")]  # the last came once
    with closing(connect(house[0].catalog)) as connection:
        for number, (state, sha256) in enumerate(rows):
            connection.execute(
                "insert into request (url, host, source, kind, state, sha256) values (?, 'a', 'shop', 'picture', ?, ?)",
                (f"http://a/{number}.png", state, sha256),
            )
        connection.execute(
            "insert into request (url, host, source, kind, state) values ('http://a/', 'a', 'shop', 'page', 'done')"
        )
    found = facts.found(house[0])
    assert (found.addresses, found.waiting, found.sources) == (5, 2, {"shop": 3})


def test_the_next_command_follows_what_is_there(house):
    data, run = house
    data.catalog.rename("away")
    assert following() == "make scrape RECIPE=one.toml"
    Path("away").rename(data.catalog)
    assert following() == "make curate RECIPE=one.toml"
    report(data)
    assert following() == "make train RECIPE=one.toml"
    train(run, 57_344, done=56_832)
    assert following().startswith("make sample RECIPE=one.toml N=64")


def test_without_a_picture_there_is_nothing_to_curate_yet(house):
    shutil.rmtree(house[0].images)
    assert following() == "make scrape RECIPE=one.toml"


def test_what_came_after_the_last_curate_or_was_cleaned_away_is_curated_next(house):
    data, _ = house
    report(data)
    data.scrape_csv.write_text("number\n")
    os.utime(data.scrape_csv, (0, data.report_csv.stat().st_mtime + 9))
    assert following() == "make curate RECIPE=one.toml"
    os.utime(data.scrape_csv, (0, 0))
    assert following().startswith("make train RECIPE=one.toml")
    data.curated.rmdir()
    assert following() == "make curate RECIPE=one.toml"


def test_where_no_classifier_decides_no_review_is_said_to_certify(house):
    data, run = house
    train(run, 100, done=100)
    report(data, confidence="")
    assert following() == "make sample RECIPE=one.toml N=64"


def test_a_training_that_was_stopped_goes_on_with_the_minutes_and_values_that_it_had(house):
    data, run = house
    report(data, certificate="c")
    settle(Path("one.toml"), data, run, ("train",), ("train.minutes=60", "train.images=0", "train.preset=dcgan64"))
    train(run, 100)
    assert following() == "make train RECIPE=one.toml PRESET=dcgan64 MINUTES=60"


def test_only_what_no_answers_certify_yet_is_said_to_be_certified_by_a_review(house):
    data, run = house
    train(run, 100, done=100)
    report(data)
    assert following().endswith("make review RECIPE=one.toml certifies the threshold")
    report(data, certificate="200 answers")
    assert following() == "make sample RECIPE=one.toml N=64"


def test_where_nothing_was_kept_the_report_comes_next(house):
    report(house[0], kept="False")
    assert following() == "make report RECIPE=one.toml"


def test_a_run_has_one_count_of_images(house):
    data, run = house
    report(data)
    train(run, 57_344, done=56_832)
    assert "56,832 images seen in 1.0 minutes" in said("--data", "data/one", "--run", "runs/one")


def test_an_export_that_is_older_than_what_is_kept_is_named_with_its_command(house):
    data, _ = house
    report(data)
    for path in (data.curated, data.export / "folder", data.export / "webdataset"):
        path.mkdir(parents=True, exist_ok=True)
    (data.export / "one.zip").write_bytes(b"")
    (data.export / "one.parquet").write_bytes(b"")
    os.utime(data.curated, (10, 10))
    for name, at in (("folder", 5), ("webdataset", 20), ("one.zip", 5), ("one.parquet", 20)):
        os.utime(data.export / name, (at, at))
    lines = [line for line in said("--data", "data/one", "--run", "runs/one").splitlines() if "exported" in line]
    assert [line.rpartition(": ")[2] for line in lines] == [
        "make export RECIPE=one.toml AS=folder",
        "make export RECIPE=one.toml AS=zip",
    ]


def test_without_a_recipe_every_dataset_has_its_next_command(house):
    report(house[0])
    data, _ = house_of("two")
    connect(data.catalog, create=True).close()
    Path("data/strange").mkdir()
    lines = said().splitlines()
    assert [line for line in lines if "next" in line] == [
        "  next: make train RECIPE=one.toml",
        "  next: make scrape RECIPE=two.toml",
    ]
    assert [line for line in lines if not line.startswith(" ")] == ["data/one", "data/two"]


def test_where_no_dataset_is_the_demo_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said() == "data: no dataset is here yet · next: make demo"
