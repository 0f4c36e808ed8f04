"""What a run consists of (Job), what it may begin from (Origin), and how far it is (Moment)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gan.step.balance import Balance

if TYPE_CHECKING:
    from torch import Tensor

    from gan.nets.values import Values
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels
    from gan.step.players import Machine
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
class Origin:
    """What is begun from; `values` are those of its networks."""

    name: str  # as INIT has it
    row: str  # of PRESETS
    size: int  # side of its pictures
    images_seen: int
    values: dict[str, Any]
    weights: dict[str, Tensor]  # "g.0.weight" ...; of G and D as they were trained, and of the average (EMA) of G
    squares: Pixels | None  # (N, side, side, 3) to be rehearsed; None where they are gone, or are no squares
    rehearse: float = 0.0  # share of every batch that they are worth to a run of the same subject (subject.py)

    def __post_init__(self) -> None:
        """Raises ValueError for what is no share."""
        if not 0 <= self.rehearse <= 1:
            raise ValueError(f"rehearse is {self.rehearse}")


@dataclass(frozen=True)
class Job:
    """What a run consists of; see `runs.prepare`."""

    run: Run
    pictures: Pictures
    values: Values
    size: int  # side of what G makes in training
    settings: Train
    machine: Machine
    origin: Origin | None = None  # what it begins from, instead of fresh weights
