"""report.html, one page that carries everything it shows and loads nothing; and the tables that go with it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.report import charts, sheets, summary, sweep
from scrapbag import decision
from scrapbag.disk import write_text
from scrapbag.make.command import last_call
from scrapbag.plain import digits, down
from scrapbag.reasons import PASSED
from scrapbag.tables import passed_over
from scrapbag.web import page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from curate.report.sweep import Step
    from curate.rows import Outcome, Rows
    from scrapbag.layout import Data


def write(outcome: Outcome, data: Data, tables: Callable[[], None]) -> None:
    """Write sweep.csv and report.html, each whole and only if it changed, the page last.

    `tables` returns when report.csv and report.parquet are written, which another thread may be at meanwhile.
    """
    steps = sweep.sweep(outcome.rows, outcome.labels)
    content = render(outcome, steps, data)
    tables()
    decision.write_counts(data, _counted(outcome.rows))
    sweep.write(data.sweep_csv, [*steps, *sweep.certified(outcome)])
    write_text(data.report_html, content)


def _counted(rows: Rows) -> decision.Counted:
    return decision.Counted(
        rows=len(rows),
        kept=int(rows.flags("kept").sum()),
        dropped=dict(charts.reasons(rows)),
        ranked=not bool(np.isnan(rows.numbers("confidence")).all()),
        certified=rows.words("certificate")[1] not in ([], [""]),
    )


def render(outcome: Outcome, steps: Sequence[Step], data: Data) -> str:
    """The page as HTML. `steps` is the sweep of the same rows; pictures are read from `data` once and cached there."""
    rows = outcome.rows
    groups, group_count = sheets.groups(data, rows)
    call = last_call(data)
    cut = 0.0 if outcome.cut is None else outcome.cut  # without a classifier no row has a confidence
    tiles = sheets.around(data, rows, cut)
    return page.render(
        "curate.report",
        "report.html.j2",
        style=("base.css", "report.css"),
        script="report.js",
        name=data.root.resolve().name,
        outcome=outcome,
        found=len(rows),
        kept=outcome.kept,
        cut=cut,
        shown_cut=digits(cut),
        promise=_promise(outcome),
        given_up=summary.given_up(outcome),
        asked=digits(outcome.settings.threshold),
        funnel=charts.funnel(rows, outcome.passed),
        passed=passed_over.by_reason(outcome.passed),
        sentences=PASSED,
        bars=charts.histogram(rows),
        above=[t for t in tiles if (t.confidence or 0.0) >= cut],
        below=[t for t in reversed(tiles) if (t.confidence or 0.0) < cut],
        nearest=sheets.NEAREST,
        swayed=int(sweep.can_flip(rows).sum()),
        sheet=sheets.kept(data, rows),
        dropped=sheets.dropped(data, rows),
        first_reasons={reason for reason, _ in charts.reasons(rows)},
        groups=groups,
        group_count=group_count,
        sources=charts.first_of(charts.sources(rows)),
        licences=charts.first_of(charts.licences(rows)),
        tables=_tables(outcome),
        facts=_facts(outcome, steps) | {"command": call.make("curate")},
        make=call.make,
    )


def _facts(outcome: Outcome, steps: Sequence[Step]) -> dict[str, Any]:
    """What the slider needs: for each hundredth as the cut, how many would be kept, and how certain that is."""
    return {
        "cut": outcome.cut,
        "now": outcome.kept,
        "kept": [step.kept for step in steps],
        "certified": [step.certified for step in steps],
        "answers": [step.answers for step in steps],
        "nearest": sheets.NEAREST,
        "by": "BY=prob " if outcome.by == "precision" else "",
    }


def _promise(outcome: Outcome) -> str:
    lower = getattr(outcome.certificate, "lower", None)
    sure = f"at least {down(100 * (lower if isinstance(lower, float) else outcome.settings.threshold), 1)} %"
    return f"{sure} of what is kept is what you wanted (95 % sure)."


def _tables(outcome: Outcome) -> list[tuple[str, list[tuple[str, str]]]]:
    scores = _fields(outcome.score)
    if scores:
        scores.append(("ranked by", outcome.ranked_by))
    if outcome.share:
        scores.append(("looks like the target", f"about {outcome.share:.0%} of the readable pictures, copies once"))
    if outcome.correction:
        scores.append(("class prior", f"not corrected: {outcome.correction}"))
    if outcome.changed is not None:
        scores.append(("arithmetic", f"fp32 scores of the same weights would change {outcome.changed:,} decisions"))
    tables = [
        ("Settings", _fields(outcome.settings)),
        ("Scores", scores),
        ("Certificate", _fields(outcome.certificate)),
    ]
    return [(title, facts) for title, facts in tables if facts]


def _fields(part: Any) -> list[tuple[str, str]]:
    """The names and values of a dataclass's fields as people read them; [] of None."""
    if part is None:
        return []
    names = [field.name for field in dataclasses.fields(part)]
    return [(name.replace("_", " "), _value(getattr(part, name))) for name in names]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
