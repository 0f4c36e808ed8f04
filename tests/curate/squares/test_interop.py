"""What is handed over is read by the libraries themselves, without a loss: `uv sync --group interop`, or skipped."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_rows import row

from curate.report import report_csv
from curate.rows import square_name
from curate.squares import handover, tables
from scrapbag.layout import Data
from scrapbag.recipe import Curate

NUMBERS = (3, 17, 40)
WORDS = {"title": "007", "licence": "NA", "creator": "None", "tags": "", "licence_url": "null", "label": "nan"}


def made(root, name="quilts", **words):
    """Three squares, of which words are stated that a CSV loses, and of whole columns nothing."""
    data = Data(root / name)
    data.curated.mkdir(parents=True)
    names = {"class_name" if key == "label" else key: text for key, text in (WORDS | words).items()}
    rows = [row(number=n, width=100 + n, height=90, level=None, **names) for n in NUMBERS]
    for n in NUMBERS:
        Image.new("RGB", (32, 32), (n, 80, 160)).save(data.curated / square_name(n))
    tables.write(data.curated, rows, Curate(size=32), "demo")
    for kind in ("folder", "zip", "webdataset", "parquet"):
        handover.export(data, kind)
    return data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return made(tmp_path_factory.mktemp("interop"))


@pytest.fixture
def load(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    return lambda *asked, **named: datasets.load_dataset(*asked, **named, cache_dir=str(tmp_path / "cache"))


def read_as_written(one):
    lost = {key: (one[key], text) for key, text in WORDS.items() if one[key] != text}
    assert not lost
    assert (one["number"], one["level"], one["size"], one["width"], one["original_width"]) == (3, None, 32, 32, 103)
    assert one["image"].getpixel((0, 0)) == (3, 80, 160)


@pytest.mark.filterwarnings("ignore")
def test_datasets_reads_each_form_without_a_loss(data, load):
    folder, archive = data.export / "folder", data.export / "zip" / "quilts.zip"
    for asked, named in (
        (("imagefolder",), {"data_dir": str(folder)}),
        ((str(folder),), {}),
        (("imagefolder",), {"data_files": str(archive)}),
        ((str(archive.parent),), {}),
        (("parquet",), {"data_files": str(data.export / "parquet" / "quilts.parquet")}),
        ((str(data.export / "parquet"),), {}),
    ):
        found = load(*asked, **named, split="train")
        assert len(found) == 3, asked
        read_as_written(found[0])
    shards = str(data.export / "webdataset")
    for asked, named in ((("webdataset",), {"data_dir": shards}), ((shards,), {})):
        found = load(*asked, **named, split="train")
        assert len(found) == 3
        read_as_written(found[0]["json"] | {"image": found[0]["png"]})


@pytest.mark.filterwarnings("ignore")
def test_two_data_sets_go_together_though_one_has_no_word_where_the_other_has(data, load, tmp_path):
    datasets = pytest.importorskip("datasets")
    other = made(tmp_path, "test-train", licence="", title="")  # no name makes a split of it
    both = [load("imagefolder", data_dir=str(one.export / "folder"), split="train") for one in (data, other)]
    together = datasets.concatenate_datasets(both)
    assert together["licence"][:] == ["NA"] * 3 + [""] * 3


def test_torchvision_finds_one_class(data):
    datasets = pytest.importorskip("torchvision.datasets")
    found = datasets.ImageFolder(str(data.export / "folder"))
    assert (found.classes, len(found)) == (["quilts"], 3)
    assert found[0][0].getpixel((0, 0)) == (3, 80, 160)


@pytest.mark.filterwarnings("ignore")
def test_webdataset_reads_the_shards(data):
    webdataset = pytest.importorskip("webdataset")
    shard = next((data.export / "webdataset").glob("*.tar"))
    found = list(webdataset.WebDataset(str(shard), shardshuffle=False).decode("pil"))
    assert [one["__key__"] for one in found] == ["00003", "00017", "00040"]
    read_as_written(found[0]["json"] | {"image": found[0]["png"]})


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_stylegan3_demands_of_a_data_set_holds(data, kind):
    """As training/dataset.py of StyleGAN3, ImageFolderDataset, reads: PIL extensions, one shape, labels by name."""
    root = data.export / "folder"
    if kind == "zip":
        with zipfile.ZipFile(data.export / "zip" / "quilts.zip") as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    else:
        files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    Image.init()
    names = sorted(name for name in files if Path(name).suffix.lower() in Image.EXTENSION)
    assert len(names) == 3
    shapes = {np.asarray(Image.open(io.BytesIO(files[name]))).shape for name in names}
    assert shapes == {(32, 32, 3)}
    labels = dict(json.loads(files["dataset.json"])["labels"])
    assert [labels[name.replace("\\", "/")] for name in names] == [0, 0, 0]


def test_pandas_reads_the_report_and_loses_no_zero_where_docs_say_how(tmp_path):
    path = tmp_path / "report.csv"
    rows = [row(number=1, title="007 Ä", creator="NA")]
    report_csv.write(path, rows)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "LibreOffice and Excel take it for Latin-1 without"
    assert report_csv.read(path) == tuple(rows)
    text = ["title", "creator", "tags"]
    one = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False).iloc[0]
    assert (one["number"], one["title"], one["creator"]) == (1, "007 Ä", "NA")
    report_csv.write_parquet(tmp_path / "report.parquet", rows)
    typed = pd.read_parquet(tmp_path / "report.parquet").iloc[0]
    assert (typed["number"], typed["title"], typed["creator"]) == (1, "007 Ä", "NA")
