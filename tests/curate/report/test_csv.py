import csv
import re
from dataclasses import fields, replace

import pandas as pd
import pytest
from making import ROOT
from report_rows import dataset, lost, row

from curate.report import report_csv
from curate.report.sweep import Step
from curate.rows import COLUMNS
from scrapbag.errors import MissingError, UsageError
from scrapbag.plain import plain


def documented(document, heading):
    """The names that open the rows of a section's table, and what stands beside them."""
    section = (ROOT / "docs" / document).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))


def test_every_column_is_documented_and_every_documented_column_is_there():
    assert list(documented("reference.md", "Columns of report.csv")) == list(COLUMNS)
    assert list(documented("report.md", "sweep.csv")) == [field.name for field in fields(Step)]


def test_rows_come_back_as_they_were(tmp_path):
    rows = (
        row(number=1, title="Löne “star”, 1890", margin=-0.25, confidence=0.1 + 0.2, tags="a, b"),
        row(number=7, kept=False, reason="human_reject", answer="no", confidence=None, panels=2),
        lost(3, "robots"),
    )
    report_csv.write(tmp_path / "report.csv", rows)
    assert report_csv.read(tmp_path / "report.csv") == rows


def test_kept_and_first_reasons_add_up_to_the_addresses_asked_for(tmp_path):
    report_csv.write(tmp_path / "report.csv", dataset(1000))
    with (tmp_path / "report.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 1000
    kept = [one for one in table if one["kept"] == "True"]
    dropped = [one for one in table if one["reason"]]
    assert kept
    assert len(kept) + len(dropped) == 1000
    assert not any(one["reason"] for one in kept)


def test_the_same_rows_give_the_same_bytes_and_an_unchanged_file_is_left_alone(tmp_path):
    path = tmp_path / "report.csv"
    assert report_csv.write(path, dataset(200))
    before = path.stat().st_mtime_ns
    assert not report_csv.write(path, dataset(200))
    assert path.stat().st_mtime_ns == before
    other = tmp_path / "other.csv"
    report_csv.write(other, report_csv.read(path))
    assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "title",
    ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1", " =1", "'=1", "\x00=1", "\u202e=1"],
    ids=repr,
)
def test_no_spreadsheet_computes_a_cell(tmp_path, title):
    path = tmp_path / "report.csv"
    report_csv.write(path, [row(title=title, creator=title, url=title, tags=title)])
    with path.open(newline="") as file:
        (one,) = csv.DictReader(file)
    for name in ("title", "creator", "url", "tags"):
        assert re.match(r"'+[=+\-@]", one[name])
    assert report_csv.read(path)[0].title == plain(title)


def test_a_negative_number_stays_a_number(tmp_path):
    path = tmp_path / "report.csv"
    report_csv.write(path, [row(margin=-0.5)])
    with path.open(newline="") as file:
        assert next(csv.DictReader(file))["margin"] == "-0.5"


def test_control_characters_are_taken_out(tmp_path):
    path = tmp_path / "report.csv"
    report_csv.write(path, [row(title="a\x1b[31mred\x07\u202eb\n\tc\x9bd\udc80e")])
    assert report_csv.read(path)[0].title == "a[31mredb cde"


def test_without_a_report_it_says_what_to_run(tmp_path):
    with pytest.raises(MissingError, match="make curate"):
        report_csv.read(tmp_path / "report.csv")


@pytest.mark.parametrize("content", ["", "number,kept\n1,True\n", "\x00\x01", "number,kept\nx,y\n"], ids=repr)
def test_a_report_of_another_kind_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "report.csv").write_text(content)
    with pytest.raises(UsageError, match="make curate again"):
        report_csv.read(tmp_path / "report.csv")


def test_an_empty_dataset_is_a_table_of_no_rows(tmp_path):
    report_csv.write(tmp_path / "report.csv", [])
    assert report_csv.read(tmp_path / "report.csv") == ()


def test_a_changed_row_changes_the_file(tmp_path):
    rows = dataset(50)
    report_csv.write(tmp_path / "report.csv", rows)
    assert report_csv.write(tmp_path / "report.csv", [replace(rows[0], title="else"), *rows[1:]])


def test_a_report_of_before_a_column_was_added_is_read_without_it(tmp_path):
    rows = (row(number=1, raw_confidence=None), row(number=7, kept=False, reason="blurry", raw_confidence=None))
    report_csv.write(tmp_path / "report.csv", rows)
    frame = pd.read_csv(tmp_path / "report.csv", dtype=str, keep_default_na=False)
    frame.drop(columns="raw_confidence").to_csv(tmp_path / "older.csv", index=False)
    assert report_csv.read(tmp_path / "older.csv") == rows
    frame.drop(columns="confidence").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(UsageError, match="other columns"):
        report_csv.read(tmp_path / "other.csv")
