"""The three files of data/<name>/report that say what was decided: report.csv, sweep.csv, report.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.report import page, report_csv
from curate.report import sweep as sweeps
from scrapbag.disk import write_text

if TYPE_CHECKING:
    from curate.rows import Outcome
    from scrapbag.layout import Data


def write(outcome: Outcome, data: Data) -> None:
    """Write them, each whole and only if it changed, the page last."""
    steps = sweeps.sweep(outcome.rows, outcome.labels)
    report_csv.write(data.report / "report.csv", outcome.rows)
    sweeps.write(data.report / "sweep.csv", [*steps, *sweeps.certified(outcome)])
    write_text(data.report / "report.html", page.render(outcome, steps, data))
