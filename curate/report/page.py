"""report.html: one page that carries everything it shows and asks nobody for anything."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from curate.report import charts, sheets
from curate.report.sweep import can_flip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curate.report.sweep import Step
    from curate.rows import Outcome
    from scrapbag.layout import Data


def render(outcome: Outcome, steps: Sequence[Step], data: Data) -> str:
    """The page as HTML. `steps` is the sweep of the same rows; pictures are read from `data` once and cached there."""
    rows = outcome.rows
    groups, group_count = sheets.copies(data, rows)
    tiles = sheets.around(data, rows, outcome.threshold)
    bars = charts.histogram(rows)
    style, script = _source("report.css"), _source("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            name=data.root.resolve().name,
            outcome=outcome,
            found=len(rows),
            kept=outcome.kept,
            threshold=_number(outcome.threshold),
            promise=_promise(outcome),
            asked=_number(outcome.settings.threshold),
            funnel=charts.funnel(rows),
            bars=bars,
            above=[t for t in tiles if (t.confidence or 0.0) >= outcome.threshold],
            below=[t for t in reversed(tiles) if (t.confidence or 0.0) < outcome.threshold],
            nearest=sheets.NEAREST,
            swayed=sum(map(can_flip, rows)),
            sheet=sheets.kept(data, rows),
            dropped=sheets.dropped(data, rows),
            first_reasons={reason for reason, _ in charts.reasons(rows)},
            groups=groups,
            group_count=group_count,
            sources=charts.first_of(charts.sources(rows)),
            licences=charts.first_of(charts.licences(rows)),
            tables=_tables(outcome),
            facts=_facts(outcome, steps),
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704  our own files, and the policy admits no others
            script=Markup(script),  # noqa: S704
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("curate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def _policy(style: str, script: str) -> str:
    """Nothing from anywhere, pictures only from the page itself, and no style or script but these two."""
    one, other = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in (style, script))
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{one}'; script-src 'sha256-{other}';"
        " base-uri 'none'; form-action 'none'"
    )


def _facts(outcome: Outcome, steps: Sequence[Step]) -> dict[str, Any]:
    """What the slider needs: by hundredths of the threshold, how many would be kept, and how certain that is."""
    return {
        "threshold": outcome.threshold,
        "now": outcome.kept,
        "kept": [step.kept for step in steps],
        "certified": [step.certified for step in steps],
        "answers": [step.answers for step in steps],
        "nearest": sheets.NEAREST,
        "by": "BY=prob " if outcome.by == "precision" else "",
    }


def _promise(outcome: Outcome) -> str:
    lower = getattr(outcome.certificate, "lower", None)
    sure = f"at least {100 * lower:.1f} %" if isinstance(lower, float) else f"at least {outcome.settings.threshold:.0%}"
    return f"{sure} of what is kept is what you wanted (95 % sure)."


def _tables(outcome: Outcome) -> list[tuple[str, list[tuple[str, str]]]]:
    scores = _fields(outcome.score, "forward_passes")  # these say something of the run, not of the scores
    if scores:
        scores.append(("ranked by", outcome.ranked_by))
    if outcome.changed is not None:
        scores.append(("arithmetic", f"fp32 scores of the same weights would change {outcome.changed:,} decisions"))
    tables = [
        ("Settings", _fields(outcome.settings)),
        ("Scores", scores),
        ("Certificate", _fields(outcome.certificate)),
    ]
    return [(title, facts) for title, facts in tables if facts]


def _fields(part: Any, *hidden: str) -> list[tuple[str, str]]:
    """The fields of a dataclass as they are read; none of None."""
    if part is None:
        return []
    names = [field.name for field in dataclasses.fields(part) if field.name not in hidden]
    return [(name.replace("_", " "), _value(getattr(part, name))) for name in names]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """Two decimals, more only where they matter."""
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.4f}"
