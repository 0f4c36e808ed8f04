"""The halves of a step as CUDA graphs: kernels recorded once and replayed, where launching them is what takes the time.

With a teacher a step is some three thousand small kernels. What is replayed is what was recorded, on the same
memory, with the seeds and the count of images of its own step: the same bits, step by step, as without graphs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan.step import players
from gan.step.halves import Half, Halves
from gan.step.processes import ALONE

if TYPE_CHECKING:
    from gan.nets.values import Values
    from gan.step.balance import Balance
    from gan.step.players import Machine, Players
    from gan.step.processes import Processes

WARM = 3  # steps before recording: libraries choose their kernels and take their memory
log = logging.getLogger(__name__)


def halves(
    team: Players, values: Values, machine: Machine, size: int, turn: Balance, group: Processes = ALONE
) -> Halves:
    """Recorded where every step is the same but for its numbers, and the GPU can; else as they are."""
    if machine.device == "cpu" or not machine.graphs or not same(values) or group.count > 1:
        return Halves(team, values, machine, group)
    before = players.capture(team)
    try:
        return Recorded(team, values, machine, size, turn)
    except RuntimeError as error:
        log.warning("no CUDA graph of a step could be made (%s); it goes on without", str(error).partition("\n")[0])
        return Halves(team, values, machine)
    finally:
        players.give_back(team, before)


def same(values: Values) -> bool:
    """Whether every step is the same but for its numbers, and of so many kernels that recording them is worth it."""
    plain = values.penalty == "none" and values.balance == "none" and not (values.noise or values.dropout)
    return plain and values.teacher != "none" and not (values.both and values.every > 1)


class Recorded(Halves):
    """Halves that replay. Only the numbers in `x`, the seeds and images_seen change from step to step."""

    def __init__(self, team: Players, values: Values, machine: Machine, size: int, turn: Balance) -> None:
        super().__init__(team, values, machine)
        self.kept, self._recording = False, False
        self._x = torch.zeros((values.batch, 3, size, size), device=machine.device)
        self._x = self._x.contiguous(memory_format=torch.channels_last)
        self._images = torch.zeros((), device=machine.device, dtype=torch.float64)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for step in range(WARM):
                self.seed(0, step)
                super().of_g(super().of_d(self._x, turn, self._images, 0.0, due=False), turn, self._images)
        torch.cuda.current_stream().wait_stream(stream)
        for optimiser in (team.opt_d, team.opt_g):
            optimiser.zero_grad()  # recorded, the gradients are made where they stay
        self._graphs = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        for graph in self._graphs:
            for generator in (self.augmenting, self.drawing):
                graph.register_generator_state(generator)
        self._recording = True
        with torch.cuda.graph(self._graphs[0], stream=stream):
            self._half = super().of_d(self._x, turn, self._images, 0.0, due=False)
        with torch.cuda.graph(self._graphs[1], pool=self._graphs[0].pool(), stream=stream):
            self._loss_g = super().of_g(self._half, turn, self._images)

    def of_d(self, x: Tensor, turn: Balance, images_seen: int | Tensor, weight: float, *, due: bool) -> Half:  # noqa: ARG002
        self._x.copy_(x)
        self._images.fill_(images_seen)
        self._graphs[0].replay()
        return self._half

    def of_g(self, half: Half, turn: Balance, images_seen: int | Tensor) -> Tensor:  # noqa: ARG002
        self._graphs[1].replay()
        return self._loss_g

    def _forget(self, optimiser: torch.optim.Optimizer) -> None:
        if not self._recording:
            super()._forget(optimiser)
