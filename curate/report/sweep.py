"""sweep.csv: how many pictures every cut from 0 to 1 would keep, and what answers certify of these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from curate.report import cells
from curate.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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


_COLUMNS = pa.schema(
    {"threshold": pa.float64(), "kept": pa.int64(), "certified": pa.float64(), "answers": pa.int64()}
    | {"errors": pa.int64(), "method": pa.string(), "labels": pa.string()}
)


def sweep(rows: Sequence[Row], labels: str = "") -> tuple[Step, ...]:
    """What each hundredth would keep, computed from the rows of one decision: nothing is scored or decided anew."""
    known = Rows.of(rows)
    flips = can_flip(known)
    swayed = np.flatnonzero(flips)
    swayed = swayed[np.argsort(known.numbers("confidence")[swayed], kind="stable")]
    confidences = known.numbers("confidence")[swayed].astype(np.float32)  # as they were decided on
    anyway = int((known.flags("kept") & ~flips).sum())
    first = np.searchsorted(confidences, _CUTS)
    names = ["certified", "certified_answers", "certified_errors"]
    some = known.table.select(names).take(pa.array(swayed[first[first < len(swayed)]])).to_pylist()
    evidence = [tuple(one.values()) for one in some] + [(None, None, None)] * int((first >= len(swayed)).sum())
    return tuple(
        Step(
            hundredth / STEPS,
            anyway + len(swayed) - start,
            *evidence[hundredth],
            *((_METHOD, labels) if evidence[hundredth][0] is not None else ()),
        )
        for hundredth, start in enumerate(first.tolist())
    )


def can_flip(rows: Rows) -> NDArray[np.bool_]:
    """Whether the cut alone decides on a row: it has a confidence, nobody said yes, and no other rule failed: (N,)."""
    codes, reasons = rows.words("reasons")
    flips = np.array([{*filter(None, one.split("; "))} <= CUT_REASONS for one in reasons], dtype=bool)[codes]
    answer, words = rows.words("answer")
    yes = np.array([word == "yes" for word in words], dtype=bool)[answer]
    return np.asarray(flips & ~yes & ~np.isnan(rows.numbers("confidence")))


def certified(outcome: Outcome) -> tuple[Step, ...]:
    """The certificate as a step of its own, because its cut need not be a hundredth; () without one."""
    one = outcome.certificate
    if one is None:
        return ()
    return (Step(one.cut, outcome.kept, one.lower, one.n, one.errors, one.method, one.labels),)


def write(path: Path, steps: Sequence[Step]) -> bool:
    """Write sweep.csv, whole, and only if something changed. Returns whether it did."""
    ordered = sorted(steps, key=attrgetter("threshold"))
    return cells.write(path, pa.Table.from_pylist([asdict(step) for step in ordered], _COLUMNS))
