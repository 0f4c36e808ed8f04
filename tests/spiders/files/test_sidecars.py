"""What lies beside a picture says whose it is; what is broken or speaks of nobody costs itself alone."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from servers import picture

from scrapbag.recipe import Scrape
from scrapbag.sources import Folder
from spiders.readers.folder import FolderReader

JPEG = picture()
CC_BY = "https://creativecommons.org/licenses/by/4.0/"
FLICKR = {
    "category": "flickr", "id": 7, "title": "Log cabin", "tags": ["quilt", "red"], "license": "4",
    "license_name": "Attribution License", "owner": {"nsid": "1@N", "username": "ann", "realname": "Ann O"},
    "url": "https://live.example/7_o.jpg",
}  # fmt: skip
COMMONS = {
    "category": "wikimediacommons", "user": "Uploader", "title": "File:Quilt.jpg", "url": "https://up.example/q.jpg",
    "descriptionurl": "https://commons.example/wiki/File:Quilt.jpg",
    "extmetadata": {
        "Artist": {"value": '<a href="//x">Ann &amp; Bob</a>'}, "LicenseShortName": {"value": "CC BY-SA 4.0"},
        "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"}, "ObjectName": {"value": "Quilt"},
    },
}  # fmt: skip
IMG2DATASET = {
    "url": "https://x.example/1.jpg",
    "caption": "a quilt",
    "key": "000000001",
    "status": "success",
    "exif": "{}",
}
BOORU = {"tag_string": "red", "tags": {"artist": ["ann"], "general": ["quilt"]}, "file_url": "https://b.example/1.png"}


def listed(path):
    reader = FolderReader(Folder(name="x", path=str(path)), Scrape())
    found = {one.url.removeprefix("folder://x/"): one for one in reader.start()}
    return found, {(reason, kind): count for reason, kind, count, _ in reader.passed.rows()}


def words(one):
    return one.title, one.creator, one.licence, one.licence_url, one.tags, one.page_url


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (FLICKR, ("Log cabin", "Ann O", "Attribution License", "", ("quilt", "red"), "https://live.example/7_o.jpg")),
        (
            COMMONS,
            ("Quilt", "Ann & Bob", "CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0", (),
             "https://commons.example/wiki/File:Quilt.jpg"),
        ),
        (IMG2DATASET, ("a quilt", "", "", "", (), "https://x.example/1.jpg")),
        (BOORU, ("1", "", "", "", ("ann", "quilt"), "https://b.example/1.png")),
        (
            {"author": {"name": "Ann"}, "license": CC_BY, "page_url": "javascript:x"},
            ("1", "Ann", "CC-BY-4.0", CC_BY, (), "folder://x"),
        ),
        (
            {"title": None, "creator": [None, "A", "B"], "tags": "a, b", "url": 7, "license": float("nan")},
            ("1", "A, B", "", "", ("a", "b"), "folder://x"),
        ),
    ],
    ids=["flickr", "commons", "img2dataset", "booru", "a licence by its address", "odd values"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["1.jpg.json", "1.json"])
def test_gallery_dl_and_img2dataset_say_whose_a_picture_is(tmp_path, said, expected, name):
    (tmp_path / "1.jpg").write_bytes(JPEG)
    (tmp_path / name).write_text(json.dumps(said))
    found, passed = listed(tmp_path)
    assert words(found["1.jpg"]) == expected
    assert passed == {("sidecar", "json"): 1}


@pytest.mark.parametrize("order", [1, -1], ids=["pictures first", "pictures last"])
def test_members_of_a_tar_speak_of_each_other_in_any_order(tmp_path, order):
    with tarfile.open(tmp_path / "00000.tgz", "w:gz") as file:
        for number in (1, 2):
            said = json.dumps(IMG2DATASET | {"caption": f"quilt {number}", "author": "Ann"}).encode()
            for name, body in [(f"{number}.jpg", JPEG), (f"{number}.json", said), (f"{number}.txt", b"less")][::order]:
                info = tarfile.TarInfo(name)
                info.size = len(body)
                file.addfile(info, io.BytesIO(body))
    for path in (tmp_path, tmp_path / "00000.tgz"):
        found, passed = listed(path)
        assert sorted((one.title, one.creator) for one in found.values()) == [("quilt 1", "Ann"), ("quilt 2", "Ann")]
        assert passed == {("sidecar", "json"): 2, ("sidecar", "txt"): 2}


def test_a_table_speaks_of_the_pictures_of_its_folder_and_those_below(tmp_path):
    (tmp_path / "train" / "red").mkdir(parents=True)
    for name in ("a.jpg", "red/b.jpg", "red/c.jpg"):
        (tmp_path / "train" / name).write_bytes(JPEG)
    (tmp_path / "train" / "metadata.csv").write_text(
        "file_name;text;creator;licence;licence_url;page_url;tags\n"
        "a.jpg;one;Ann;CC BY 4.0;https://l.example/;https://p.example/1;x, y\nred/b.jpg;two;Bob;;;;\n"
    )
    lines = ['{"file_name": "c.jpg", "author": "Cy"}', "{broken", '{"file_name": "none.jpg", "author": "Dee"}']
    (tmp_path / "train" / "red" / "metadata.jsonl").write_text("\n".join(lines))
    found, passed = listed(tmp_path)
    first = ("one", "Ann", "CC BY 4.0", "https://l.example/", ("x", "y", "train"), "https://p.example/1")
    assert words(found["train/a.jpg"]) == first
    assert [found[f"train/red/{name}"].creator for name in ("b.jpg", "c.jpg")] == ["Bob", "Cy"]
    assert passed == {("sidecar", "csv"): 1, ("sidecar", "jsonl"): 1}


def test_what_is_broken_beside_a_picture_costs_itself_alone_and_what_speaks_of_nobody_is_counted(tmp_path):
    for name, body in {
        "1.json": b"{broken",
        "2.json": b"[1, 2]",
        "3.json": b"[" * 100_000,
        "4.json": b'{"title": "' + b"x" * 5_000_000,
        "5.txt": b"\xff\xfe\x00",
        "6.txt": b"0 0.5 0.5 0.1 0.1",
        "7.json": b'{"title": "\\ud83d", "creator": {"a": []}}',
        "info.json": b'{"title": "of nobody"}',
        "readme.txt": b"hello",
        "metadata.csv": b"\x00\x00",
        "metadata.jsonl": b"{}",
    }.items():
        (tmp_path / name).write_bytes(body)
    for number in range(1, 9):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG)
    found, passed = listed(tmp_path)
    assert [one.title for one in found.values()] == ["1", "2", "3", "4", "5", "6", "\ud83d", "8"]
    assert passed == {
        ("bad_sidecar", "json"): 4, ("bad_sidecar", "txt"): 1, ("sidecar", "txt"): 1, ("sidecar", "json"): 1,
        ("no_picture", "json"): 1, ("no_picture", "txt"): 1, ("no_picture", "csv"): 1, ("no_picture", "jsonl"): 1,
    }  # fmt: skip


def test_one_picture_alone_has_what_lies_beside_it(tmp_path):
    (tmp_path / "1.jpg").write_bytes(JPEG)
    (tmp_path / "2.jpg").write_bytes(JPEG)
    (tmp_path / "1.jpg.json").write_text(json.dumps(FLICKR))
    found, _ = listed(tmp_path / "1.jpg")
    assert [one.creator for one in found.values()] == ["Ann O"]
