"""sweep.csv: how many pictures every threshold from 0 to 1 would keep, certified or not."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from curate.report_csv import csv
from scrapbag.layout import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from curate.rows import Row

THRESHOLD_REASONS = frozenset({"off_target", "low_confidence"})  # what another threshold can change
STEPS = 100


@dataclass(frozen=True)
class Step:
    """One threshold of the confidence. Columns of sweep.csv are these fields."""

    threshold: float
    kept: int
    certified: float | None  # 95 % lower bound of the precision of what it keeps; None: uncertified


def sweep(rows: Sequence[Row]) -> tuple[Step, ...]:
    """The outcome of each hundredth, from the rows of one decision: nothing is scored or decided anew."""
    swayed = sorted((r.confidence, r.certified) for r in rows if r.confidence is not None and can_flip(r))
    confidences = [confidence for confidence, _ in swayed]
    anyway = sum(r.kept and not can_flip(r) for r in rows)
    steps = []
    for hundredth in range(STEPS + 1):
        threshold = hundredth / STEPS
        first = bisect_left(confidences, threshold)
        certified = swayed[first][1] if first < len(swayed) else None
        steps.append(Step(threshold, anyway + len(swayed) - first, certified))
    return tuple(steps)


def can_flip(row: Row) -> bool:
    """Whether the threshold alone decides on a row: it has a confidence, no person spoke, and no other rule failed."""
    failed = set(filter(None, row.reasons.split("; ")))
    return row.confidence is not None and row.answer != "yes" and failed <= THRESHOLD_REASONS and row.state == "done"


def write(path: Path, steps: Sequence[Step]) -> bool:
    """Write sweep.csv, whole, and only if something changed. Returns whether it did."""
    return write_text(path, csv(pd.DataFrame([asdict(step) for step in steps])))
