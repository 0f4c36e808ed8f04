"""HEIC pictures by an extra: as any other where it is installed; where it is not, a row that says what to install."""

from __future__ import annotations

import io
import os
import sys

import numpy as np
import pytest
from icc import in_srgb, profile
from PIL import Image
from servers import crawl, recipe

from curate.look import decode
from curate.run import curate
from curate.scores.stage import score
from pipelines.sniff import TooManyPixelsError, look, size
from scrapbag.desk import status
from scrapbag.errors import MissingExtraError
from scrapbag.formats import heif
from scrapbag.layout import Data
from scrapbag.recipe import Curate, Score, Scrape
from spiders.engine.export import export

pillow_heif = pytest.importorskip("pillow_heif")
COLOURS = [[[200, 30, 30], [30, 160, 30]], [[30, 30, 200], [220, 220, 220]]]  # red, green; blue, grey


def heic(colours=COLOURS, **options):
    file = io.BytesIO()
    pixels = np.kron(np.array(colours), np.ones((48, 64, 1))).astype(np.uint8)
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(file, quality=90, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return heic(exif=exif.tobytes())


@pytest.fixture
def opened(tmp_path):
    def load(body):
        (tmp_path / "a.heic").write_bytes(body)
        return decode.load(tmp_path / "a.heic")

    decode.strict()
    return load


@pytest.mark.parametrize(("orientation", "first"), [(1, 0), (3, 3), (6, 2), (8, 1)])
def test_it_stands_upright_whatever_the_phone_was_held_like(opened, orientation, first):
    seen, sniffed = opened(turned(orientation)), look(turned(orientation), 10**6)
    upright = (96, 128) if orientation in (6, 8) else (128, 96)
    assert (seen.width, seen.height) == seen.image.size == (sniffed.width, sniffed.height) == upright
    assert np.abs(np.array(seen.image)[8, 8] - np.array(COLOURS).reshape(4, 3)[first]).max() < 12
    assert (seen.format, sniffed.extension, sniffed.problem) == ("HEIF", "heic", "")


def test_its_colours_are_those_of_its_profile(opened):
    colour = (90, 160, 60)
    seen = np.array(opened(heic([[list(colour)]], icc_profile=profile())).image)[20, 20]
    assert np.abs(seen - in_srgb(colour)).max() < 6
    assert np.abs(seen - np.array(colour)).max() > 12, "or the profile would not matter"


def test_one_that_is_cut_or_too_large_is_a_reason_and_not_a_traceback(opened):
    body = heic()
    assert look(body[: len(body) * 2 // 3], 10**6).problem == "unreadable"
    with pytest.raises(decode.UnusableError, match="unreadable"):
        opened(body[: len(body) * 2 // 3])
    with pytest.raises(TooManyPixelsError):
        look(body, 12_000)
    decode.strict(5_000)
    try:
        with pytest.raises(decode.UnusableError, match="too_large"):
            opened(body)
    finally:
        decode.strict(Scrape.max_pixels)


@pytest.fixture
def without(monkeypatch):
    """As if the extra were not installed, until the returned function says that it is."""

    def installed():
        monkeypatch.undo()
        heif._registered.cache_clear()

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "OPEN", {name: opener for name, opener in Image.OPEN.items() if name != "HEIF"})
    heif._registered.cache_clear()
    yield installed
    installed()


def test_without_the_extra_pillow_is_told_of_no_further_format(without):
    assert look(heic(), 10**6).problem == "no_decoder"
    assert size(heic()) is None
    assert "HEIF" not in Image.OPEN


def test_they_wait_for_the_extra_and_come_in_once_it_is_there(tmp_path, without, monkeypatch):
    (tmp_path / "hides").mkdir()
    (tmp_path / "hides" / "sitecustomize.py").write_text("import sys\nsys.modules['pillow_heif'] = None\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "hides"), *sys.path]))
    (tmp_path / "dcim").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (2, 2, 3)).tolist()
        (tmp_path / "dcim" / f"IMG_{number}").write_bytes(heic(pixels))  # by their bytes, not their names
    source = f'[[source]]\nname = "phone"\nkind = "folder"\npath = "{tmp_path}/dcim"'
    done, data = crawl(tmp_path / "data", recipe(source)), Data(tmp_path / "data")
    said = "2 HEIC pictures need pillow-heif: make setup EXTRA=heic, then make scrape"
    assert done.code == 0
    assert said in done.out
    with pytest.raises(MissingExtraError, match=r"every picture .* needs pillow-heif; run make setup EXTRA=heic"):
        score(Score(model="none"), data)
    assert said in found(data)
    Image.effect_noise((64, 64), 90).save(tmp_path / "dcim" / "b.png")
    assert crawl(tmp_path / "data", recipe(source), "--retry", "failed").code == 0
    assert reasons(data) == ["no_decoder", "no_decoder", ""]
    without()
    export(data)  # as every make begins that reads scrape.csv
    assert reasons(data) == ["", "", ""]
    assert "HEIC" not in found(data)


def reasons(data):
    score(Score(model="none"), data)
    return [row.reason for row in curate(Curate(targets=(), size=32, min_side=32, near=0.0), data).rows]


def found(data):
    return "\n".join(status.found(data))
