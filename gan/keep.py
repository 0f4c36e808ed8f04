"""The best generator so far, by KID on random features: looked at now and then, off the training clock."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import torch

from gan import batches, checkpoint, features, metrics, networks
from gan.evaluate import best
from gan.judge import reals_of
from scrapbag.layout import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from gan.data import Pixels
    from gan.loop import Job
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
        self._job = job
        self._young = young
        self._kind: features.Features | None = None

    def __call__(self, ema: nn.Module, images_seen: int) -> None:
        if images_seen < self._young:
            return
        kind = self._known()
        pixels = _draw(self._job, ema)
        vectors = kind.look(pixels)
        _, recall, coverage = metrics.precision_recall_coverage(self._reference, vectors)
        look = Look(
            images_seen=images_seen,
            kid=round(metrics.kid(self._reference, vectors)[0], 3),
            recall=round(recall, 4),
            coverage=round(coverage, 4),
            colour_volume=round(metrics.colour_volume(pixels), 3),
            features=kind.sha256,
        )
        before = [one for one in looks(self._job.run) if one.images_seen < images_seen and one.features == kind.sha256]
        path = best(self._job.run)
        if look.kid < min((one.kid for one in before), default=float("inf")) or _seen(path) > images_seen:
            checkpoint.write_generator(path, ema, self._job.values, self._job.size, images_seen)
        _write(self._job.run, [*before, look])

    def _known(self) -> features.Features:
        if self._kind is None:
            job = self._job
            reference = reals_of(job.pictures, job.values, job.settings.level).reference
            self._kind = features.untrained(reference)
            self._reference = self._kind.look(reference)
        return self._kind


def looks(run: Run) -> list[Look]:
    """The lines of quality.csv; none where a run was too short for any."""
    path = run.root / "quality.csv"
    if not path.exists():
        return []
    kinds = {f.name: {"int": int, "float": float, "str": str}[str(f.type)] for f in fields(Look)}
    with path.open(newline="", encoding="utf-8") as file:
        return [Look(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in csv.DictReader(file)]


def _write(run: Run, rows: list[Look]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Look)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(run.root / "quality.csv", text.getvalue())


def _seen(path: Path) -> int:
    """Of the best generator; a killed run may have kept one from further on than it goes on from."""
    config = path.with_suffix(".json")
    return int(json.loads(config.read_text(encoding="utf-8"))["images_seen"]) if config.exists() else 0


@torch.no_grad()
def _draw(job: Job, ema: nn.Module) -> Pixels:
    rng = batches.chance(job.settings.seed + 1, 0, "latents", job.machine.device)
    base = networks.split(job.size)[0] if job.values.latent == "field" else 1
    z = batches.latents(job.values, COUNT, rng, (base, base))
    return batches.to_bytes(torch.cat([ema(part).float().cpu() for part in torch.split(z, 32)]))
