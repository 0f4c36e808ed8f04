"""The loop's keeper: measures G at every grid and keeps the one of the smallest KID; quality.csv."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import torch

from gan.evaluate import features, metrics
from gan.evaluate.fidelity import reals_of
from gan.nets import networks
from gan.pictures import batches
from gan.sample import sample
from gan.train import checkpoint, progress
from scrapbag.disk import write_text
from scrapbag.errors import ScrapbagError, UsageError
from scrapbag.plain import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from gan.pictures.packing import Pixels
    from gan.train.job import Job
    from scrapbag.layout import Run

COUNT = 256  # samples


@dataclass(frozen=True)
class QualityRow:
    """One line of quality.csv: metrics of 256 samples, see gan/evaluate/metrics.py."""

    images_seen: int  # by D, counted with repeats
    kid: float  # kernel inception distance to training pictures, times 1000; small is good
    recall: float  # 0 to 1, the share of real pictures that are like a sample
    coverage: float  # 0 to 1, the share of real pictures with a sample near them
    colour_volume: float  # grey levels; small where colours are alike
    features: str  # their hash: KIDs on different features cannot be compared


class Keeper:
    """The `keeper` of loop.train: measures the averaged G, adds a line to quality.csv, keeps the best.safetensors.

    It has random number generators of its own and changes nothing that training depends on.
    """

    def __init__(self, job: Job, young: int = progress.YOUNG) -> None:
        """Raises UsageError when quality.csv is damaged; `young` is how many images are seen before the first look."""
        rows(job.run)
        self._job = job
        self._young = young
        self._board = progress.board(job.run, "quality")
        self._kind: features.Features | None = None
        self._least: float | None = None  # the KID of the best generator, once it was measured

    def __call__(self, ema: nn.Module, images_seen: int) -> None:
        if self._job.values.age(images_seen) < self._young:
            return
        kind = self._known()
        pixels = _draw(self._job, ema)
        vectors = kind.look(pixels)
        _, recall, coverage = metrics.precision_recall_coverage(self._reference, vectors)
        row = QualityRow(
            images_seen=images_seen,
            kid=self._kid(vectors),
            recall=round(recall, 4),
            coverage=round(coverage, 4),
            colour_volume=round(metrics.colour_volume(pixels), 3),
            features=kind.sha256,
        )
        before = [one for one in rows(self._job.run) if one.images_seen < images_seen and one.features == kind.sha256]
        if self._least is None:
            self._least = self._kid_of_best()
        if row.kid < self._least:
            self._least = row.kid
            checkpoint.write_generator(self._job.run.best, ema, self._job.values, self._job.size, images_seen)
        _write(self._job.run, [*before, row])
        if self._board is not None:
            for name in ("kid", "recall", "coverage", "colour_volume"):
                self._board.add_scalar(name, getattr(row, name), images_seen)
            self._board.flush()

    def _kid_of_best(self) -> float:
        """Measured, not read from quality.csv: a killed run may have kept it after the last checkpoint."""
        try:
            with torch.random.fork_rng(devices=[]):
                kept = sample.load(self._job.run.best).net.to(self._job.machine.device)
        except ScrapbagError:  # there is none, or none that can be read
            return float("inf")
        return self._kid(self._known().look(_draw(self._job, kept)))

    def _kid(self, vectors: Tensor) -> float:
        return round(metrics.kid(self._reference, vectors)[0], 3)

    def _known(self) -> features.Features:
        if self._kind is None:
            job = self._job
            reference = reals_of(job.pictures, job.values, job.settings.level).reference
            self._kind = features.untrained(reference)
            self._reference = self._kind.look(reference)
        return self._kind


def rows(run: Run) -> list[QualityRow]:
    """The lines of quality.csv; [] where a run was too short for any. Raises UsageError when it is damaged."""
    if not run.quality.exists():
        return []
    try:
        return _read(run.quality)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"{run.quality} is damaged ({error}); move it away") from None


def _read(path: Path) -> list[QualityRow]:
    kinds = {f.name: {"int": int, "float": float, "str": str}[str(f.type)] for f in fields(QualityRow)}
    with path.open(newline="", encoding="utf-8") as file:
        return [QualityRow(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in csv.DictReader(file)]


def _write(run: Run, lines: list[QualityRow]) -> None:
    text = io.StringIO(newline="")
    write_csv(text, [f.name for f in fields(QualityRow)], map(astuple, lines))
    write_text(run.quality, text.getvalue())


@torch.no_grad()
def _draw(job: Job, ema: nn.Module) -> Pixels:
    rng = batches.chance(job.settings.seed + 1, 0, "latents", job.machine.device)
    z = batches.latents(job.values, COUNT, rng, networks.field(job.values, job.size))
    return batches.to_bytes(torch.cat([ema(part).float().cpu() for part in torch.split(z, 32)]))
