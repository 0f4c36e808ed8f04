"""What a run consists of (Job), and how far it is (Moment): the two values that the loop hands around."""

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
    """How far a run is; a checkpoint has it beside the weights."""

    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0  # of training, over all resumes
    faults: int = 0  # recent steps whose gradient was not finite
    fault_step: int = 0  # the last of those steps
    balance: Balance = field(default_factory=Balance)


@dataclass(frozen=True)
class Job:
    """What a run consists of; see `runs.prepare`."""

    run: Run
    pictures: Pictures
    values: Values
    size: int  # side of what G makes in training
    settings: Train
    machine: Machine
