import csv
import hashlib
import io
import json
import tarfile
import zipfile

import pyarrow.parquet as pq
import pytest
from PIL import Image
from report_rows import dataset, row

from curate.rows import square_name
from curate.squares import FORMS, handover, tables, tars
from scrapbag.disk import lock
from scrapbag.errors import DiskError, LockedError, MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.recipe import Curate

SETTINGS = Curate(targets=("n04033995",), size=32)
NUMBERS = (3, 17, 40, 123_456)
HOSTILE = "=cmd|' /C calc'!A0"


def table(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data(tmp_path):
    """Four squares with gaps in their numbers, as make curate leaves them."""
    data = Data(tmp_path / "quilts")
    data.curated.mkdir(parents=True)
    rows = [row(number=n, title=HOSTILE, creator='Ada; "B"', level=n % 4, confidence=0.9 + n / 1e7) for n in NUMBERS]
    for n in NUMBERS:
        Image.new("RGB", (32, 32), (n % 256, 80, 160)).save(data.curated / square_name(n))
    tables.write(data.curated, [*rows, *(one for one in dataset(50) if not one.kept)], SETTINGS, "demo")
    return data


def test_metadata_names_every_kept_square_first(data):
    rows = table(data.curated / "metadata.csv")
    assert " ".join(rows[0]) == (
        "file_name confidence level sha256 number label title tags source creator licence licence_url page_url url"
        " width height original_width original_height fit size model"
    )
    assert [one["file_name"] for one in rows] == ["00003.png", "00017.png", "00040.png", "123456.png"]
    assert {(one["fit"], one["size"], one["model"]) for one in rows} == {("auto", "32", "demo")}
    assert rows[0]["title"] == f"'{HOSTILE}"


def test_the_size_of_originals_is_not_claimed(tmp_path):
    tables.write(tmp_path, [row()], Curate(fit="original"), "demo")
    assert table(tmp_path / "metadata.csv")[0]["size"] == ""


def test_credits_go_with_the_pictures(data):
    (one, *_) = table(data.curated / "CREDITS.csv")
    assert list(one) == ["title", "creator", "licence", "licence_url", "page", "file"]
    assert (one["creator"], one["licence"], one["file"]) == ('Ada; "B"', "CC0-1.0", "00003.png")


def test_dataset_json_lists_every_square_once(data):
    labels = json.loads((data.curated / "dataset.json").read_text())["labels"]
    assert labels == [[square_name(n), 0] for n in NUMBERS]


def test_a_folder_is_numbered_without_gaps_and_its_tables_agree(data):
    place, count = handover.export(data, "folder")
    names = [f"quilts/{i:05d}.png" for i in range(4)]
    assert (place, count) == (data.export / "folder", 4)
    assert sorted(f"quilts/{p.name}" for p in place.glob("*/*.png")) == names
    rows = pq.read_table(place / "metadata.parquet").to_pylist()
    assert [one["file_name"] for one in rows] == names
    assert [one["file"] for one in table(place / "CREDITS.csv")] == names
    assert json.loads((place / "dataset.json").read_text())["labels"] == [[name, 0] for name in names]
    assert (rows[3]["number"], rows[0]["title"], rows[0]["licence"]) == (123456, HOSTILE, "CC0-1.0")
    assert (place / "quilts" / "00003.png").read_bytes() == (data.curated / "123456.png").read_bytes()
    assert not (place / "metadata.csv").exists(), "Hugging Face takes both together for a mistake"


def test_a_zip_holds_the_folder_as_it_is(data):
    folder, _ = handover.export(data, "folder")
    place, _ = handover.export(data, "zip")
    with zipfile.ZipFile(place) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o644}
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"README.md"}
        assert set(archive.namelist()) == there
        assert all(archive.read(name) == (folder / name).read_bytes() for name in there)


def test_each_form_has_a_folder_and_a_card_and_what_an_older_scrapbag_left_goes(data):
    data.export.mkdir()
    for old in ("quilts.zip", "quilts.parquet"):
        (data.export / old).write_bytes(b"of an older scrapbag")
    for kind in FORMS:
        place, _ = handover.export(data, kind)
        assert place.is_relative_to(data.export / kind)
        card = (data.export / kind / "README.md").read_text()
        assert card.startswith("---\nconfigs:\n")
        assert all(
            words in card for words in ("# quilts\n", "4 pictures, 32x32 pixels, chosen by demo", "| CC0-1.0 | 4 |")
        )
    assert sorted(path.name for path in data.export.iterdir()) == sorted(FORMS)


