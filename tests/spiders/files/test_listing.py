"""What a folder holds is a picture by its bytes, or is counted with the reason; links lead no further than said."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile

import pytest
from servers import picture

from scrapbag.recipe import Scrape
from scrapbag.sources import Folder
from spiders.files.boxes import UnreadableError
from spiders.files.directory import box
from spiders.readers.folder import FolderReader

JPEG, PNG, AVIF = picture(), picture(kind="PNG"), picture(kind="AVIF")


def put(root, **files):
    """Write files by their names, with __ for a slash and _dot_ for a dot."""
    for name, body in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def listed(path, **values):
    """The names of the pictures, and what was passed over: (reason, kind) to count."""
    reader = FolderReader(Folder(name="x", path=str(path), **values), Scrape())
    found = {one.url.removeprefix("folder://x/"): one for one in reader.start()}
    return found, {(reason, kind): count for reason, kind, count, _ in reader.passed.rows() if reason != "sidecar"}


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, body in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), body)


def tarred(path, members, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))


def test_a_picture_is_one_by_its_bytes_whatever_it_is_called(tmp_path):
    put(tmp_path, a=JPEG, b_dot_dat=PNG, c_dot_txt=AVIF, d_dot_json=JPEG, e_dot_jpg=b"no picture", f_dot_JPG=b"")
    put(
        tmp_path,
        g_dot_mp4=b"\0\0\0\x18ftypmp42",
        h_dot_txt=b"words",
        i=b"#!/bin/sh",
        j_dot_svg=b"<svg/>",
        k_dot_tga=b"",
    )
    found, passed = listed(tmp_path)
    assert list(found) == [
        "a",
        "b.dat",
        "c.txt",
        "d.json",
        "e.jpg",
        "f.JPG",
    ]  # what is called a picture is a row at least
    kinds = {"mp4": 1, "txt": 1, "no extension": 1, "svg": 1, "tga": 1}
    assert passed == {("no_picture", kind): count for kind, count in kinds.items()}


@pytest.mark.parametrize("how", ["zip", "tar", "tgz"])
def test_a_member_of_an_archive_is_one_by_its_bytes_too(tmp_path, how):
    files = {"a": JPEG, "b.txt": PNG, "c.pdf": b"%PDF", "__MACOSX/._a": b"x", "d.jpg": b"no"}
    if how == "zip":
        zipped(tmp_path / "a.zip", **files)
    else:
        tarred(tmp_path / f"a.{how}", files, "w:gz" if how == "tgz" else "w")
    found, passed = listed(tmp_path / f"a.{how}")
    assert list(found) == ["a", "b.txt", "d.jpg"]
    assert passed == {("no_picture", "pdf"): 1, ("system", "_a"): 1}
    assert box(tmp_path / f"a.{how}").read("b.txt", 10**6) == PNG


def test_a_folder_of_shards_is_read_shard_by_shard_and_a_damaged_one_costs_itself(tmp_path):
    tarred(tmp_path / "00000.tar", {"1.jpg": JPEG, "2.jpg": PNG})
    tarred(tmp_path / "deep.tgz", {"in/3.jpg": JPEG}, "w:gz")
    zipped(tmp_path / "z.zip", **{"in\\4.jpg": PNG, "../../5.jpg": JPEG, "/6.jpg": PNG})
    tarred(tmp_path / "bad.tar", {"7.jpg": JPEG, "8.jpg": JPEG * 9})
    (tmp_path / "bad.tar").write_bytes((tmp_path / "bad.tar").read_bytes()[: len(JPEG) + 3000])
    put(tmp_path, no_dot_zip=b"PK", q_dot_parquet=b"PAR1", r_dot_tar=b"nothing")
    found, passed = listed(tmp_path)
    inside = ["00000.tar/1.jpg", "00000.tar/2.jpg", "bad.tar/7.jpg", "bad.tar/8.jpg", "deep.tgz/in/3.jpg"]
    assert list(found) == [*inside, "z.zip/in%5C4.jpg", "z.zip/../../5.jpg", "z.zip//6.jpg"]
    assert passed == {("unreadable", "tar"): 2, ("unreadable", "zip"): 1, ("packed", "parquet"): 1}
    assert [found[name].tags for name in ("00000.tar/1.jpg", "deep.tgz/in/3.jpg", "z.zip/in%5C4.jpg")] == [
        (),
        ("in",),
        ("in",),
    ]
    opened = box(tmp_path)
    assert opened.read("00000.tar/2.jpg", 10**6) == PNG
    assert opened.read("z.zip/in\\4.jpg", 10**6) == PNG
    assert opened.read("z.zip/../../5.jpg", 10**6) == JPEG
    assert opened.read("00000.tar/1.jpg", 10**6) == JPEG
    for name in ("00000.tar/none.jpg", "bad.tar/8.jpg", "none.tar/1.jpg", "../x.tar/1.jpg"):
        with pytest.raises(UnreadableError):
            opened.read(name, 10**6)


@pytest.mark.parametrize("how", ["zip", "tar"])
def test_members_beyond_the_cap_are_counted_and_a_recipe_may_raise_it(tmp_path, how):
    files = {f"{number}.{'jpg' if number % 3 else 'txt'}": JPEG[: 40 + number] for number in range(30)}
    if how == "zip":
        zipped(tmp_path / "a.zip", **files)
    else:
        tarred(tmp_path / "a.tar", files)
    found, passed = listed(tmp_path / f"a.{how}", members=12)
    assert len(found) == 8 + 4  # the captions among them are pictures by their bytes
    assert {kind: count for (reason, kind), count in passed.items() if reason == "too_many"} == {"jpg": 12, "txt": 6}
    assert len(listed(tmp_path / f"a.{how}")[0]) == 30


@pytest.fixture
def hub(tmp_path):
    """A Hugging Face cache: snapshots hold links to blobs."""
    put(tmp_path, hub__blobs__aa=JPEG, hub__blobs__bb=PNG, hub__blobs__cc=b"file_name,author\none.jpg,Ann\n")
    snapshot = tmp_path / "hub" / "snapshots" / "5f2c" / "train"
    snapshot.mkdir(parents=True)
    for name, blob in (("one.jpg", "aa"), ("two", "bb"), ("metadata.csv", "cc")):
        (snapshot / name).symlink_to(f"../../../blobs/{blob}")
    return tmp_path / "hub"


@pytest.mark.parametrize("where", ["snapshots/5f2c/train", "snapshots/5f2c", "snapshots", "."])
def test_links_into_a_hugging_face_cache_are_its_pictures(hub, where):
    found, passed = listed(hub / where)
    assert [(name.rpartition("/")[2], one.creator) for name, one in found.items()] == [("one.jpg", "Ann"), ("two", "")]
    assert passed == {}
    assert [box(hub / where).read(name, 10**6) for name in found] == [JPEG, PNG]


def test_links_lead_into_the_folder_or_where_the_recipe_lets_them_and_circles_end(tmp_path):
    put(tmp_path, p__a_dot_jpg=JPEG, p__sub__b=PNG, out__c_dot_jpg=JPEG, out__d__e_dot_jpg=PNG, secret_dot_jpg=JPEG)
    root = tmp_path / "p"
    for name, target in {
        "again.jpg": "a.jpg", "aloop.jpg": "aloop.jpg", "gone.jpg": "nowhere.jpg", "secret.jpg": "../secret.jpg",
        "circle": ".", "sub/up": "..", "twin": "sub", "far": "../out", "passwd": "/etc/passwd",
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    os.mkfifo(root / "pipe.jpg")
    found, passed = listed(root)
    assert list(found) == ["a.jpg", "again.jpg", "sub/b"]
    assert passed == {
        ("link", "folder"): 4, ("link", "jpg"): 3, ("link", "no extension"): 1, ("special", "device"): 1,
    }  # fmt: skip
    found, passed = listed(root, links=(str(tmp_path / "out"),))
    assert list(found) == ["a.jpg", "again.jpg", "sub/b", "far/c.jpg", "far/d/e.jpg"]
    assert passed["link", "folder"] == 3
    opened = box(root)
    for name in ("secret.jpg", "far/c.jpg", "passwd", "pipe.jpg", "../secret.jpg"):
        with pytest.raises(UnreadableError):
            opened.read(name, 10**6)
    assert box(root, (str(tmp_path / "out"),)).read("far/c.jpg", 10**6) == JPEG


def test_a_thousand_endings_are_few_kinds(tmp_path):
    for number in range(100):
        (tmp_path / f"a.x{number}").touch()
    _, passed = listed(tmp_path)
    assert len(passed) == 41
    assert sum(passed.values()) == 100
    assert passed["no_picture", "others"] == 60
