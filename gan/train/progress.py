"""What a run shows while it trains: a bar, metrics.csv, grids of fixed latents, TensorBoard where it is installed."""

from __future__ import annotations

import importlib
import logging
import tomllib
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from gan.pictures import grids
from gan.pictures.batches import to_bytes
from scrapbag.disk import write_text
from scrapbag.layout import metrics_rows
from scrapbag.plain import write_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from torch import Tensor

    from scrapbag.layout import Run

log = logging.getLogger(__name__)

ROW_S = 5.0  # of training between lines of metrics.csv
GRID_S = 20.0  # between grids, growing to a tenth of the training time
COLLAPSED = 0.1  # of the reals' standard deviation
YOUNG = 10_000  # images seen, before which nobody expects variety and nothing is judged


@dataclass(frozen=True)
class MetricsRow:
    """One line of metrics.csv."""

    images_seen: int  # by D, counted with repeats
    seconds: float  # of training, over all resumes
    images_per_s: float  # of this step
    loss_d: float  # of this step, the penalty not counted
    loss_g: float  # of this step
    accuracy: float  # this and the next two: see balance.StepMetrics
    sign: float
    penalty: float
    p: float  # probability of augmentation
    gamma: float  # weight of the penalty
    rate: float  # learning rate of G
    pictures: int  # training pictures that are drawn from
    spread: float | None = None  # standard deviation of the fixed grid over that of reals; under 0.1 samples look alike


class Progress:
    """Shows a run, and changes nothing of it.

    `draw` makes the fixed grid's pictures, `real_std` is grids.pixel_std of real ones; `budget` and `spent` are both in
    images or both in minutes; `outputs` gives D's logits of real and of generated pictures, for TensorBoard.
    """

    def __init__(
        self,
        run: Run,
        draw: Callable[[], Tensor],
        real_std: float,
        budget: float,
        spent: float,
        outputs: Callable[[], dict[str, Tensor]] = dict,
    ) -> None:
        self._run, self._draw, self._real_std, self._outputs = run, draw, real_std, outputs
        self._bar = tqdm(
            total=round(budget, 2), initial=round(min(spent, budget), 2), desc="train", disable=None,
            bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
        )  # fmt: skip
        self._next_row = self._next_grid = 0.0
        self._alarmed = False
        self._board = board(run)
        if self._board is not None and run.settings.exists():
            text = run.settings.read_text(encoding="utf-8")
            self._board.add_text("settings", f"```\n{text}\n```", 0)
            _note_values(self._board, tomllib.loads(text))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._board is not None:
            self._board.close()

    def show(self, row: MetricsRow, spent: float, *, last: bool = False) -> bool:
        """Show a step where it is time to, and the `last` one; returns whether a grid was drawn."""
        due = last or row.seconds >= self._next_grid
        if due:
            self._next_grid = row.seconds + max(GRID_S, row.seconds / 10)
            row = replace(row, spread=self._grid(row.images_seen))
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
        if self._board is not None:
            sheet = np.asarray(grids.sheet(to_bytes(pictures)))
            self._board.add_image("samples", sheet, images_seen, dataformats="HWC")
            for name, logits in self._outputs().items():
                self._board.add_histogram(f"D of {name} pictures", logits, images_seen)
        spread = grids.pixel_std(pictures) / self._real_std
        if spread < COLLAPSED and not self._alarmed and images_seen >= YOUNG:
            self._alarmed = True
            log.warning(
                "the samples look alike (%.0f %% of the pictures' standard deviation): G may have collapsed; see %s",
                100 * spread, self._run.fakes(images_seen // 1000),
            )  # fmt: skip
        return spread


class Unseen:
    """What a process shows that does not lead its run."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def show(self, row: MetricsRow, spent: float, *, last: bool = False) -> bool:  # noqa: ARG002
        """Nothing."""
        return False


def append(run: Run, row: MetricsRow) -> None:
    """Add a line to metrics.csv, and the header to a new file."""
    new = not run.metrics.exists()
    with run.metrics.open("a", newline="", encoding="utf-8") as file:
        write_csv(file, [f.name for f in fields(MetricsRow)] if new else [], [map(_short, astuple(row))])


def rewind(run: Run, images_seen: int) -> None:
    """Delete lines and grids from after a checkpoint: a killed run had got further than where it is resumed."""
    lines = metrics_rows(run)
    for path, kimg in run.grids().items():
        if kimg > images_seen // 1000:
            path.unlink()
    if run.metrics.exists():
        names = [f.name for f in fields(MetricsRow)]
        kept = [[line.get(name, "") for name in names] for line in lines if int(line["images_seen"]) <= images_seen]
        write_text(run.metrics, "".join(",".join(line) + "\n" for line in [names, *kept]))


def close(run: Run, images_seen: int, row: MetricsRow | None) -> None:
    """Let metrics.csv end where a run that was stopped did: `row` is of that step, if any is known."""
    rewind(run, images_seen)
    if row is not None and (not (lines := metrics_rows(run)) or int(lines[-1]["images_seen"]) < images_seen):
        append(run, row)


def _short(value: float | None) -> float | None:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _note_values(board: Any, settings: dict[str, Any]) -> None:
    """The preset's values as TensorBoard's hyperparameters, by which it sorts and compares runs.

    Not by its add_hparams, which opens a folder of its own for each call.
    """
    values = {name: str(one) if isinstance(one, list) else one for name, one in settings.get("values", {}).items()}
    known = {"row": settings.get("row", ""), "size": settings.get("size", 0), **values}
    summary = importlib.import_module("torch.utils.tensorboard.summary")
    for one in summary.hparams(known, dict.fromkeys(("loss_d", "loss_g", "spread"), 0.0)):
        board.file_writer.add_summary(one)


def board(run: Run, part: str = "") -> Any:
    """TensorBoard's SummaryWriter into RUN/tensorboard, or None where the extra is not installed.

    Of the files in one folder TensorBoard follows the newest alone, so what has a writer of its own is a `part`.
    """
    try:
        importlib.import_module("tensorboard")
    except ImportError:
        return None
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter
    return writer(str(run.root / "tensorboard" / part))
