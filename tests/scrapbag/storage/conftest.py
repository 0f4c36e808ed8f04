"""A store for each test, in a bucket of moto's S3 server or in a folder, and a dataset."""

from __future__ import annotations

import os

import pytest
from buckets import s3
from PIL import Image
from report_rows import row
from sent_data import add, write

from curate.rows import square_name
from curate.squares import tables
from scrapbag.layout import Data
from scrapbag.recipe import Curate


@pytest.fixture(scope="module")
def server():
    with s3() as there:
        yield there


@pytest.fixture
def bucket(server, monkeypatch):
    """Its name; the environment has what leads there."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server.bucket()


@pytest.fixture(params=["folder", "bucket"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "disk")
    return f"s3://{request.getfixturevalue('bucket')}/a/quilts"


@pytest.fixture
def data(tmp_path):
    """A dataset as its stages leave it, but for what is in the files of scores."""
    data = Data(tmp_path / "here" / "quilts")
    add(data, 12)
    write(data, "0123/shard-00000.safetensors", b"scores" * 1000)
    write(data, "0123/model.json", b"{}")
    write(data, "index.json", b'{"key": "0123"}')
    write(data, "0123/shard-00001.safetensors.broken", b"not sent")
    data.curated.mkdir()
    for number in (3, 17):
        Image.new("RGB", (32, 32), (number, 80, 160)).save(data.curated / square_name(number))
    tables.write(data.curated, [row(number=3, title="=1+1"), row(number=17, rating=None)], Curate(size=32), "demo")
    for path, content in {
        data.report_csv: "kept\n", data.labels_csv: "sha256\n", data.settings_of("curate"): "[curate]\n",
        data.settings_of("scrape"): "paths of this computer", data.call: "recipe = '/home/me'",
        data.stamps / "curate": "", data.card: "# card\n",
    }.items():  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    os.utime(data.stamps / "curate", ns=(10**18 + 7, 10**18 + 7))
    return data
