"""Squares, and a place for their shards: a folder, or a bucket of moto's S3 server."""

from __future__ import annotations

import pytest
from buckets import s3
from PIL import Image
from report_rows import row

from curate.rows import square_name
from curate.squares import handover, tables, tars
from scrapbag.layout import Data
from scrapbag.recipe import Curate

NUMBERS = (3, 17, 40, 123_456)
HOSTILE = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def server():
    with s3() as there:
        yield there


class Place:
    """Where shards are: a folder, or a bucket behind the same three verbs."""

    def __init__(self, url, read, write, delete):
        self.url, self.read, self.write, self.delete = url, read, write, delete


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, monkeypatch):
    if request.param == "folder":
        disk = tmp_path / "disk"
        return Place(
            str(disk), lambda n: (disk / n).read_bytes(), lambda n, b: (disk / n).write_bytes(b),
            lambda n: (disk / n).unlink(),
        )  # fmt: skip
    there = request.getfixturevalue("server")
    for name, value in there.environment().items():
        monkeypatch.setenv(name, value)
    bucket = there.bucket()
    return Place(
        f"s3://{bucket}/shards", lambda n: there.objects(bucket)[f"shards/{n}"],
        lambda n, b: there.put(bucket, f"shards/{n}", b), lambda n: there.delete(bucket, f"shards/{n}"),
    )  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Four squares in two shards."""
    monkeypatch.setattr(tars, "PER_SHARD", 2)
    data = Data(tmp_path / "here" / "quilts")
    data.curated.mkdir(parents=True)
    rows = [row(number=n, title=HOSTILE, creator='Ada; "B"', level=n % 4, confidence=0.9 + n / 1e7) for n in NUMBERS]
    for n in NUMBERS:
        Image.new("RGB", (32, 32), (n % 256, 80, 160)).save(data.curated / square_name(n))
    tables.write(data.curated, rows, Curate(targets=("n04033995",), size=32), "demo")
    handover.export(data, "webdataset")
    return data
