"""What a run is made of, and where it is: the two values that the loop, its checkpoints and its grids pass around."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gan.train.balance import Balance

if TYPE_CHECKING:
    from gan.nets.presets import Values
    from gan.pictures.data import Pictures
    from gan.train.players import Machine
    from scrapbag.layout import Run
    from scrapbag.recipe import Train


@dataclass(frozen=True)
class Moment:
    """Where a run is; a checkpoint carries it beside the weights."""

    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0  # of training, over all resumes
    faults: int = 0  # steps that were not finite, lately
    fault_step: int = 0  # the last of them
    balance: Balance = field(default_factory=Balance)


@dataclass(frozen=True)
class Job:
    """What a run is made of; see `runs.prepare`."""

    run: Run
    pictures: Pictures
    values: Values
    size: int  # side of what G makes in training
    settings: Train
    machine: Machine
