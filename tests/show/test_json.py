"""JSON=1 of status, report and verify: one object, keys that stay, and nothing else on standard output."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from making import READY, ROOT, environment
from report_rows import dataset, lost

from curate.__main__ import main
from curate.report import report_csv
from scrapbag.catalog import connect
from scrapbag.desk import status, verify
from scrapbag.layout import Data, Run

DOC = (ROOT / "docs" / "show.md").read_text(encoding="utf-8").partition("## For programs")[2]


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A dataset that was curated, and a run that was stopped."""
    monkeypatch.chdir(tmp_path)
    data, run = Data(Path("data/quilts")), Run(Path("runs/quilts"))
    connect(data.catalog, create=True).close()
    for folder in (data.settings, data.curated, data.export / "folder", data.images / "aa", run.root):
        folder.mkdir(parents=True)
    (data.images / "aa" / "aa.jpg").write_bytes(b"x")
    report_csv.write(data.report_csv, [*dataset(200), lost(999, "tls")])
    run.metrics.write_text("images_seen,seconds\n5000,60\n")
    os.utime(data.export / "folder", (5, 5))
    return data, run


def said(command, *words):
    done = CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False)
    table = json.loads(done.stdout)
    assert table["format"] == 1
    documented = set(re.findall(r"`(\w+)`", DOC))
    tables = [table, *table.get("datasets", [])]
    assert {key for one in tables for key in one} <= documented
    return table, done.exit_code


def test_status_says_where_each_dataset_stands(made):
    data, run = made
    table, code = said(status.main, "--data", str(data.root), "--run", str(run.root))
    (one,) = table["datasets"]
    assert code == 0
    rows = [*dataset(200), lost(999, "tls")]
    assert one["chosen"]["rows"] == len(rows)
    assert one["chosen"]["kept"] == sum(row.kept for row in rows)
    assert one["chosen"]["kept"] + sum(one["chosen"]["dropped"].values()) == len(rows)
    assert one["learnt"] == {"images_seen": 5000, "minutes": None, "finished": False}
    nothing = {"addresses": 0, "pictures": 0, "waiting": 0, "sources": {}, "not_fetched": {}}
    assert one["found"] == nothing | {"passed_over": [], "said": []}
    assert one["older_exports"] == ["folder"]
    assert one["next"] == "make train"
    assert one["advice"].startswith("make review")
    assert one["files"]["the same as a table"] == "data/quilts/report/report.csv"
    run.done.write_text(json.dumps({"images_seen": 6000, "seconds": 90}))
    table, _ = said(status.main)
    assert table["datasets"][0]["learnt"] == {"images_seen": 6000, "minutes": 1.5, "finished": True}
    data.report_csv.unlink()
    table, _ = said(status.main)
    assert (table["datasets"][0]["chosen"], table["datasets"][0]["learnt"]) == (None, None)
    data.catalog.unlink()
    assert said(status.main)[0]["datasets"][0]["found"] is None


def test_without_any_dataset_it_is_an_empty_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said(status.main)[0]["datasets"] == []


def test_report_counts_add_up(made):
    table, _ = said(main, "report", f"--data={made[0].root}")
    assert table["kept"] + sum(table["reasons"].values()) == table["rows"] == 201
    assert sum(one["rows"] for one in table["sources"].values()) == 201
    margins = [abs(one["margin"]) for one in table["nearest"]]
    assert len(margins) == 10
    assert margins == sorted(margins)
    assert set(table["nearest"][0]) <= set(re.findall(r"`(\w+)`", DOC))


def test_verify_lists_its_faults_and_ends_with_1(made):
    data, run = made
    (data.curated / "metadata.csv").write_text("file_name\n")
    words = ("--data", str(data.root), "--run", str(run.root))
    table, code = said(verify.main, *words)
    assert (code, table["whole"], len(table["faults"])) == (1, False, 1)
    assert set(table["faults"][0]) == {"where", "what", "heal"}
    (data.images / "aa" / "aa.jpg").unlink()
    table, code = said(verify.main, *words)
    assert (code, table["whole"], table["faults"]) == (0, True, [])


def test_make_passes_it_on_and_sends_what_stages_say_elsewhere():
    words = ["make", "--no-print-directory", *READY, "-n", "report", "RECIPE=recipes/demo.toml"]
    plain, asked = (
        subprocess.run([*words, *more], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True).stdout
        for more in ((), ("JSON=1",))
    )
    assert "--json" not in plain
    assert ">&2" not in plain
    stages = [
        line for line in asked.splitlines() if re.search(r"-m (spiders|scrapbag.settings|curate (score|curate))", line)
    ]
    assert len(stages) == 4
    assert all(line.endswith(">&2") for line in stages)
    assert re.search(r"-m curate report .* --json$", asked, re.MULTILINE)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_nothing_is_coloured_even_in_a_terminal(made, no_color):
    first, second = pty.openpty()
    words = [sys.executable, "-m", "scrapbag.desk.status", f"--data={made[0].root}", f"--run={made[1].root}"]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "NO_COLOR": no_color}
    subprocess.run(words, stdout=second, stderr=second, env=variables, check=True, timeout=60)
    os.close(second)
    shown = os.read(first, 65536)
    os.close(first)
    assert b"quilts" in shown
    assert b"\x1b[" not in shown
