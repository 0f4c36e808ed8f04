"""A dataset or run that is damaged, half written, moved or somebody else's is one sentence in its place."""

from __future__ import annotations

import html
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from shelves import HEADER, shelf

from scrapbag.layout import Data, Run
from show.gallery import server
from show.known.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient

HOST = {"Host": "127.0.0.1"}
PAGES = ("/", "/dataset?data=quilts", "/run?run=quilts", "/run?run=quilts&sample=0&kimg=4&with=second")


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def circle(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


RUNS: dict[str, tuple[Callable[[Run], object], str]] = {
    "another's folder": (lambda run: (shutil.rmtree(run.root), run.samples.mkdir(parents=True)), "holds no run"),
    "not begun": (lambda run: (run.settings.unlink(), run.metrics.unlink()), "has not begun"),
    "moved": (lambda run: shutil.rmtree(run.root), ""),
    "a file": (lambda run: (shutil.rmtree(run.root), run.root.write_text("x")), ""),
    "half a line": (lambda run: cut(run.metrics, run.metrics.stat().st_size - 7), "8,000 images seen"),
    "no numbers": (lambda run: run.metrics.write_text("images_seen,seconds\na,b\n"), "is damaged"),
    "endless": (lambda run: run.metrics.write_text("images_seen,seconds\n5,inf\n"), "is damaged"),
    "other columns": (lambda run: run.metrics.write_text("a,b\n1,2\n"), "is damaged"),
    "no text": (lambda run: run.metrics.write_bytes(b"\xff\xfe\n\x00\n"), "metrics.csv"),
    "metrics as a pipe": (lambda run: pipe(run.metrics), "is no file"),
    "metrics as a folder": (lambda run: folder(run.metrics), "is no file"),
    "settings no TOML": (lambda run: run.settings.write_text("[[["), "is damaged"),
    "settings no tables": (lambda run: run.settings.write_text('asked = 1\nvalues = "x"\nsize = 32\n'), "9,000 images"),
    "settings as a pipe": (lambda run: pipe(run.settings), "is no file"),
    "settings in a circle": (lambda run: circle(run.settings), "9,000 images seen"),
    "size 0": (lambda run: run.settings.write_text("size = 0\n"), "does not say the size"),
    "size huge": (lambda run: run.settings.write_text(f"size = {10**15}\n"), "does not say the size"),
    "size in words": (lambda run: run.settings.write_text('size = "32"\nfrom = "\\u0000"\n'), "does not say the size"),
    "grid cut off": (lambda run: [cut(path, 900) for path in run.grids()], "9,000 images seen"),
    "grid no picture": (lambda run: [path.write_text("GIF89a") for path in run.grids()], "9,000 images seen"),
    "grid as a pipe": (lambda run: [pipe(path) for path in run.grids()], "is no file"),
    "done no table": (lambda run: run.done.write_text("[1]"), "stopped"),
    "budget in words": (
        lambda run: run.asked.write_text('[train]\nimages = "x"\nminutes = nan\n'),
        "9,000 images seen",
    ),
    "evaluation of another kind": (lambda run: run.evaluation.write_text('{"last": {"measured": []}}'), "KID 55.2"),
    "quality cut off": (lambda run: run.quality.write_text(f"{HEADER}9000,1"), "KID 1.0"),
    "quality no numbers": (lambda run: run.quality.write_bytes(b"\x00\xff,\n"), "9,000 images seen"),
    "call as a pipe": (lambda run: (run.call.parent.mkdir(), os.mkfifo(run.call)), "9,000 images seen"),
    "no grids": (lambda run: [path.unlink() for path in run.grids()], "No grid is drawn yet"),
    "samples a file": (lambda run: run.samples.write_text("x"), "None yet"),
}
DATASETS: dict[str, tuple[Callable[[Data], object], str]] = {
    "another's folder": (lambda data: (shutil.rmtree(data.root), data.export.mkdir(parents=True)), ""),
    "moved": (lambda data: shutil.rmtree(data.root), ""),
    "only settings": (
        lambda data: (shutil.rmtree(data.root), data.settings.mkdir(parents=True)),
        "nothing was scraped",
    ),
    "report cut off": (lambda data: cut(data.report_csv, 3000), ""),
    "report of other columns": (lambda data: data.report_csv.write_text("a,b\n1,2\n"), "is damaged"),
    "report empty": (lambda data: data.report_csv.write_text(""), "has other columns"),
    "report no text": (lambda data: data.report_csv.write_bytes(b"kept,reason\n\xff\x00,\n"), "is damaged"),
    "report as a pipe": (lambda data: pipe(data.report_csv), "is no file"),
    "report leads elsewhere": (
        lambda data: data.report_csv.write_text(
            f"kept,reason,sha256,extension,number\ntrue,,{'a' * 64},../../x,../../../etc/passwd\n"
            f"false,<script>,{'b' * 64},jpg,=1+1\nfalse,blurry,../../etc/passwd,png,5\n"
        ),
        "<script>",
    ),
    "catalog no catalog": (
        lambda data: (data.report_csv.unlink(), data.catalog.write_text("hello" * 500)),
        "is damaged: file is not a database",
    ),
    "catalog empty": (lambda data: (data.report_csv.unlink(), data.catalog.write_text("")), "another scrapbag"),
    "catalog beside a report": (lambda data: data.catalog.write_text("hello" * 500), "file is not a database"),
    "images gone": (lambda data: shutil.rmtree(data.images), "kept 9"),
    "squares gone": (lambda data: shutil.rmtree(data.curated), "kept 9"),
    "squares no pictures": (lambda data: [cut(path, 60) for path in data.curated.iterdir()], "kept 9"),
    "pack damaged": (
        lambda data: (
            (data.packed / "x").mkdir(parents=True),
            (data.packed / "x" / "index.json").write_text('{"names": 3}'),
        ),
        "kept 9",
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    shelf(root)
    return root


@pytest.fixture
def one(whole: Path, tmp_path: Path) -> Shelf:
    """A shelf to do harm to."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return Shelf(tmp_path / "data", tmp_path / "runs")


def answers(client: FlaskClient) -> str:
    """Every page, and every picture on it; none may fail. The words of all of them."""
    said, srcs = "", set[str]()
    for page in PAGES:
        answer = client.get(page, headers=HOST)
        assert answer.status_code in {200, 404}, (page, answer.text)
        assert answer.status_code == 200 or page != "/"
        said += html.unescape(
            re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script)>.*?</\1>", "", answer.text, flags=re.DOTALL))
        )
        srcs.update(re.findall(r'<img [^>]*?src="([^"]+)"', answer.text))
    for src in sorted(srcs):
        assert client.get(html.unescape(src), headers=HOST).status_code == 200, src
    return " ".join(said.split())


@pytest.mark.parametrize(("harm", "sentence"), RUNS.values(), ids=RUNS)
def test_a_run_of_any_kind_is_shown_or_is_a_sentence(one: Shelf, harm: Callable[[Run], object], sentence: str) -> None:
    client = server.application(one).test_client()
    for page in PAGES:
        client.get(page, headers=HOST)  # what is remembered of it is of before
    harm(Run(one.runs / "quilts"))
    said = answers(client)
    assert sentence in said
    assert "second stopped 9,000 images seen" in said


@pytest.mark.parametrize(("harm", "sentence"), DATASETS.values(), ids=DATASETS)
def test_a_dataset_of_any_kind_is_shown_or_is_a_sentence(
    one: Shelf, harm: Callable[[Data], object], sentence: str
) -> None:
    client = server.application(one).test_client()
    for page in PAGES:
        client.get(page, headers=HOST)
    harm(Data(one.data / "quilts"))
    said = answers(client)
    assert sentence in said
    assert "second stopped 9,000 images seen" in said


def test_names_that_no_page_can_write_and_folders_that_are_not_there(one: Shelf) -> None:
    os.mkdir(os.fsencode(one.runs) + b"/bad\xff")  # noqa: PTH102  a name that is no text
    (one.runs / "circle").symlink_to(one.runs / "circle")
    (one.runs / "two\nlines").mkdir()
    assert "Runs 3" in answers(server.application(one).test_client())
    shutil.rmtree(one.runs)
    shutil.rmtree(one.data)
    said = server.application(one).test_client().get("/", headers=HOST).text
    assert "No run is in" in said
    assert "No dataset is in" in said


def test_a_folder_beside_the_datasets_that_is_none_is_not_shown(one: Shelf) -> None:
    (one.data / "demo-shop" / "pictures").mkdir(parents=True)
    (one.data / "begun" / "settings").mkdir(parents=True)
    front = server.application(one).test_client().get("/", headers=HOST).text
    assert "begun" in front
    assert "demo-shop" not in front
