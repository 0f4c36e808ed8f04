"""What can be seen of a run at a moment: the grid of fixed latents, the real pictures, a line of metrics."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from gan.nets import networks
from gan.pictures import batches, grids
from gan.step import losses, players
from gan.train.progress import MetricsRow

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gan.nets.values import Values
    from gan.pictures.packing import Pixels
    from gan.step.balance import StepMetrics
    from gan.step.players import Players
    from gan.train.job import Job, Moment


def generator(job: Job, team: Players) -> nn.Module:
    """The averaged G as it is shown, measured and exported."""
    return players.settled(team.ema, job.values, networks.field(job.values, job.size))


@torch.no_grad()
def grid(job: Job, net: nn.Module) -> Tensor:
    """(N, 3, size, size) in [-1, 1] from latents that stay the same throughout a run."""
    rng = batches.chance(job.settings.seed, 0, "latents", job.machine.device)
    z = batches.latents(job.values, _count(job.size), rng, networks.field(job.values, job.size))
    return torch.cat([net(part).float() for part in torch.split(z, 16)])


@torch.no_grad()
def outputs(job: Job, team: Players) -> dict[str, Tensor]:
    """D's logits of the pictures of reals.png and of the grid, as they are, by a copy of it in eval mode: (N, patches).

    The two parts go apart where D tells them apart; they lie on each other where G is as good as D, or D has given up.
    """
    d = copy.deepcopy(team.d).eval()
    seen = {"real": batches.to_floats(_reals(job), job.machine.device), "fake": grid(job, generator(job, team))}
    with job.machine.autocast():
        return {name: torch.cat([d(part).float() for part in torch.split(x, 16)]) for name, x in seen.items()}


def reals(job: Job) -> float:
    """Draw reals.png; returns the standard deviation of its pictures, see grids.pixel_std."""
    pixels = _reals(job)
    if not job.run.reals.exists():
        grids.save(job.run.reals, pixels)
    return grids.pixel_std(batches.to_floats(pixels, "cpu"))


def row(moment: Moment, metrics: StepMetrics, values: Values, took: float, pool: int, rate: float) -> MetricsRow:
    """A line of metrics.csv; `took` is the step's seconds, `rate` the factor on the learning rates."""
    return MetricsRow(
        images_seen=moment.images_seen,
        seconds=moment.seconds,
        images_per_s=values.batch / max(took, 1e-9),
        **{name: getattr(metrics, name) for name in ("loss_d", "loss_g", "accuracy", "sign", "penalty")},
        p=moment.balance.p,
        gamma=losses.gamma(values, moment.images_seen) * moment.balance.gamma,
        rate=values.lr_g * rate,
        pictures=pool,
    )


def _reals(job: Job) -> Pixels:
    learnt = job.pictures.train[: batches.pool(job.pictures, job.values, job.settings.level, 2**62)]
    return batches.some(learnt, job.values, _count(job.size), job.settings.seed)


def _count(size: int) -> int:
    return 64 if size <= 64 else 36 if size <= 128 else 16
