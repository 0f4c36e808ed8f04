"""What was passed over is said by the crawl, kept in the catalog, shown by status and the report, and listed anew."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image
from servers import Answer, Site, crawl, picture, recipe, serving

from curate.run import curate
from curate.scores.stage import score
from scrapbag.desk import status
from scrapbag.layout import Data
from scrapbag.recipe import Curate, Score

REAL = Path(os.environ.get("REAL") or "unset").absolute()


def source(name, kind, path):
    return f'[[source]]\nname = "{name}"\nkind = "{kind}"\npath = "{path}"'


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder and a list, crawled once."""
    root = tmp_path_factory.mktemp("passed")
    (root / "box").mkdir()
    for number in range(2):
        Image.effect_noise((64, 64), 60 + number).save(root / "box" / f"{number}.png")
    for name in ("a.pdf", "b.pdf", "c.mov", "d.parquet", "._0.png"):
        (root / "box" / name).write_bytes(b"\0")
    (root / "box" / "0.json").write_text('{"author": "Ann", "license": "CC BY 4.0", "page_url": "https://p.example/0"}')
    (root / "box" / "out.jpg").symlink_to("/etc/passwd")
    site = Site({f"/{name}.jpg": Answer(picture(kind="PNG"), kind="image/png") for name in "xy"})
    with serving(site):
        rows = [f"{site.url}/x.jpg,Bob,http://creativecommons.org/licenses/by-sa/3.0/", f"{site.url}/y.jpg,Cy,"]
        rows += [rows[0], ",Dee,", "folder://box/0.png,Eve,", '"open', "not an address,Flo,"]
        (root / "list.csv").write_text("\n".join(["URL,Author,License", *rows]))
        sources = source("box", "folder", root / "box"), source("web", "urls", root / "list.csv")
        text = recipe(*sources, allow=(site,), contact="me@example.org")
        yield root, text, crawl(root / "data", text)


def test_the_crawl_says_what_it_passed_over_and_what_to_do(world):
    root, _, done = world
    assert done.code == 0, done.out
    assert (
        "source 'box': passed over 6: no_picture 3 (pdf 2, mov 1), link 1 (jpg), packed 1 (parquet), system 1"
        in done.out
    )
    assert re.search(r"^  packed, as d\.parquet: .*write its path as a source of its own", done.out, re.MULTILINE)
    assert "  link, as out.jpg: It leads out of the folder" in done.out
    assert "source 'web': passed over 2: no_address 1 (row), repeated 1 (address)" in done.out
    assert str(root) not in done.out.partition("source 'box'")[2].partition("source 'web'")[0]


def test_every_row_of_the_list_is_a_row_or_counted(world):
    *_, done = world
    found = Counter((one.state, one.fetch_reason) for one in done.records().values() if one.source == "web")
    assert found == {("done", ""): 2, ("failed", "address"): 2}  # what is no address, an open quote among it
    assert sum(found.values()) + 1 + 2 == 7, "seven rows: folder://box/0.png is the other source's"


def test_status_and_the_report_say_the_same_and_credits_name_the_makers(world):
    _, _, done = world
    data = Data(done.data)
    lines = "\n".join(status.found(data))
    assert "passed   6 of box: no_picture 3 (pdf 2, mov 1), link 1 (jpg)" in lines
    assert "passed   2 of web: no_address 1 (row), repeated 1 (address)" in lines
    score(Score(model="none"), data)
    outcome = curate(Curate(targets=(), size=32, min_side=32, near=0.0), data)
    page = data.report_html.read_text(encoding="utf-8")
    funnel = dict(re.findall(r"<li><span>(\w+)</span>.*?<b>([\d,]+)</b>", page))
    assert int(funnel["listed"]) == len(outcome.rows) + 6 + 2
    assert "no_picture 3" in page
    assert 'title="d.parquet">parquet' in page
    table = (data.curated / "CREDITS.csv").read_text(encoding="utf-8").splitlines()
    makers = {row["creator"]: row for row in csv.DictReader(table)}
    assert makers["Ann"]["licence"] == "CC BY 4.0"
    assert makers["Ann"]["page"] == "https://p.example/0"
    assert makers["Bob"]["licence"] == "CC-BY-SA-3.0"
    assert makers["Bob"]["licence_url"] == "http://creativecommons.org/licenses/by-sa/3.0/"


def test_a_listing_anew_counts_anew_and_a_source_that_is_gone_is_forgotten(world):
    root, text, _ = world
    (root / "box" / "c.mov").unlink()
    (root / "box" / "e.mp3").write_bytes(b"\0")
    done = crawl(root / "data", text, "--source", "box")
    assert "no_picture 3 (pdf 2, mp3 1)" in done.out
    counted = "select source, sum(count) from passed_over where reason <> 'sidecar' group by 1"
    assert done.rows(counted) == [("box", 6), ("web", 2)]
    alone = "\n".join([text.partition("[[source]]")[0], source("box", "folder", root / "box")])
    assert "of web" not in "\n".join(status.found(Data(crawl(root / "data", alone).data)))


def test_a_folder_without_a_picture_says_what_is_there_and_nothing_of_selectors(tmp_path):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "data.parquet").write_bytes(b"PAR1")
    done = crawl(tmp_path / "data", recipe(source("box", "folder", tmp_path / "box")))
    assert done.code == 1
    assert "passed over 1: packed 1 (parquet)" in done.out
    assert "look at the path in the recipe" in done.out
    assert "selectors" not in done.out


@pytest.mark.real
@pytest.mark.skipif(not (REAL / "hostile").is_dir(), reason="set REAL=<folder> that holds hostile/")
def test_every_hostile_file_is_a_row_or_counted(tmp_path):
    done = crawl(tmp_path / "data", recipe(source("box", "folder", REAL / "hostile")), timeout=280)
    assert done.code == 0, done.out
    assert "Traceback" not in done.out
    rows = len(done.records())
    ((passed,),) = done.rows("select sum(count) from passed_over")
    assert rows + passed == sum(len(files) for _, _, files in os.walk(REAL / "hostile"))
    assert rows > 300
