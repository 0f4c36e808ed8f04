"""sweep.csv: how many pictures every cut from 0 to 1 would keep, and what answers certify of these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from curate.report.report_csv import csv
from scrapbag.disk import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from curate.rows import Outcome, Row

CUT_REASONS = frozenset({"off_target", "low_confidence"})  # what another cut can change
STEPS = 100
_METHOD = "hedged betting confidence sequences, all thresholds at once"
_CUTS = np.arange(STEPS + 1).astype(np.float32) / np.float32(STEPS)


@dataclass(frozen=True)
class Step:
    """One cut. Columns of sweep.csv are these fields."""

    threshold: float  # the cut, 0 to 1, by the name that its column has on disk
    kept: int
    certified: float | None  # lower bound of the precision of what it keeps; all hold at once; None: no answers
    answers: int | None = None  # drawn from what it keeps
    errors: int | None = None  # of these
    method: str = ""  # of the bound
    labels: str = ""  # hash of all answers that were drawn for these scores


def sweep(rows: Sequence[Row], labels: str = "") -> tuple[Step, ...]:
    """What each hundredth would keep, computed from the rows of one decision: nothing is scored or decided anew."""
    swayed = sorted((row for row in rows if can_flip(row)), key=lambda row: row.confidence or 0.0)
    confidences = np.array([row.confidence for row in swayed], dtype=np.float32)  # as they were decided on
    anyway = sum(r.kept and not can_flip(r) for r in rows)
    evidence = [(row.certified, row.certified_answers, row.certified_errors) for row in swayed]
    evidence.append((None, None, None))
    return tuple(
        Step(
            hundredth / STEPS,
            anyway + len(swayed) - first,
            *evidence[first],
            *((_METHOD, labels) if evidence[first][0] is not None else ()),
        )
        for hundredth, first in enumerate(np.searchsorted(confidences, _CUTS).tolist())
    )


def can_flip(row: Row) -> bool:
    """Whether the cut alone decides on a row: it has a confidence, nobody said yes, and no other rule failed."""
    failed = set(filter(None, row.reasons.split("; ")))
    return row.confidence is not None and row.answer != "yes" and failed <= CUT_REASONS


def certified(outcome: Outcome) -> tuple[Step, ...]:
    """The certificate as a step of its own, because its cut need not be a hundredth; () without one."""
    one = outcome.certificate
    if one is None:
        return ()
    return (Step(one.cut, outcome.kept, one.lower, one.n, one.errors, one.method, one.labels),)


def write(path: Path, steps: Sequence[Step]) -> bool:
    """Write sweep.csv, whole, and only if something changed. Returns whether it did."""
    return write_text(path, csv(_frame(sorted(steps, key=attrgetter("threshold")))))


def _frame(steps: Sequence[Step]) -> pd.DataFrame:
    return pd.DataFrame([asdict(step) for step in steps]).astype({"answers": "Int64", "errors": "Int64"})
