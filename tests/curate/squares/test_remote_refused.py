"""Tar shards that make export did not write, or an index that tells of others: one sentence, and nothing is changed."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from curate.squares import remote, tables
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.storage.store import digest


def test_shards_without_an_index_or_of_others_are_one_sentence(data, place, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    with pytest.raises(MissingError, match=r"has no \.index\.json|there is no folder"):
        remote.unpack(other, place.url)
    remote.send(data.export / "webdataset", place.url)
    table = json.loads(place.read(".index.json"))
    climbing = table | {"shardlist": [table["shardlist"][0] | {"url": "../x.tar"}, table["shardlist"][1]]}
    twice = table | {"shardlist": table["shardlist"][:1] * 2}
    copied = table | {"shardlist": [table["shardlist"][0], table["shardlist"][0] | {"url": "x.tar"}]}
    hollow = table | {"shardlist": [*table["shardlist"], {"url": "x.tar", "nsamples": 0, "filesize": 1, "sha256": ""}]}
    none = table | {"shardlist": [], "nsamples": 0}
    for wrong in ([], table | {"nsamples": 5}, climbing, twice, copied, hollow, none):
        place.write(".index.json", json.dumps(wrong).encode())
        with pytest.raises(UsageError, match="damaged or not of make export AS=webdataset"):
            remote.unpack(other, place.url)
    for version in (2, "1", None):
        place.write(".index.json", json.dumps(table | {"wids_version": version}).encode())
        with pytest.raises(UsageError, match=f"has wids_version {version!r}, and 1 is read; update scrapbag$"):
            remote.unpack(other, place.url)
    place.write(".index.json", json.dumps(table | {"name": "bags"}).encode())
    with pytest.raises(UsageError, match="shards of another dataset; write another prefix"):
        remote.send(data.export / "webdataset", place.url)
    assert not other.curated.exists()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"00003.png": b"x", "00003.json": b'{"file_name": "00003.png"}'}, "written by another version"),
        ({"../00003.png": b"x", "00003.json": "row"}, "which make export does not write"),
        ({"00003.json": "row"}, "is of no square that stands before it"),
        ({"00003.png": b"x", "00003.json": b"{"}, "written by another version"),
    ],
    ids=["lacks a column", "climbs out", "no square", "no JSON"],
)
def test_a_shard_that_make_export_did_not_write_is_refused_whole(members, words, tmp_path):
    folder, other = tmp_path / "shards", Data(tmp_path / "there" / "quilts")
    folder.mkdir()
    with tarfile.open(folder / "odd-000000.tar", "w") as tar:
        for name, body in members.items():
            whole = json.dumps(dict.fromkeys(tables.DTYPES) | {"file_name": "00003.png"}).encode()
            content = whole if body == "row" else body
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    path, count = folder / "odd-000000.tar", sum(name.endswith(".json") for name in members)
    (folder / ".index.json").write_text(
        json.dumps({"nsamples": count, "shardlist": [
            {"url": path.name, "nsamples": count, "filesize": path.stat().st_size,
             "sha256": digest(path)}]})
    )  # fmt: skip
    with pytest.raises(UsageError, match=words):
        remote.unpack(other, str(folder))
    assert not other.curated.exists()


def test_shards_that_have_a_square_twice_are_refused_whole(data, tmp_path):
    folder, other = data.export / "webdataset", Data(tmp_path / "there" / "quilts")
    table = json.loads((folder / ".index.json").read_text())
    path = folder / "more.tar"
    path.write_bytes((folder / "quilts-000000.tar").read_bytes() + bytes(512))  # another file with the same squares
    more = {"url": path.name, "nsamples": 2, "filesize": path.stat().st_size, "sha256": digest(path)}
    table |= {"nsamples": 6, "shardlist": [*table["shardlist"], more]}
    (folder / ".index.json").write_text(json.dumps(table))
    with pytest.raises(UsageError, match=r"^more\.tar has 00003\.png in it, which came before; export again$"):
        remote.unpack(other, str(folder))
    assert not other.curated.exists()


def test_a_damaged_index_in_a_store_gives_way_to_an_export_with_fresh(data, place, tmp_path):
    folder = data.export / "webdataset"
    remote.send(folder, place.url)
    place.write(".index.json", b"{")
    with pytest.raises(UsageError, match=r"is damaged .* export again, with FRESH=1, which takes its place$"):
        remote.send(folder, place.url)
    remote.send(folder, place.url, fresh=True)
    assert remote.unpack(Data(tmp_path / "there" / "quilts"), place.url) == 4
