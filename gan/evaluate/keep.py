"""The best generator so far, by KID on random features: looked at now and then, off the training clock."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import torch

from gan.evaluate import features, metrics
from gan.evaluate.evaluate import best
from gan.evaluate.fidelity import reals_of
from gan.nets import networks
from gan.pictures import batches
from gan.sample import sample
from gan.train import checkpoint
from scrapbag.disk import write_text
from scrapbag.errors import ScrapbagError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from gan.pictures.data import Pixels
    from gan.train.job import Job
    from scrapbag.layout import Run

COUNT = 256
YOUNG = 10_000  # images until which there is nothing to see


@dataclass(frozen=True)
class Look:
    """One line of quality.csv."""

    images_seen: int
    kid: float  # times 1000
    recall: float
    coverage: float
    colour_volume: float
    features: str  # hash; a KID on others is another KID


class Keeper:
    """The loop's `judge`: measures the averaged G, adds a line to quality.csv, and keeps the best as best.safetensors.

    It draws from generators of its own and leaves nothing behind that training could notice.
    """

    def __init__(self, job: Job, young: int = YOUNG) -> None:
        looks(job.run)  # a damaged file is said before training
        self._job = job
        self._young = young
        self._kind: features.Features | None = None
        self._least: float | None = None  # the KID of the best generator, once it is known

    def __call__(self, ema: nn.Module, images_seen: int) -> None:
        if images_seen < self._young:
            return
        kind = self._known()
        pixels = _draw(self._job, ema)
        vectors = kind.look(pixels)
        _, recall, coverage = metrics.precision_recall_coverage(self._reference, vectors)
        look = Look(
            images_seen=images_seen,
            kid=self._kid(vectors),
            recall=round(recall, 4),
            coverage=round(coverage, 4),
            colour_volume=round(metrics.colour_volume(pixels), 3),
            features=kind.sha256,
        )
        before = [one for one in looks(self._job.run) if one.images_seen < images_seen and one.features == kind.sha256]
        if self._least is None:
            self._least = self._kid_of_best()
        if look.kid < self._least:
            self._least = look.kid
            checkpoint.write_generator(best(self._job.run), ema, self._job.values, self._job.size, images_seen)
        _write(self._job.run, [*before, look])

    def _kid_of_best(self) -> float:
        """Measured, not read: a killed run may have kept it further on than quality.csv and the checkpoint go."""
        try:
            with torch.random.fork_rng(devices=[]):
                kept = sample.load(best(self._job.run)).net.to(self._job.machine.device)
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


def looks(run: Run) -> list[Look]:
    """The lines of quality.csv; none where a run was too short for any. Raises UsageError when it is damaged."""
    path = run.root / "quality.csv"
    if not path.exists():
        return []
    try:
        return _read(path)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"{path} is damaged ({error}); move it away") from None


def _read(path: Path) -> list[Look]:
    kinds = {f.name: {"int": int, "float": float, "str": str}[str(f.type)] for f in fields(Look)}
    with path.open(newline="", encoding="utf-8") as file:
        return [Look(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in csv.DictReader(file)]


def _write(run: Run, rows: list[Look]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Look)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(run.root / "quality.csv", text.getvalue())


@torch.no_grad()
def _draw(job: Job, ema: nn.Module) -> Pixels:
    rng = batches.chance(job.settings.seed + 1, 0, "latents", job.machine.device)
    base = networks.split(job.size)[0] if job.values.latent == "field" else 1
    z = batches.latents(job.values, COUNT, rng, (base, base))
    return batches.to_bytes(torch.cat([ema(part).float().cpu() for part in torch.split(z, 32)]))
