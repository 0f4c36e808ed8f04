"""Tar shards that go to a bucket or a folder and come from there: what was damaged on the way is named."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from making import ROOT, command, make
from report_rows import row

from curate.squares import handover, remote, tables, tars
from scrapbag.catalog import connect
from scrapbag.errors import DiskError, UsageError
from scrapbag.layout import Data
from scrapbag.recipe import Curate


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_squares_come_out_as_they_went_in_and_once(data, place, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    went = remote.send(data.export / "webdataset", place.url)
    assert (went.objects, went.there) == (2, 0)
    assert remote.unpack(other, place.url) == 4
    assert files(other.curated) == files(data.curated)
    dates = [path.stat().st_mtime_ns for path in sorted(other.curated.iterdir())]
    assert remote.unpack(other, place.url) == 4
    assert [path.stat().st_mtime_ns for path in sorted(other.curated.iterdir())] == dates, "Make trains nothing anew"
    assert remote.send(data.export / "webdataset", place.url).there == 2
    assert not other.moving.exists()


def test_fewer_squares_take_the_place_of_more(data, place, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    remote.send(data.export / "webdataset", place.url)
    remote.unpack(other, place.url)
    tables.write(data.curated, [row(number=3)], Curate(size=32), "demo")
    handover.export(data, "webdataset")
    remote.send(data.export / "webdataset", place.url)
    assert remote.unpack(other, place.url) == 1
    assert sorted(files(other.curated)) == ["00003.png", "CREDITS.csv", "dataset.json", "metadata.csv"]
    first = shards(place)
    handover.export(data, "webdataset")
    remote.send(data.export / "webdataset", place.url)
    assert shards(place) == first, "the same squares"


def shards(place):
    return [one["url"] for one in json.loads(place.read(".index.json"))["shardlist"]]


def export(data, *numbers):
    tables.write(data.curated, [row(number=n) for n in numbers], Curate(size=32), "demo")
    return handover.export(data, "webdataset")[0]


def test_an_export_that_breaks_off_leaves_the_one_before_and_goes_on(data, place, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    remote.send(data.export / "webdataset", place.url)
    first = shards(place)
    folder = export(data, 3, 40, 123_456)
    second = folder / "quilts-000001.tar"
    second.rename(tmp_path / "lost")  # so that it ends over it
    with pytest.raises(FileNotFoundError):
        remote.send(folder, place.url)
    assert shards(place) == first
    assert remote.unpack(other, place.url) == 4, "the export before"
    (tmp_path / "lost").rename(second)
    went = remote.send(folder, place.url)
    assert went.objects + went.there == 2
    assert not set(shards(place)) & set(first)
    assert all(place.read(name) for name in first), "who read that index goes on"
    assert remote.unpack(other, place.url) == 3
    remote.send(export(data, 17), place.url)
    assert remote.unpack(other, place.url) == 1
    for name in first:
        with pytest.raises((KeyError, FileNotFoundError)):
            place.read(name)


def test_a_store_of_an_older_export_is_read_and_exported_to(data, place, tmp_path):
    other, folder = Data(tmp_path / "there" / "quilts"), data.export / "webdataset"
    remote.send(folder, place.url)
    for name in shards(place):
        place.delete(name)
    for path in folder.iterdir():
        place.write(path.name, path.read_bytes())
    assert remote.unpack(other, place.url) == 4
    remote.send(export(data, 3), place.url)
    assert remote.unpack(other, place.url) == 1
    assert place.read("quilts-000001.tar")
    table = json.loads(place.read(".index.json"))
    for wrong in (["../x.tar"], [3], "x.tar"):
        place.write(".index.json", json.dumps(table | {"dropped": wrong}).encode())
        with pytest.raises(UsageError, match="damaged or not of make export AS=webdataset"):
            remote.send(export(data, 17), place.url)
    place.write(".index.json", json.dumps(table).encode())
    remote.send(export(data, 17), place.url)
    with pytest.raises((KeyError, FileNotFoundError)):
        place.read("quilts-000001.tar")


def _flip(body):
    return body[:700] + bytes([body[700] ^ 1]) + body[701:]


@pytest.mark.parametrize("damage", [lambda body: body[:-512], _flip, None], ids=["truncated", "flipped", "lost"])
def test_a_shard_that_was_damaged_stops_with_its_name_and_nothing_is_learnt_from(damage, data, place, tmp_path):
    remote.send(data.export / "webdataset", place.url)
    name = shards(place)[1]
    body = place.read(name)
    if damage is None:
        place.delete(name)
    else:
        place.write(name, damage(body))
    other = Data(tmp_path / "there" / "quilts")
    again = f"; run make export AS=webdataset STORE={place.url} FRESH=1 where it is whole$"
    with pytest.raises(DiskError, match=f"{name}.*{again}"):
        remote.unpack(other, place.url)
    assert not other.curated.exists()
    assert remote.send(data.export / "webdataset", place.url, fresh=True).objects == 2
    assert place.read(name) == body
    assert remote.unpack(other, place.url) == 4


def test_shards_take_nobodys_pictures_away(data, tmp_path):
    for other in (data, Data(tmp_path / "scraped")):
        if other is not data:
            connect(other.catalog, create=True).close()
        before = files(other.curated) if other.curated.exists() else None
        with pytest.raises(UsageError, match="has pictures of its own; write DATA="):
            remote.unpack(other, str(data.export / "webdataset"))
        assert (files(other.curated) if other.curated.exists() else None) == before


def test_make_learns_from_them_and_asks_no_site(data, tmp_path):
    there, run = tmp_path / "there" / "quilts", tmp_path / "run"
    recipe = ROOT / "recipes" / "demo.toml"
    done = make(command(recipe, there, run, "pull", f"SHARDS={data.export / 'webdataset'}"))
    assert done.returncode == 0, done.stderr
    assert "unpacked 4 squares" in done.stdout
    assert f"next: make train RECIPE=recipes/demo.toml DATA={there} RUN={run}" in done.stdout
    status = make(command(recipe, there, run, "status")).stdout
    assert f"4 squares, as shards from {data.export / 'webdataset'}" in status
    assert "next: make train" in status
    said = make(command(recipe, there, run, "-n", "train")).stdout
    assert "-m gan train" in said
    assert not [stage for stage in ("spiders", "curate score", "curate curate") if f"-m {stage}" in said]
    for damaged in ("{", "[]", "{}", '{"from": 1, "pictures": "many", "sha256": ""}'):
        Data(there).handed.write_text(damaged)
        refused = make(command(recipe, there, run, "status"))
        assert refused.returncode == 2
        assert f"error: {there}/shards.json is damaged; run make pull SHARDS=" in refused.stderr
        assert "Traceback" not in refused.stderr
    remote.unpack(Data(there), str(data.export / "webdataset"))
    assert "4 squares" in make(command(recipe, there, run, "status")).stdout
    for target in ("scrape", "curate", "review"):
        refused = make(command(recipe, there, run, target))
        assert refused.returncode == 2
        assert "came as shards of another machine" in refused.stderr


def test_make_export_with_fresh_sends_what_is_there_already(data, tmp_path):
    disk, run = tmp_path / "disk", tmp_path / "run"
    line = command(ROOT / "recipes" / "demo.toml", data.root, run, "-n", "export", "AS=webdataset", f"STORE={disk}")
    assert "--fresh" not in make(line).stdout
    assert "--fresh" in make([*line, "FRESH=1"]).stdout
    words = [sys.executable, "-m", "curate", "export", "--data", data.root, "--as", "webdataset", "--store", disk]
    for more, objects in ((), "1 object"), ((), "0 objects"), (("--fresh",), "1 object"):
        done = subprocess.run([*words, *more], cwd=ROOT, capture_output=True, text=True, check=False)
        assert f"sent {objects}," in done.stdout, done.stderr


def test_make_sends_an_export_and_other_forms_have_no_index_to_send(data, tmp_path):
    words = [sys.executable, "-m", "curate", "export", "--data", data.root, "--store", tmp_path / "disk", "--as"]
    done = subprocess.run([*words, "webdataset"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tars.verify(tmp_path / "disk") == 4
    done = subprocess.run([*words, "zip"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2, "error: STORE takes tar shards, which have an index; write AS=webdataset beside it\n"
    )  # fmt: skip
