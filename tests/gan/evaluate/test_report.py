"""A run's page: what it shows, and that it asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tomli_w
from gan_data import texture
from truth_pictures import drawn

from gan.evaluate import report
from gan.evaluate.evaluate import lines, summary
from gan.evaluate.fidelity import Judge, reals_of
from gan.evaluate.neighbours import find, write
from gan.nets import presets
from gan.pictures import data, grids
from scrapbag.layout import Run
from scrapbag.web import charts

if TYPE_CHECKING:
    from pathlib import Path

METRICS = """images_seen,seconds,images_per_s,loss_d,loss_g,accuracy,sign,penalty,p,gamma,rate,pictures,spread
64,1.0,64,1.4,0.7,0.5,0,0,0,0.2,0.0004,900,0.1
6400,100.0,64,0.9,1.7,0.8,0,0,0,0.2,0.0004,900,
64000,1000.0,64,0.5,2.7,0.9,0,0,0,0.2,0.0004,900,0.8
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "<script>alert(1)</script>".replace("/", "_"))
    run.root.mkdir()
    run.metrics.write_text(METRICS)
    run.quality.write_text(
        "images_seen,kid,recall,coverage,colour_volume,features\n10000,300.5,0.4,0.5,20.1,abc\n64000,80.25,0.6,0.9,25,abc\n"
    )
    run.settings.write_text('row = "auto-cpu"\nsize = 32\n[values]\nz = 128\nloss = "nonsaturating"\n')
    for kimg in (1, 6, 64):
        grids.save(run.fakes(kimg), drawn(16, kimg))
    grids.save(run.reals, drawn(16, 0))
    return run


class Everything(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def parsed(page: str) -> Everything:
    everything = Everything()
    everything.feed(page)
    return everything


def test_the_page_carries_every_picture_and_asks_for_none(run: Run) -> None:
    page = parsed(report.write(run).read_text())
    assert len(page.addresses) == 5  # now, reals, three over time
    assert all(address.startswith("data:image/webp;base64,") for address in page.addresses)
    assert "script" not in page.tags  # the run's name would be one, were it not escaped


def test_the_policy_admits_the_pages_own_style_and_nothing_else(run: Run) -> None:
    page = report.write(run).read_text()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert style
    assert policy
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in policy[1]
    assert policy[1].startswith("default-src &#39;none&#39;; img-src data:;")


def test_the_curves_end_where_the_numbers_do(run: Run) -> None:
    plots = {plot.title: plot for plot in report.plots(run, {"last": {"measured": [{"floor": {"kid": 9.5}}]}})}
    losses = plots["Losses"]
    assert [curve.last for curve in losses.curves] == ["0.5", "2.7"]
    ends = [curve.path.split("L")[-1].split() for curve in losses.curves]
    assert {x for x, _ in ends} == {str(float(charts.WIDE - charts.RIGHT))}
    assert float(ends[1][1]) < float(ends[0][1])  # G's last loss is higher
    kid = plots["KID"]
    assert kid.curves[0].last == "80.2"
    assert kid.level is not None
    assert float(kid.curves[0].path.split("L")[-1].split()[1]) < kid.level < charts.HIGH - charts.BOTTOM
    assert plots["Variety"].curves[0].path.count("L") == 1  # the row without a grid is no point


def test_a_run_without_anything_still_has_a_page(tmp_path: Path) -> None:
    page = report.write(Run(tmp_path)).read_text()
    assert "Nothing was trained yet" in page
    assert "make evaluate" in page


def test_a_copy_stands_first_among_the_neighbours_at_distance_zero(tmp_path: Path, judge: Judge) -> None:
    samples = np.concatenate([drawn(40, 3), judge.reals.train[7:8]])
    beside = find(samples, judge)
    assert np.array_equal(beside[0].sample, judge.reals.train[7])
    assert np.array_equal(beside[0].nearest[0], judge.reals.train[7])
    assert beside[0].distances[0] == pytest.approx(0, abs=0.01)
    assert 0.7 < beside[1].distances[0] < 1.3  # honest ones are about as near as held-out pictures
    assert list(beside[1].distances) == sorted(beside[1].distances)
    assert write(Run(tmp_path), beside).stat().st_size > 1000


def test_every_figure_in_the_terminal_stands_beside_its_floor_with_counts_and_hash(judge: Judge) -> None:
    text = lines(judge.verdict(drawn(300, 3), images_seen=1234))
    assert "264 samples (300 on random features) after 1,234 images" in text[0]
    assert judge.known[0].kind.sha256 in text[1]
    names = [line[4:40].strip() for line in text]
    assert names.index("coverage") + 1 == names.index("precision (only beside coverage)")
    figures = [line for line in text if line.startswith("    ")]
    assert all(re.search(r"-?\d+\.\d+ +-?\d+\.\d+$", line) for line in figures)
    assert "not measured on the curation model's features" in "\n".join(text)


def test_what_is_wrong_comes_first_in_the_last_line_and_by_its_name(judge: Judge) -> None:
    grey = np.full((264, 32, 32, 3), 128, np.uint8)
    said = summary(judge.verdict(grey))
    assert said.startswith("FLAGS: few modes, blur; KID ")
    assert summary(judge.verdict(drawn(264, 3))).startswith("no flags; KID ")


def test_the_floor_of_one_texture_is_called_rough(tmp_path: Path) -> None:
    dataset = texture(tmp_path, 256, 96)
    pictures = data.load(dataset.curated, dataset.packed, 32)
    reals = reals_of(pictures, presets.resolve("texture", ["crop=32"]))
    assert reals.apart == 3  # a strip of 32 x 96
    few = {part: getattr(reals, part)[:64] for part in ("reference", "others", "held", "train")}
    said = Judge(replace(reals, **few)).verdict(reals.others[:64]).rough
    assert said.startswith("the figures are rough: 3 crops that share no pixel are held out")


def test_the_values_are_said_in_words_and_all_of_them_stand_below(run: Run) -> None:
    run.settings.write_text("[values]\n" + tomli_w.dumps(presets.plain(presets.resolve("auto-cuda"))))
    words = report.in_words(tomllib.loads(run.settings.read_text())["values"])
    assert words["gradient penalty"] == "R1 and R2, on real and generated pictures, weight 10, every 4 steps"
    assert words["learning rates"] == "G 0.0002, D 0.0002"
    assert words["changed before D sees them"] == "mirrored, colours, shifted"
    page = report.write(run).read_text()
    assert page.index("R1 and R2") < page.index("<summary>") < page.index("<dt>lr_g</dt>")
