"""What can be seen of a run at a moment: the grid of fixed latents, the real pictures, a line of metrics."""

from __future__ import annotations

import copy
from collections import deque
from statistics import fmean
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


class Lines:
    """The lines of metrics.csv: of the last `every` steps, with a teacher and without, means of what they measured.

    Else a line would be of one kind of D or of the other, and their losses and seconds are not alike.
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        self.recent: deque[tuple[StepMetrics, float]] = deque(maxlen=values.every)

    def after(self, moment: Moment, metrics: StepMetrics, took: float, pool: int, rate: float) -> MetricsRow:
        """The line after a step that `took` so many seconds; `rate` is the factor on the learning rates."""
        self.recent.append((metrics, took))
        steps, names = [step for step, _ in self.recent], ("loss_d", "loss_g", "accuracy", "sign")
        return MetricsRow(
            images_seen=moment.images_seen,
            seconds=moment.seconds,
            images_per_s=self.values.batch / max(fmean(seconds for _, seconds in self.recent), 1e-9),
            **{name: fmean(getattr(step, name) for step in steps) for name in names},
            penalty=metrics.penalty,
            p=moment.balance.p,
            gamma=losses.gamma(self.values, moment.images_seen) * moment.balance.gamma,
            rate=self.values.lr_g * rate,
            pictures=pool,
        )


def _reals(job: Job) -> Pixels:
    learnt = job.pictures.train[: batches.pool(job.pictures, job.values, job.settings.level, 2**62)]
    return batches.some(learnt, job.values, _count(job.size), job.settings.seed)


def _count(size: int) -> int:
    return 64 if size <= 64 else 36 if size <= 128 else 16
