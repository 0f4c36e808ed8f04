"""Pictures on this computer, in folders and archives: read without trust, in pieces, and once."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zipfile

import pytest
from servers import crawl, picture, recipe, write

from scrapbag.errors import MissingError, UsageError
from scrapbag.recipe import Scrape
from scrapbag.sources import Folder
from spiders.files.boxes import TooLargeError, UnreadableError
from spiders.files.directory import box
from spiders.files.passed import Passed
from spiders.readers.folder import FolderReader

pytestmark = pytest.mark.timeout(120)
JPEG = picture()
NAMES = ["boots/red/a.jpg", "boots/b.PNG", "c.jpeg"]


def names(opened, passed=None):
    return [one.name for one in opened.members(passed or Passed()) if one.kind == "picture"]


@pytest.fixture
def directory(tmp_path):
    for number, name in enumerate(NAMES):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG + bytes([number]))
    (tmp_path / "pictures" / "notes.txt").write_text("of mine")
    return tmp_path / "pictures"


@pytest.fixture
def zipped(directory):
    with zipfile.ZipFile(directory.with_suffix(".zip"), "w") as file:
        for name in NAMES:
            file.write(directory / name, name)
        file.write(directory / "notes.txt", "notes.txt")
        file.writestr("__MACOSX/._a.jpg", b"what macOS adds")
    return directory.with_suffix(".zip")


@pytest.fixture
def tarred(directory):
    with tarfile.open(directory.with_suffix(".tgz"), "w:gz") as file:
        for name in NAMES:
            file.add(directory / name, name)
    return directory.with_suffix(".tgz")


@pytest.mark.parametrize("kind", ["directory", "zipped", "tarred"])
def test_a_box_has_its_pictures_and_their_bytes_in_any_order(kind, request):
    path = request.getfixturevalue(kind)
    assert sorted(names(box(path))) == sorted(NAMES)
    opened = box(path)
    for name in [*NAMES, *reversed(NAMES)]:
        assert opened.read(name, 10**6) == JPEG + bytes([NAMES.index(name)])


def test_one_picture_is_a_source_too_and_its_neighbours_are_not(directory):
    opened = box(directory / "c.jpeg")
    assert names(opened) == ["c.jpeg"]
    assert opened.read("c.jpeg", 10**6) == JPEG + bytes([2])
    with pytest.raises(UnreadableError, match=r"notes.txt is not the picture c.jpeg"):
        opened.read("notes.txt", 10**6)


@pytest.mark.parametrize("kind", ["directory", "zipped", "tarred"])
def test_a_picture_larger_than_the_cap_is_not_read(kind, request):
    opened = box(request.getfixturevalue(kind))
    with pytest.raises(TooLargeError):
        opened.read("c.jpeg", 100)


@pytest.mark.parametrize("kind", ["directory", "zipped", "tarred"])
def test_a_name_that_is_not_there_is_one_unreadable_picture(kind, request):
    opened = box(request.getfixturevalue(kind))
    for name in ("nobody.jpg", "../pictures/c.jpeg/../../x.jpg", "/etc/passwd"):
        with pytest.raises(UnreadableError):
            opened.read(name, 10**6)
    assert opened.read("c.jpeg", 10**6)


def test_links_in_a_folder_are_not_followed(directory, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.jpg").write_bytes(JPEG)
    (directory / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (directory / "folder").symlink_to(tmp_path / "outside")
    assert sorted(names(box(directory))) == sorted(NAMES)
    for name in ("link.jpg", "folder/x.jpg", "../secret.jpg"):
        with pytest.raises(UnreadableError):
            box(directory).read(name, 10**6)


def test_links_and_devices_in_an_archive_are_not_pictures(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind in (("l.jpg", tarfile.SYMTYPE), ("h.jpg", tarfile.LNKTYPE), ("d.jpg", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    assert names(box(tmp_path / "a.tar")) == []
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        member = zipfile.ZipInfo("l.jpg")
        member.external_attr = 0o120777 << 16
        file.writestr(member, "/etc/passwd")
    assert names(box(tmp_path / "a.zip")) == []


def test_an_archive_that_inflates_without_end_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.jpg", b"\0" * 5_000_000)
    with pytest.raises(TooLargeError):
        box(tmp_path / "a.zip").read("a.jpg", 10**9)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as file:
        for name in ("a.bin", "b.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 20_000_000
            file.addfile(info, io.BytesIO(b"\0" * info.size))
    with pytest.raises(UsageError, match="inflates"):
        names(box(tmp_path / "a.tgz"))


def test_an_archive_that_would_inflate_is_refused_before_it_is(tmp_path):
    with gzip.open(tmp_path / "a.tgz", "wb") as file:
        info = tarfile.TarInfo("big.jpg")
        info.size = 1 << 40  # what a header says; nobody writes so much for a test
        file.write(info.tobuf())
        file.write(b"\0" * 50_000_000)
    began = time.process_time()
    with pytest.raises(UsageError, match="inflates"):
        names(box(tmp_path / "a.tgz"))
    assert time.process_time() - began < 0.05, "fifty megabytes would take longer"


def packed(path):
    """A tar of twenty pictures of 20,000 bytes: each a header of 512 and 40 blocks of 512."""
    with tarfile.open(path, "w") as file:
        for number in range(20):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.size = len(body := os.urandom(20_000))
            file.addfile(info, io.BytesIO(body))
    return path.read_bytes()


MEMBER = 512 + 40 * 512


@pytest.mark.parametrize("cut", [8 * MEMBER - 7, 8 * MEMBER, 8 * MEMBER + 7, 8 * MEMBER + 512, 8 * MEMBER + 999])
def test_a_tar_that_is_cut_short_is_said_in_a_sentence_wherever_it_is_cut(tmp_path, cut):
    whole = packed(tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes(whole[:cut])
    (tmp_path / "a.tgz").write_bytes(gzip.compress(whole[:cut])[:-8])  # without gzip's own end
    for name in ("a.tar", "a.tgz"):
        with pytest.raises(UsageError, match="damaged or cut short"):
            names(box(tmp_path / name))


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    whole = bytearray(packed(tmp_path / "a.tar"))
    whole[8 * MEMBER : 8 * MEMBER + 100] = b"\xff" * 100
    (tmp_path / "a.tar").write_bytes(whole)
    with pytest.raises(UsageError, match="damaged or cut short"):
        names(box(tmp_path / "a.tar"))


def test_what_one_may_not_read_is_a_row_or_a_line_and_the_rest_is_taken(directory, tmp_path):
    (directory / "c.jpeg").chmod(0)
    (directory / "boots" / "red").chmod(0)
    write(tmp_path / "data", recipe(f'[[source]]\nname = "box"\nkind = "folder"\npath = "{directory}"'))
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*powerless, sys.executable, "-m", "spiders", "scrape", "--data", tmp_path / "data"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (directory / "boots" / "red").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert "not fetched: unreadable 1" in done.stdout
    assert f"cannot look into {directory}/boots/red: Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tar_of_many_pictures_is_listed_in_little_memory(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for number in range(5_000):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.size = 4
            file.addfile(info, io.BytesIO(b"abcd"))
    tracemalloc.start()
    count = sum(1 for _ in box(tmp_path / "a.tar").members(Passed()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5_000
    assert peak < 1_000_000


def test_what_is_no_box_is_said_in_a_sentence(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    with pytest.raises(UsageError, match="no zip and no tar"):
        box(tmp_path / "a.rar")
    with pytest.raises(MissingError, match="there is no"):
        box(tmp_path / "b.zip")


def test_a_member_has_its_folders_for_tags_and_the_recipes_licence(directory):
    source = Folder(name="shoes", path=str(directory), tags=("shoe",))
    first = {one.source_id: one for one in FolderReader(source, Scrape()).start()}["boots/red/a.jpg"]
    assert (first.url, first.title, first.tags) == (
        "folder://shoes/boots/red/a.jpg",
        "a",
        ("boots", "red", "shoe"),
    )


def test_three_boxes_are_crawled_as_any_source_is_and_asked_once(directory, zipped, tarred, tmp_path):
    (directory / os.fsdecode(b"odd \xff name %2e.jpg")).write_bytes(JPEG + b"odd")
    paths = {"plain": directory, "zipped": zipped, "tarred": tarred}
    sources = [
        f'[[source]]\nname = "{name}"\nkind = "folder"\npath = "{path}"\nlicence = "CC0-1.0"'
        for name, path in paths.items()
    ]
    done = crawl(tmp_path / "data", recipe(*sources, max_bytes=100_000))
    assert done.code == 0, done.out
    found = list(done.records().values())
    assert {(record.state, record.licence) for record in found} == {("done", "CC0-1.0")}
    assert [sum(record.source == name for record in found) for name in paths] == [4, 3, 3]
    assert len({record.number for record in found}) == 4
    again = crawl(tmp_path / "data", recipe(*sources, max_bytes=100_000))
    assert "(0 new)" in again.out
