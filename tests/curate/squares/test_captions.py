"""The export with captions: what three trainers read, from the pictures as they came."""

from __future__ import annotations

import csv
import json
import tomllib

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image
from report_rows import row

from curate.__main__ import main
from curate.report import report_csv
from curate.squares import captions, words
from curate.squares.captions import Captions, bucket
from scrapbag import decision
from scrapbag.decision import Decision
from scrapbag.disk import lock
from scrapbag.errors import DiskError, LockedError, MissingError, UsageError
from scrapbag.layout import Data

TITLE = 'Log Cabin, "Barn\nRaising" → <b>'
SIZES = {3: (1200, 900), 17: (400, 3000), 40: (500, 500), 50: (900, 1200), 60: (100, 100), 70: (2000, 1000)}


@pytest.fixture
def data(tmp_path):
    """Six kept pictures of several sizes, and one that was dropped."""
    data = Data(tmp_path / "quilts")
    data.curated.mkdir(parents=True)
    rows = [row(number=99, reason="blurry")]
    for number, (width, height) in SIZES.items():
        rows.append(row(number=number, title=TITLE, tags="Ohio, quilt, 1890s", creator="Ada", class_name="quilt, puff"))
        path = data.image(rows[-1].sha256, "jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        turned = (height, width) if number == 50 else (width, height)  # its EXIF says that it lies on its side
        ramp = np.linspace(0, 255, turned[0] * turned[1], dtype=np.uint8).reshape(turned[::-1])
        exif = Image.Exif()
        exif[274] = 6 if number == 50 else 1
        Image.fromarray(ramp).convert("RGB").save(path, exif=exif)
    report_csv.write(data.report_csv, rows)
    decision.write(data, Decision("m", "softmax", ("quilt",), (1,), 0.5))
    return data


def rewrite(data, **changes):
    """The same rows, but the one of picture 3."""
    report_csv.write(
        data.report_csv,
        [row(number=3, **changes), *(one for one in report_csv.read(data.report_csv) if one.number != 3)],
    )


def call(data, *arguments):
    return CliRunner().invoke(main, ["export", f"--data={data.root}", "--as=captions", *arguments])


@pytest.mark.parametrize(
    ("size", "side", "made"),
    [((1200, 900), 768, (832, 640)), ((500, 500), 768, (448, 448)), ((512, 512), 512, (512, 512)),
     ((2000, 1000), 512, (704, 320)), ((1024, 1024), 1024, (1024, 1024)), ((6000, 4000), 1024, (1216, 832)),
     ((255, 5000), 1024, None), ((256, 256), 512, (256, 256)), ((300, 3000), 1024, (256, 2944))],
)  # fmt: skip
def test_a_bucket_keeps_the_aspect_and_enlarges_nothing(size, side, made):
    width, height = size
    assert bucket(width, height, side) == made
    for width in range(200, 3000, 97):
        for height in range(200, 3000, 89):
            if found := bucket(width, height, side):
                assert found[0] <= width
                assert found[1] <= height
                assert found[0] * found[1] <= side**2
                assert not any(one % 64 for one in found)


def test_every_picture_has_its_text_and_three_trainers_their_files(data):
    done = call(data, "--side=512", "--word=myquilt")
    assert done.exit_code == 0, done.output
    place = data.export / "captions"
    assert done.output == f"exported 4 pictures with captions; left out: 2 under 256 pixels -> {place}\n"
    names = {path.name for path in place.iterdir()}
    stems = ("00003", "00040", "00050", "00070")
    tables = {"metadata.jsonl", "sd-scripts.toml", "ai-toolkit.yaml", "CREDITS.csv"}
    assert names == tables | {f"{stem}.{end}" for stem in stems for end in ("jpg", "txt")}
    said = 'myquilt, quilt, Log Cabin, "Barn Raising" → <b>, Ohio, 1890s'
    assert (place / "00003.txt").read_text() == f"{said}\n"
    lines = [json.loads(line) for line in (place / "metadata.jsonl").read_text().splitlines()]
    assert lines == [{"file_name": f"{stem}.jpg", "text": said} for stem in stems]
    with (place / "CREDITS.csv").open(newline="", encoding="utf-8") as file:
        credited = list(csv.DictReader(file))
    assert [(one["file"], one["creator"]) for one in credited] == [(f"{stem}.jpg", "Ada") for stem in stems]
    sizes = {}
    for path in place.glob("*.jpg"):
        with Image.open(path) as image:
            sizes[path.stem] = image.size
            assert not image.getexif()
    assert sizes == {"00003": (576, 384), "00040": (448, 448), "00050": (384, 576), "00070": (704, 320)}


def test_the_configurations_name_the_folder_and_agree(data):
    call(data, "--side=1024")
    place = data.export / "captions"
    kohya = tomllib.loads((place / "sd-scripts.toml").read_text())
    (dataset,) = kohya["datasets"]
    assert (dataset["resolution"], kohya["general"]["bucket_no_upscale"]) == (1024, True)
    assert kohya["general"]["bucket_reso_steps"] == 64
    assert not dataset["max_bucket_reso"] % 64
    assert dataset["subsets"] == [{"image_dir": str(place.resolve()), "class_tokens": "quilts", "num_repeats": 1}]
    job = yaml.safe_load((place / "ai-toolkit.yaml").read_text())
    assert (job["job"], job["config"]["name"]) == ("extension", "quilts")
    (process,) = job["config"]["process"]
    assert (process["trigger_word"], process["datasets"][0]["folder_path"]) == ("quilts", str(place.resolve()))
    assert process["datasets"][0]["resolution"] == [1024]


def test_the_pixels_are_the_middle_of_the_picture_made_smaller():
    stripes = np.zeros((300, 900, 3), np.uint8)
    stripes[:, 300:600] = 255
    small = np.asarray(captions.fitted(Image.fromarray(stripes), (256, 256)))
    assert small.shape == (256, 256, 3)
    assert small[:, 10:-10].min() > 250
    assert np.asarray(captions.fitted(Image.fromarray(stripes), (300, 100))).shape == (100, 300, 3)


@pytest.mark.parametrize(
    "changes",
    [{"licence": "CC BY-ND 4.0"}, {"licence": "CC-BY-NC-ND-4.0"}, {"licence": "cc by-nc-nd"},
     {"licence": "Attribution-NoDerivs 2.0 Generic"}, {"licence": "Attribution-NonCommercial-NoDerivatives"},
     {"licence_url": "https://creativecommons.org/licenses/by-nd/2.0/"}, {"licence": "CC BY, keine Bearbeitungen"},
     {"licence": "CC0-1.0", "licence_disputed": "CC BY-ND 3.0 | CC0-1.0"}, {"licence": "No derivative works"}],
    ids=str,
)  # fmt: skip
def test_every_wording_of_a_licence_that_forbids_derivatives_is_known(changes):
    assert words.forbids_derivatives(row(**changes))


def test_what_may_not_be_changed_stays_out_unless_asked(data):
    rewrite(data, licence="CC0-1.0", licence_disputed="CC BY-ND 3.0 | CC0-1.0")
    done = call(data)
    assert "1 whose licence forbids derivatives (ND=1 takes them)" in done.output
    assert not (data.export / "captions" / "00003.jpg").exists()
    assert "00003.jpg" not in (data.export / "captions" / "CREDITS.csv").read_text()
    assert "whose licence" not in call(data, "--nd").output
    assert (data.export / "captions" / "00003.jpg").exists()


def test_other_licences_are_not_taken_for_it():
    for licence in ("CC BY-SA 4.0", "CC BY-NC 4.0", "State of ND", "By Andy, Hand-made", "unknown", "", "nd", "bynder"):
        assert not words.says_so([licence]), licence


def test_a_caption_has_the_target_that_fits_each_part_once_and_an_end():
    two = ["quilt", "bag"]
    assert words.caption("w", row(class_name="bag, purse", title="A"), two) == "w, bag, A"
    assert words.caption("w", row(class_name="dog", title="A"), two) == "w, A"
    assert words.caption("quilt", row(title="Quilt", tags="QUILT, a, , a"), ["quilt"]) == "quilt, a"
    long = words.caption("w", row(title="word " * 99, tags=", ".join(f"tag number {i}" for i in range(99))), [])
    assert len(long) <= words.LONGEST
    assert long.startswith("w, word word")
    assert all(part.split()[:2] == ["tag", "number"] for part in long.split(", ")[2:])
    assert len(words.caption("w", row(title="x" * 999), [])) <= words.LONGEST


@pytest.mark.parametrize("word", ["a, b", "$(rm)", 'a"b', "x" * 41, "a\nb", " a", "\\"])
def test_a_word_that_a_file_would_take_apart_is_refused(data, word):
    done = call(data, f"--word={word}")
    assert done.exit_code == 2
    assert "error: WORD is" in done.output


def test_what_belongs_to_captions_is_refused_of_squares(data):
    done = CliRunner().invoke(main, ["export", f"--data={data.root}", "--as=zip", "--side=512"])
    assert done.exit_code == 2
    assert "write AS=captions beside them" in done.output
    assert "SIDE: '600' is not one of" in call(data, "--side=600").output


def test_what_is_lost_damaged_or_missing_is_a_sentence_and_keeps_the_export_before(data):
    call(data)
    before = {path.name: path.read_bytes() for path in (data.export / "captions").iterdir()}
    call(data)
    assert {path.name: path.read_bytes() for path in (data.export / "captions").iterdir()} == before, "the same bytes"
    data.image(row(number=40).sha256, "jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert "1 unreadable" in call(data).output
    names = sorted(path.name for path in (data.export / "captions").iterdir())
    data.image(row(number=3).sha256, "jpg").unlink()
    with pytest.raises(DiskError, match="RETRY=failed"):
        captions.export(data, Captions())
    assert sorted(path.name for path in (data.export / "captions").iterdir()) == names
    assert not list(data.export.glob(".part*"))
    with lock(data.root, "curate"), pytest.raises(LockedError, match="wait for it"):
        captions.export(data, Captions())
    report_csv.write(data.report_csv, [row(number=60)])
    with pytest.raises(UsageError, match="write a smaller SIDE"):
        captions.export(data, Captions())
    data.curated.rmdir()
    with pytest.raises(MissingError, match="make curate"):
        captions.export(data, Captions())
