"""The state of a run: begun, captured, restored; that of several processes is the leading one's."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gan.step import balance, players, shared
from gan.step.balance import Balance
from gan.train import checkpoint, start
from gan.train.job import Moment
from scrapbag.errors import UsageError, never_full

if TYPE_CHECKING:
    from gan.step.players import Players, State
    from gan.step.processes import Processes
    from gan.train.job import Job


def begin(team: Players, job: Job, group: Processes) -> tuple[Moment, State]:
    """Bring all processes of `group` to the state of the one that leads, which `_restored` finds."""
    if group.count == 1:
        return _restored(team, job)
    mine: State = {}
    if group.leads:
        moment, anchor = _restored(team, job)
        mine = {"now": capture(team, moment), "anchor": anchor}
    ours = group.same(mine, job.machine.device)
    for net in (team.g, team.d):
        shared.share(net, job.values, group)
    return restore(team, ours["now"]), ours["anchor"]


def _restored(team: Players, job: Job) -> tuple[Moment, State]:
    """Restore the newest checkpoint, or else give the networks the weights of what the run begins from.

    Returns the state to fall back on, too. That of a run which goes on is where it would be without the break: a run
    that ended between two copies kept the last one in its checkpoint.
    """
    run = job.run
    if state := checkpoint.load(run.checkpoints, job.machine.device):
        try:
            anchor = state.pop("anchor", state)
            return restore(team, state), anchor
        except (KeyError, TypeError, RuntimeError) as error:
            never_full(error)
            why = " ".join(str(error).split())
            raise UsageError(f"{run.checkpoints} is of another version ({why}); move {run.root} away") from None
    if run.generator.exists() or checkpoint.saved(run.checkpoints):
        raise UsageError(f"none of the checkpoints in {run.checkpoints} can be read; move {run.root} away first")
    if job.origin is not None:
        start.begin(team, job.origin)
    moment = Moment(balance=balance.start(job.values))
    return moment, capture(team, moment)


def capture(team: Players, moment: Moment) -> State:
    """A copy of all that a step changes: what a checkpoint has, and what a run falls back on."""
    return {**players.capture(team), "moment": asdict(moment)}


def restore(team: Players, state: State) -> Moment:
    """The inverse of `capture`, in place."""
    players.give_back(team, state)
    moment: dict[str, Any] = {**state["moment"], "balance": Balance(**state["moment"]["balance"])}
    return Moment(**moment)
