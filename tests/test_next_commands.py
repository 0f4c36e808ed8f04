"""Every command that is handed over can be pasted: it names the dataset that it was said of, wherever it was said."""

from __future__ import annotations

import ast
import html
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from making import READY, ROOT, environment, make
from workshop import Workshop

from docs.reading import PACKAGES, targets
from gan.evaluate import report
from scrapbag.layout import Data, Run
from scrapbag.make.command import OF_A_DATASET, last_call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VALUE = r"(?:'[^']*'|\"'\"|[^\s'\"·,;:)<&`$]+)+"  # as shlex.quote writes one
COMMAND = re.compile(rf"\bmake (?:{'|'.join(OF_A_DATASET)})\b(?: [A-Z_]+={_VALUE})*")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
DOORS = [ROOT / package / "__main__.py" for package in ("spiders", "curate", "gan", "show")]
TEMPLATES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("templates/*"))]
BARE = (
    "setup",
    "demo",
    "real",
    "start",
    "gallery",
    "tensorboard",
    "test",
    "doctor",
    "completion",
    "bench",
    "coverage",
    "docs",
    "docs-tables",
    "strip",
    "lint",
    "help",
)


class Talk(Workshop):
    """A workshop whose recipe has a name that a shell would take apart; and what its first curation printed.

    Nothing is trained: the run's page is written from what there is, and the last line of `make train` is looked at in
    test_make.py.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.recipe = self.recipe.rename(folder / "tiny's_&_mine;.toml")
        self.said = printed(self, "curate")
        report.write(Run(self.run))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(tmp_path_factory.mktemp("next"))


def printed(workshop: Workshop, *words: str) -> str:
    done = make(workshop.command(*words))
    return done.stdout + done.stderr


def module(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    return done.stdout + done.stderr


def acts_on_it(command: str, workshop: Talk) -> None:
    """Paste it, with -n: every stage that it would start is given the folders of this workshop."""
    ready = " ".join(map(shlex.quote, (*READY, "--no-print-directory", "-n")))
    done = subprocess.run(
        ["sh", "-c", f"{command} {ready}"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stderr)
    folders = set(re.findall(r"--(?:data|run) '([^']*)'", done.stdout))
    assert folders, (command, done.stdout)
    assert folders <= {str(workshop.data), str(workshop.run)}, command


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_what_stages_print_can_be_pasted(workshop: Talk) -> None:
    data, run = f"--data={workshop.data}", f"--run={workshop.run}"
    said = workshop.said
    for words in (("scrape", "SITE=nobody"), ("report",), ("status",), ("sample",)):
        said += printed(workshop, *words)
    said += module("curate", "labels", data) + module("gan", "evaluate", run)
    (workshop.data / "curated").rename(workshop.data / "away")
    said += module("curate", "export", data, "--as=zip")
    (workshop.data / "away").rename(workshop.data / "curated")
    commands = {match[0] for match in COMMAND.finditer(said)}
    assert {command.split()[1] for command in commands} >= {"curate", "train", "review"}
    for command in commands:
        assert " RECIPE=" in command, said
        acts_on_it(command, workshop)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["data/report/report.html", "run/report.html"])
def test_what_pages_show_can_be_pasted(workshop: Talk, page: str) -> None:
    text = html.unescape((workshop.data.parent / page).read_text(encoding="utf-8"))
    shown = re.findall(r"<code[^>]*>(make [^<]*)</code>", text)
    assert len(shown) >= 1, page
    for command in shown:
        assert " RECIPE=" in command
        acts_on_it(command, workshop)
    bare = [one for one in COMMAND.findall(text) if "RECIPE=" not in one]
    assert not bare


@pytest.mark.slow
def test_the_review_page_and_a_second_one_name_whole_commands(workshop: Talk) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "curate", "review", f"--data={workshop.data}", f"--port={port}"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                text = html.unescape(answer.read().decode())
            second = workshop.data.with_name("second")
            shutil.copytree(workshop.data, second)
            taken = module("curate", "review", f"--data={second}", f"--port={port}")
        finally:
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=30)[0]
    assert f"PORT={port}" in next(one for one in COMMAND.findall(text) if "make review" in one)
    assert f"port {port} is taken" in taken
    assert "PORT=0" in COMMAND.findall(taken)[0]
    for command in [*COMMAND.findall(text), *COMMAND.findall(rest)]:
        acts_on_it(command, workshop)


@pytest.mark.slow
def test_every_command_in_the_sources_can_be_pasted_once_it_is_whole(workshop: Talk) -> None:
    """The net under the other tests: sentences that are hard to provoke."""
    call = last_call(Data(workshop.data))
    assert last_call(Run(workshop.run)) == call
    found = {command for path in SOURCES for text in _spoken(path) for command in COMMAND.findall(text)}
    assert len(found) > 5
    for command in found:
        acts_on_it(call.complete(command), workshop)


@pytest.mark.parametrize("path", DOORS, ids=lambda path: path.parent.name)
def test_no_stage_prints_a_command_that_was_not_made_whole(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # main alone knows no dataset yet
    doors = [one for one in tree.body if not (isinstance(one, ast.FunctionDef) and one.name == "main")]
    calls = [node for door in doors for node in ast.walk(door) if isinstance(node, ast.Call)]
    exits = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "exits"]
    assert exits
    assert all("complete" in ast.unparse(one) for one in exits), "errors are completed too"
    for one in calls:
        if isinstance(one.func, ast.Attribute) and one.func.attr == "echo" and COMMAND.search(ast.unparse(one)):
            assert ".complete(" in ast.unparse(one), ast.unparse(one)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_command_of_its_own(path: Path) -> None:
    assert not COMMAND.findall(path.read_text(encoding="utf-8"))


def test_every_target_of_one_dataset_is_known_as_such() -> None:
    assert set(OF_A_DATASET) == targets().keys() - set(BARE)


def _spoken(path: Path) -> Iterator[str]:
    """Every text in a module that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value
