"""What comes out of a store is what went in, and nothing is lost, whoever sends and brings."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from sent_data import ANSWER, add, brought, content, execute, sent, whole, write

from curate.rows import square_name
from scrapbag.disk import lock
from scrapbag.errors import LockedError, MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.storage import index, state


def test_a_dataset_comes_out_on_another_machine_as_it_went_in(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    went = sent(data, url)
    assert (went.objects, went.there) == (12 + len(state.files(data)) + 1, 0), "and the catalog"
    brought(other, url)
    assert content(other) == content(data)
    assert other.squares.is_dir(), "without it Make takes the squares for lost"
    assert not list(other.root.rglob("*.broken"))
    assert not other.settings_of("scrape").exists()
    assert not other.call.exists()
    assert not data.moving.exists()
    again = sent(data, url)
    assert (again.objects, again.bytes, again.there) == (0, 0, went.objects)
    assert brought(other, url).objects == 0
    assert sent(other, url).objects <= 1, "at most its own image of the catalog"


def test_a_store_with_a_blank_in_its_name_is_advised_as_one_types_it(data, tmp_path):
    url = str(tmp_path / "the old disk")
    with pytest.raises(MissingError, match=re.escape(f"run make push STORE='{url}' where it is")):
        brought(data, url)


def test_only_what_is_new_is_sent_and_brought(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    add(data, 2, seed=1)
    data.report_csv.write_text("kept, more\n")
    (data.curated / square_name(17)).unlink()
    new = sent(data, url)
    assert new.objects == 2 + 1 + 1, "two pictures, the report, the catalog"
    came = brought(other, url)
    assert (came.objects, came.bytes) == (3, 2 * 3000 + 11)
    assert content(other) == content(data), "a square that went is gone there, too"


def test_a_listing_that_lags_changes_nothing_because_none_is_asked_for(data, server, bucket, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    server.asked.clear()
    url = f"s3://{bucket}/quilts"
    sent(data, url)
    add(data, 1, seed=1)
    sent(data, url)
    brought(other, url)
    assert content(other) == content(data)
    assert server.asked["PUT"] > 12
    assert server.asked["LIST"] == 0


def test_the_state_before_stays_whole_for_who_reads_it_and_goes_with_the_push_after_next(data, server, bucket):
    url = f"s3://{bucket}/quilts"

    def reports():
        return sum(body.startswith(b"kept") for body in server.objects(bucket).values())

    sent(data, url)
    counts = []
    for number in range(3):
        data.report_csv.write_text(f"kept {number}\n")
        sent(data, url)
        counts.append(reports())
    assert counts == [2, 2, 2]
    assert whole(server.objects(bucket))


def test_a_catalog_that_has_what_the_other_lacks_is_not_replaced(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    execute(other, ANSWER, "a" * 64)
    before = content(other)
    with pytest.raises(UsageError, match=rf"quilts has what .* lacks \(1 answer\); run make push STORE={url} first"):
        brought(other, url)
    assert content(other) == before
    sent(other, url)
    with pytest.raises(UsageError, match=rf"has what .* lacks \(1 answer\); run make pull STORE={url} first"):
        sent(data, url)
    add(data, 1, seed=5)
    for way in (sent, brought):
        with pytest.raises(UsageError, match=r"lacks what that has .*; run make pull into another DATA"):
            way(data, url)
    execute(data, "delete from picture where id = 13")
    execute(data, "delete from request where id = 13")
    brought(data, url)
    assert execute(data, "select answer from label") == [("yes",)]
    execute(other, "update label set undone = 1")
    sent(other, url)
    with pytest.raises(UsageError, match="1 answer"):
        sent(data, url)
    brought(data, url)


def test_scores_that_the_other_side_lacks_are_not_forgotten(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    write(other, "0123/shard-00001.safetensors", b"more")
    with pytest.raises(UsageError, match="1 scored shard"):
        brought(other, url)
    sent(other, url)
    with pytest.raises(UsageError, match="1 scored shard"):
        sent(data, url)
    shutil.rmtree(data.version("0123").root)
    write(data, "4567/shard-00000.safetensors", b"of another model")
    sent(data, url)
    brought(other, url)
    assert {path.parent.name for path in other.scored.glob("*/*")} == {"0123", "4567"}
    assert (other.version("0123").root / "shard-00001.safetensors").read_bytes() == b"more"


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc/passwd", "report/../../x", "catalog.db", "images/a", ".x"])
def test_an_index_cannot_write_outside_what_a_dataset_sends(name, data, tmp_path):
    store, other = tmp_path / "disk", Data(tmp_path / "there" / "quilts")
    sent(data, str(store))
    table = json.loads((store / "index.json").read_text())
    table["files"][name] = table["files"]["report/report.csv"]
    (store / "index.json").write_text(json.dumps(table))
    with pytest.raises(UsageError, match=r"which is no file of a dataset|which no dataset sends"):
        brought(other, str(store))
    assert not other.catalog.exists()
    assert not other.report.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [("extension", "d/../../../../ESCAPED.txt"), ("extension", ""), ("extension", "JPG"), ("sha256", "../../../../x"),
     ("sha256", "0" * 63), ("bytes", "many"), ("bytes", -1)],
)  # fmt: skip
def test_a_catalog_cannot_write_outside_the_pictures_either(column, value, data, tmp_path):
    store, other = tmp_path / "disk", Data(tmp_path / "there" / "a" / "b" / "quilts")
    sent(data, str(store))
    brought(other, str(store))
    add(data, 1, seed=1)
    sent(data, str(store))
    table = json.loads((store / "index.json").read_text())
    path = store / index.object_name(table["catalog"][1])
    with closing(sqlite3.connect(path)) as forged:
        forged.execute(f"update picture set {column} = ? where id = 13", (value,))
        forged.commit()
    table["catalog"] = state.entry(path)
    place = store / index.object_name(table["catalog"].sha256)
    place.parent.mkdir(exist_ok=True)
    path.rename(place)
    (store / "index.json").write_text(json.dumps(table))
    before, outside = content(other), sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=r"^the catalog in .*disk names .*, which no crawl stores; nothing was moved$"):
        brought(other, str(store))
    assert content(other) == before
    shutil.rmtree(other.moving)
    assert sorted(tmp_path.rglob("*")) == outside


def test_a_crawl_may_go_on_while_a_dataset_is_sent(data, url, tmp_path):
    """Whatever the index names is there, though pictures came all the time."""
    stop = threading.Event()

    def crawl():
        seed = 100
        while not stop.is_set():
            add(data, 1, seed=seed)
            seed += 1

    crawling = threading.Thread(target=crawl)
    with lock(data.root, "scrape"):
        crawling.start()
        try:
            sent(data, url)
        finally:
            stop.set()
            crawling.join(30)
    other = Data(tmp_path / "there" / "quilts")
    brought(other, url)
    count = execute(other, "select count(*) from picture")[0][0]
    assert 12 < count <= execute(data, "select count(*) from picture")[0][0]
    assert execute(other, "pragma integrity_check") == [("ok",)]
    assert len([path for path in other.images.rglob("*") if path.is_file()]) == count


def test_of_two_machines_that_send_at_once_one_is_told_to_do_it_again(data, server, bucket, tmp_path):
    url, other = f"s3://{bucket}/quilts", Data(tmp_path / "there" / "quilts")
    shutil.copytree(data.root, other.root)
    first = []

    def between(method, path):
        if method == "PUT" and path.endswith("index.json") and not first:
            first.append(path)
            add(other, 1, seed=6)
            sent(other, url)

    server.before = between
    try:
        with pytest.raises(LockedError, match="meanwhile; run it again"):
            sent(data, url)
    finally:
        server.before = lambda *_: None
    brought(data, url)
    assert content(data) == content(other)


@pytest.mark.parametrize("stage", ["scrape", "score", "curate", "review", "push"])
def test_nothing_is_brought_under_the_hands_of_a_stage(stage, data, tmp_path):
    sent(data, str(tmp_path / "disk"))
    with lock(data.root, stage), pytest.raises(LockedError, match=f"{stage} is already at work"):
        brought(data, str(tmp_path / "disk"))
