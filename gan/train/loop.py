"""The training loop, read straight down: what happens in a step, and what happens between steps.

The weights after a step depend on the settings, the pictures and the machine alone. Every random number is drawn from a
generator seeded by (seed, step); schedules depend on images_seen; the clock decides only when to stop, save and show.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gan.pictures import batches, films
from gan.step import balance, graphs, losses, players
from gan.step.balance import StepMetrics
from gan.step.halves import Halves
from gan.step.processes import ALONE
from gan.train import checkpoint, show, start, state
from gan.train.progress import Progress, Unseen, close, rewind
from scrapbag.errors import TooManyFailuresError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.nets.values import Values
    from gan.step.players import Machine, Players, State
    from gan.step.processes import Processes
    from gan.train.job import Job, Moment
    from gan.train.progress import MetricsRow
    from scrapbag.layout import Run
    from scrapbag.recipe import Train

log = logging.getLogger(__name__)

SAVE_S = 60.0  # between checkpoints
FAULTS = 3  # steps with a loss or gradient that is not finite, after which a run gives up
STOPPED_S = 2.0  # a step of that long, and of ten times the one before, holds a stop (Ctrl-Z, a computer asleep)
SLOW_STEPS = 1000  # how long the learning rates stay halved after such a step ...
FORGET_STEPS = 10_000  # ... and how long it counts


class NotFiniteError(ArithmeticError):
    """A gradient is not finite, as after an overflow in the loss; no optimiser was stepped with it."""


def train(
    job: Job,  # from runs.prepare; its run folder may hold the checkpoints to resume from
    *,
    clock: Callable[[], float] = time.perf_counter,  # what `minutes` are counted by, in seconds
    keeper: Callable[[nn.Module, int], object] | None = None,  # called with (EMA of G, images_seen) after each grid
    save_s: float = SAVE_S,  # seconds between checkpoints
    group: Processes = ALONE,  # those that train this run together; the one that leads writes its files
) -> tuple[Moment, str]:
    """Train until the minutes or images are used up; returns where it ended and the SHA-256 of G, D and the EMA.

    What `keeper` takes is not counted as training time, nor is a stop; `keeper` must leave the networks as they are.
    Raises TooManyFailuresError when losses are not finite three times, UsageError for checkpoints that cannot be used;
    any exception, KeyboardInterrupt too, leaves a checkpoint.
    """
    run, values, settings, machine = job.run, job.values, job.settings, job.machine
    players.ready(machine)
    team = players.make(values, job.size, settings.seed, machine)
    moment, anchor = state.begin(team, job, group)
    spent, budget = _spent(moment, settings), float(settings.images or settings.minutes)
    if group.leads:
        _reopen(run, moment, done=spent >= budget)
    halves = graphs.halves(team, values, machine, job.size, moment.balance, group)
    row, anchor_row, lasted, lines = None, None, math.inf, show.Lines(values)  # `lasted`: the step before
    saved, saved_at = moment.images_seen, time.monotonic()
    every = min(16, max(1, 2**16 // job.size**2))  # steps between copies of the state to fall back on: a few seconds

    with group.patient(), _shown(job, team, budget, spent) if group.leads else Unseen() as progress:
        try:
            while _spent(moment, settings) < budget:
                began = clock()
                if moment.step % every == 0:
                    anchor, anchor_row = state.capture(team, moment), row
                    if group.leads and time.monotonic() - saved_at >= save_s:
                        checkpoint.save(run.checkpoints, anchor, moment.images_seen)
                        saved, saved_at = moment.images_seen, time.monotonic()
                pool = batches.pool(job.pictures, values, settings.level, moment.images_seen)
                reals = start.rehearse(
                    batches.reals(job.pictures, values, settings.seed, moment.step, pool), job, moment
                )
                x = batches.to_floats(group.mine(reals), machine.device)
                try:
                    metrics = play(team, x, values, machine, moment, settings.seed, halves)
                except NotFiniteError:
                    lasted, took = _lasted(group.agree(clock() - began), lasted)
                    moment = _retreat(team, anchor, moment, took)
                    anchor, anchor_row = state.capture(team, moment), None
                    continue
                lasted, took = _lasted(group.agree(clock() - began), lasted)
                moment = replace(
                    moment,
                    step=moment.step + 1,
                    images_seen=moment.images_seen + values.batch,
                    seconds=moment.seconds + took,
                    faults=moment.faults if moment.step < moment.fault_step + FORGET_STEPS else 0,
                    balance=balance.update(moment.balance, metrics, values),
                )
                row = lines.after(moment, metrics, took, pool, _rate(moment, values))
                spent = _spent(moment, settings)
                if group.told:
                    anchor, anchor_row = {**state.capture(team, moment), "anchor": anchor}, row
                    raise KeyboardInterrupt
                if progress.show(row, spent, last=spent >= budget) and keeper is not None:
                    keeper(show.generator(job, team), moment.images_seen)
            final = state.capture(team, moment)
            if group.leads:
                checkpoint.save(run.checkpoints, final | {"anchor": anchor}, moment.images_seen)
        except BaseException as stop:  # Ctrl-C, or a fault beside the training
            if group.leads:
                _leave(job, team, anchor, saved, stop, anchor_row)
            raise

    if group.leads:
        checkpoint.write_generator(run.generator, show.generator(job, team), values, job.size, moment.images_seen)
        films.write(run)
    return moment, players.digest(final)


def _reopen(run: Run, moment: Moment, *, done: bool) -> None:
    if not done:
        run.done.unlink(missing_ok=True)
    rewind(run, moment.images_seen)


def _shown(job: Job, team: Players, budget: float, spent: float) -> Progress:
    return Progress(
        job.run,
        lambda: show.grid(job, show.generator(job, team)),
        show.reals(job),
        budget,
        spent,
        outputs=lambda: show.outputs(job, team),
    )


def play(
    team: Players, x: Tensor, values: Values, machine: Machine, moment: Moment, seed: int, halves: Halves | None = None
) -> StepMetrics:
    """One step on reals `x`, (N, 3, H, W) in [-1, 1]: D's update, then G's, each skipped when the balance says so.

    Raises NotFiniteError before an optimiser is stepped with a gradient that is not finite.
    """
    halves = halves or Halves(team, values, machine)
    halves.seed(seed, moment.step)
    turn, seen = moment.balance, values.age(moment.images_seen)
    due = turn.train_d and values.penalty != "none" and moment.step % values.lazy == 0
    rate, weight = _rate(moment, values), losses.gamma(values, moment.images_seen) * turn.gamma

    half = halves.of_d(x, turn, seen, weight, due=due)
    if turn.train_d:
        _step(team.opt_d, team.d, values.lr_d * rate, halves.group)

    real, fake = half.real, half.fake
    loss_g = losses.generator(real, fake, values)
    if turn.train_g:
        loss_g = halves.of_g(half, turn, seen)
        _step(team.opt_g, team.g, values.lr_g * rate, halves.group)
        players.average(team.g, team.ema, values, moment.images_seen)

    with torch.no_grad():
        margin = real - fake if values.loss == "relativistic" else real
        right = (margin > 0).float().mean() if values.loss == "relativistic" else losses.accuracy(real, fake, values)
        shown = torch.stack([half.loss_d, loss_g, right, margin.sign().mean(), half.penalty]).float()
    return StepMetrics(*halves.group.mean(shown).tolist())


def _step(optimiser: torch.optim.Optimizer, net: nn.Module, rate: float, group: Processes) -> None:
    group.average(net.parameters())
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    if not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
        raise NotFiniteError
    for part in optimiser.param_groups:
        part["lr"] = rate
    optimiser.step()


def _lasted(took: float, before: float) -> tuple[float, float]:
    """How long a step took, `before` the one before it, and what of it counts as training: not the time of a stop."""
    return took, before if took > max(STOPPED_S, 10 * before) else took


def _rate(moment: Moment, values: Values) -> float:
    """The factor on both learning rates: the decay so far, halved for each recent step that was not finite."""
    slow = moment.faults if moment.step < moment.fault_step + SLOW_STEPS else 0
    return float(values.rate * values.decay ** (moment.images_seen / (1000 * values.decay_kimg)) * 0.5**slow)


def _retreat(team: Players, anchor: State, moment: Moment, took: float) -> Moment:
    """Restore the state `anchor` and go on with the step after this one, at half the learning rates for a while."""
    back = state.restore(team, anchor)
    faults = moment.faults + 1
    log.warning(
        "the losses of step %d are not finite: back to %d images, and on with half the learning rates (%d of %d)",
        moment.step, back.images_seen, faults, FAULTS,
    )  # fmt: skip
    if faults >= FAULTS:
        raise TooManyFailuresError(
            f"the losses were not finite {FAULTS} times around {back.images_seen:,} images; "
            'halve the learning rates (SET="lr_g=... lr_d=...") or raise gamma; the last good checkpoint is kept'
        )
    return replace(back, step=moment.step + 1, seconds=moment.seconds + took, faults=faults, fault_step=moment.step)


def _leave(job: Job, team: Players, anchor: State, saved: int, stop: BaseException, row: MetricsRow | None) -> None:
    """Save the state `anchor` before the exception `stop` goes on; after Ctrl-C export the generator too."""
    if (seen := int(anchor["moment"]["images_seen"])) > saved:
        checkpoint.save(job.run.checkpoints, anchor, seen)
    if seen and isinstance(stop, KeyboardInterrupt):
        state.restore(team, anchor)
        checkpoint.write_generator(job.run.generator, show.generator(job, team), job.values, job.size, seen)
    close(job.run, seen, row)


def _spent(moment: Moment, settings: Train) -> float:
    """How much of the budget is used: images, or minutes where no number of images is asked for."""
    return float(moment.images_seen) if settings.images else moment.seconds / 60
