"""What curate decided by, and how many pictures became what: files for later stages and for make status."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scrapbag.check import build
from scrapbag.disk import write_text
from scrapbag.errors import MissingError, UsageError

if TYPE_CHECKING:
    from scrapbag.layout import Data


@dataclass(frozen=True)
class Decision:
    """A picture is kept as the target from a confidence of `cut` on.

    The confidence is the sum of the activated `outputs`. Where there is a `prior`, the softmax of each output is first
    multiplied by its prior and divided by the sum over all outputs (curate/model/prior.py).
    """

    model: str  # as in the recipe
    activation: str  # of its logits: softmax | sigmoid
    targets: tuple[str, ...]  # in words
    outputs: tuple[int, ...]  # positions of the model's outputs that they stand for
    cut: float  # 0 to 1
    ranker: bool = False  # a ranker fitted to answers chose the pictures; it knows no others, so `cut` is THRESH
    prior: tuple[float, ...] = ()  # of each output, up to one factor; () where confidences are not corrected


@dataclass(frozen=True)
class Counted:
    """What report.csv comes to."""

    rows: int
    kept: int
    dropped: dict[str, int]  # by first reason
    ranked: bool  # whether any row has a confidence
    certified: bool  # whether any has a certificate


def write_counts(data: Data, counted: Counted) -> None:
    """Write report/counts.json for the report.csv that is there now."""
    write_text(data.counts, json.dumps(asdict(counted) | {"of": _stamp(data)}) + "\n")


def counted(data: Data) -> Counted:
    """What `write_counts` left; counted anew where report.csv is another one since."""
    try:
        table = json.loads(data.counts.read_bytes())
        if table.pop("of") == _stamp(data):
            return Counted(**table)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # an older scrapbag wrote none, or it is damaged
        pass
    reasons, rows, kept, ranked, certified = Counter[str](), 0, 0, False, False
    with data.report_csv.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            rows += 1
            if row["kept"].lower() == "true":
                kept += 1
            else:
                reasons[row["reason"]] += 1
            ranked = ranked or bool(row.get("confidence"))
            certified = certified or bool(row.get("certificate"))
    return Counted(rows, kept, dict(reasons), ranked, certified)


def _stamp(data: Data) -> list[int]:
    """Size and date of report.csv, which is never written in place."""
    there = data.report_csv.stat()
    return [there.st_size, there.st_mtime_ns]


def write(data: Data, decision: Decision | None) -> None:
    """Write report/decision.json, or delete it where no classifier decided."""
    if decision is None:
        data.decision.unlink(missing_ok=True)
    else:
        write_text(data.decision, json.dumps(asdict(decision)) + "\n")


def read(data: Data) -> Decision:
    """What `write` left. Raises MissingError where there is none, UsageError where it is damaged."""
    try:
        table = json.loads(data.decision.read_bytes())
    except FileNotFoundError:
        raise MissingError(
            f"there is no {data.decision}, which make curate writes where a classifier chooses the pictures"
        ) from None
    except ValueError as error:
        raise UsageError(f"{data.decision} is damaged ({error}); run make curate again") from None
    if not isinstance(table, dict):
        raise UsageError(f"{data.decision} is damaged (it is no table); run make curate again")
    return build(Decision, table, str(data.decision))