def test_what_a_page_says_of_a_licence_is_text_in_the_card(data):
    tables.write(
        data.curated, [row(number=3, licence="<img src=x onerror=alert(1)> [free](javascript:x)")], SETTINGS, "a_b"
    )
    handover.export(data, "folder")
    card = (data.export / "folder" / "README.md").read_text()
    assert "&lt;img src=x onerror=alert(1)&gt; \\[free\\](javascript:x)" in card
    assert "<img" not in card
    assert "chosen by a\\_b" in card


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        ("zip", Curate(size=32), ""),
        ("zip", Curate(size=48), "48x48"),
        ("folder", Curate(size=96), "96x96"),
        ("zip", Curate(fit="original"), "2 sizes"),
        ("parquet", Curate(size=48), ""),
    ],
)
def test_what_stylegan_cannot_read_is_said(tmp_path, kind, settings, says):
    tables.write(Data(tmp_path).curated, [row(), row(number=2, width=500)], settings, "demo")
    said = handover.note(Data(tmp_path), kind)
    assert (says in said and "power of two" in said) if says else not said


def test_a_table_of_an_older_scrapbag_is_read(data):
    path = data.curated / "metadata.csv"
    rows = table(path)
    for one in rows:
        one["width"], one["height"] = one.pop("original_width"), one.pop("original_height")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    place, _ = handover.export(data, "folder")
    one = pq.read_table(place / "metadata.parquet").to_pylist()[0]
    assert (one["width"], one["height"], one["original_width"], one["original_height"]) == (32, 32, 800, 600)


def test_parquet_holds_bytes_in_the_shape_of_an_image_feature(data):
    place, _ = handover.export(data, "parquet")
    read = pq.read_table(place)
    features = json.loads(read.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert set(features) == set(read.column_names)
    rows = read.to_pylist()
    assert [one["image"]["path"] for one in rows] == [square_name(n) for n in NUMBERS]
    assert Image.open(io.BytesIO(rows[1]["image"]["bytes"])).getpixel((0, 0)) == (17, 80, 160)
    assert rows[0]["title"] == HOSTILE  # nobody opens this one in a spreadsheet
    assert (rows[0]["number"], rows[0]["level"]) == (3, 3)
    assert rows[0]["confidence"] == pytest.approx(0.9000003)


def test_shards_read_back_with_their_index(data, monkeypatch):
    monkeypatch.setattr(tars, "PER_SHARD", 3)
    place, _ = handover.export(data, "webdataset")
    assert tars.verify(place) == tars.verify(str(place)) == 4
    index = json.loads((place / ".index.json").read_text())
    assert [shard["nsamples"] for shard in index["shardlist"]] == [3, 1]
    first = place / index["shardlist"][0]["url"]
    assert hashlib.sha256(first.read_bytes()).hexdigest() == index["shardlist"][0]["sha256"]
    with tarfile.open(first) as tar:
        assert tar.getnames()[:2] == ["00003.png", "00003.json"]
        assert json.load(tar.extractfile("00003.json"))["title"] == HOSTILE
        assert tar.extractfile("00003.png").read() == (data.curated / "00003.png").read_bytes()


def _cut(path):
    path.write_bytes(path.read_bytes()[:-512])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut, _flip, lambda path: path.unlink()], ids=["cut", "one bit", "lost"])
def test_a_damaged_shard_is_noticed(data, harm):
    place, _ = handover.export(data, "webdataset")
    harm(next(place.glob("*.tar")))
    with pytest.raises(DiskError, match="export AS=webdataset again"):
        tars.verify(place)


def test_shards_without_an_index_are_unfinished(data):
    place, _ = handover.export(data, "webdataset")
    (place / ".index.json").rename(place / "index.json")
    assert tars.verify(place) == 4, "an older scrapbag named it so"
    (place / "index.json").unlink()
    with pytest.raises(MissingError, match="unfinished"):
        tars.verify(place)


@pytest.mark.parametrize("kind", FORMS)
def test_exporting_twice_gives_the_same_bytes_and_leaves_nothing_else(data, kind):
    def content():
        return {p.relative_to(data.export): p.read_bytes() for p in sorted((data.export).rglob("*")) if p.is_file()}

    handover.export(data, kind)
    first = content()
    handover.export(data, kind)
    assert content() == first
    assert not list((data.export).glob(".part*"))


@pytest.mark.parametrize("kind", FORMS)
def test_a_lost_square_ends_it_in_a_sentence_and_keeps_the_export_before(data, kind):
    place, _ = handover.export(data, kind)
    before = place.stat().st_mtime_ns
    (data.curated / "00017.png").unlink()
    with pytest.raises(DiskError, match=r"00017\.png is lost"):
        handover.export(data, kind)
    assert place.stat().st_mtime_ns == before
    assert not list((data.export).glob(".part*"))


def test_before_the_first_curate_it_says_what_to_run(tmp_path):
    with pytest.raises(MissingError, match="make curate"):
        handover.export(Data(tmp_path), "zip")


def test_no_export_is_made_while_the_squares_are_being_chosen(data):
    with lock(data.root, "curate"), pytest.raises(LockedError, match="wait for it"):
        handover.export(data, "folder")


def test_nothing_kept_is_nothing_to_export(tmp_path):
    data = Data(tmp_path)
    tables.write(data.curated, [], SETTINGS, "demo")
    with pytest.raises(UsageError, match="lower THRESH"):
        handover.export(data, "parquet")
