"""What a run shows while it goes: a bar, metrics.csv, grids on one fixed seed, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import importlib
import io
import logging
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from gan.pictures import grids
from scrapbag.disk import write_text
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from torch import Tensor

    from scrapbag.layout import Run

log = logging.getLogger(__name__)

ROW_S = 5.0
GRID_S = 20.0
COLLAPSED = 0.1  # of the reals' spread
YOUNG = 10_000  # images until which nobody expects variety


@dataclass(frozen=True)
class Row:
    """One line of metrics.csv."""

    images_seen: int
    seconds: float
    images_per_s: float
    loss_d: float
    loss_g: float
    accuracy: float
    sign: float
    penalty: float
    p: float
    gamma: float
    rate: float
    pictures: int
    spread: float | None = None  # of the fixed grid over the reals'; below a tenth all samples look alike


class Progress:
    """Shows a run. It only looks: nothing here changes what is trained.

    `reals` is the spread of real pictures; `draw` makes the fixed grid's pictures.
    """

    def __init__(self, run: Run, draw: Callable[[], Tensor], spread: float, budget: float, seen: float) -> None:
        self._run, self._draw, self._reals = run, draw, spread
        self._bar = tqdm(
            total=round(budget, 2), initial=round(min(seen, budget), 2), desc="train", disable=None,
            bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
        )  # fmt: skip
        self._next_row = self._next_grid = 0.0
        self._alarmed = False
        self._board = _tensorboard(run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._board is not None:
            self._board.close()

    def show(self, row: Row, spent: float, *, last: bool = False) -> bool:
        """Look at a step, if it is time to; returns whether a grid was drawn. `spent` is of the budget."""
        due = last or row.seconds >= self._next_grid
        if due:
            self._next_grid = row.seconds + max(GRID_S, row.seconds / 10)
            row = Row(**{**asdict(row), "spread": self._grid(row.images_seen)})
        if due or row.seconds >= self._next_row:
            self._next_row = row.seconds + ROW_S
            append(self._run, row)
            self._bar.n = min(round(spent, 2), self._bar.total or 0)
            self._bar.set_postfix_str(
                f"{row.images_seen / 1000:.1f} kimg, {row.images_per_s:.1f} images/s, "
                f"D {row.loss_d:.3f}, G {row.loss_g:.3f}"
            )
            if self._board is not None:
                for name, value in asdict(row).items():
                    if value is not None:
                        self._board.add_scalar(name, value, row.images_seen)
        return due

    def _grid(self, images_seen: int) -> float:
        pictures = self._draw()
        grids.save(self._run.fakes(images_seen // 1000), pictures)
        spread = grids.spread(pictures) / self._reals
        if spread < COLLAPSED and not self._alarmed and images_seen >= YOUNG:
            self._alarmed = True
            log.warning(
                "the samples look alike (%.0f %% of the pictures' spread): G may have collapsed; see %s",
                100 * spread, self._run.fakes(images_seen // 1000),
            )  # fmt: skip
        return spread


def append(run: Run, row: Row) -> None:
    new = not run.metrics.exists()
    with run.metrics.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(f.name for f in fields(Row))
        writer.writerow(_short(value) for value in asdict(row).values())


def rows(run: Run) -> list[dict[str, str]]:
    """The lines of metrics.csv; one that a kill cut off is none. Raises UsageError when the file is damaged."""
    if not run.metrics.exists():
        return []
    try:
        whole = run.metrics.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = list(csv.DictReader(io.StringIO(whole)))
        for line in lines:
            int(line["images_seen"])
            for value in line.values():
                float(value or 0)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"{run.metrics} is damaged ({error}); take the wrong line out or move it away") from None
    return lines


def rewind(run: Run, images_seen: int) -> None:
    """Forget the lines and grids after a checkpoint: a killed run had got further than what it goes on from."""
    lines = rows(run)
    for path in grids.drawn(run):
        if int(path.stem.removeprefix("fakes-")) > images_seen // 1000:
            path.unlink()
    if run.metrics.exists():
        names = [f.name for f in fields(Row)]
        kept = [[line.get(name, "") for name in names] for line in lines if int(line["images_seen"]) <= images_seen]
        write_text(run.metrics, "".join(",".join(line) + "\n" for line in [names, *kept]))


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _tensorboard(run: Run) -> Any:
    """A SummaryWriter, or None where the extra is not installed."""
    try:
        importlib.import_module("tensorboard")
    except ImportError:
        return None
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
    return writer(str(run.root / "tensorboard"))
