"""The two halves of a step, D's and G's, each up to the gradients: what a GPU can record and replay (see graphs.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from gan.nets import networks
from gan.pictures import batches
from gan.step import losses
from gan.step.augment import augment
from gan.step.processes import ALONE

if TYPE_CHECKING:
    from torch import nn

    from gan.nets.values import Values
    from gan.step.balance import Balance
    from gan.step.players import Machine, Players
    from gan.step.processes import Processes


@dataclass(frozen=True)
class Half:
    """What D's half leaves to G's, and to the metrics."""

    fakes: Tensor  # (N, 3, H, W), with their graph where G is to be trained
    real_seen: Tensor  # the augmented reals
    real: Tensor  # D's logits ...
    fake: Tensor
    loss_d: Tensor
    penalty: Tensor


class Halves:
    """A step's random numbers come from generators that `seed` sets; a half leaves its gradients in the parameters."""

    def __init__(self, team: Players, values: Values, machine: Machine, group: Processes = ALONE) -> None:
        self.team, self.values, self.machine, self.group = team, values, machine, group
        self.augmenting, self.drawing = (torch.Generator(machine.device) for _ in range(2))
        self.kept = True  # autocast may keep the weights it has cast
        self.both = values.both  # whether D is two in this step; between those it is the one beside the heads

    def seed(self, seed: int, step: int) -> None:
        self.both = self.values.both and step % self.values.every == 0
        self.augmenting.manual_seed(batches.seed_of(seed, step, "augment"))
        self.drawing.manual_seed(batches.seed_of(seed, step, "latents"))
        torch.manual_seed(batches.seed_of(seed, step, "layers"))  # dropout has no generator of its own

    def of_d(self, x: Tensor, turn: Balance, images_seen: int | Tensor, weight: float, *, due: bool) -> Half:
        """Fakes, D's logits and losses; `weight` is the penalty's, where one is `due`."""
        g, d, values = self.team.g, self._d(), self.values
        # a teacher's heads have batch norms of parts of a batch; a D beside them may have one of the whole of it
        together = values.joint or (values.teacher != "none" and not values.both)
        with torch.set_grad_enabled(turn.train_g), self.machine.autocast(kept=self.kept):
            z = batches.latents(values, values.batch, self.drawing, networks.field(values, x.shape[2]))
            fakes = g(self.group.mine(z)).float()
        real_seen, fake_seen = (self._seen(one, turn, images_seen) for one in (x, fakes.detach()))
        with torch.set_grad_enabled(turn.train_d):
            real_seen.requires_grad_(due)
            fake_seen.requires_grad_(due and values.penalty == "r1r2")
            with self.machine.autocast(kept=self.kept):
                real, fake = losses.logits(d, real_seen, fake_seen, joint=together)
            loss_d = losses.discriminator(real, fake, values, self.augmenting, self.group)
            penalty = torch.zeros((), device=x.device)
            if due:
                penalised = slice(-1 if self.both else None, None)  # the score of the D without a teacher, or all
                penalty = losses.penalty(real[:, penalised], real_seen)
                if values.penalty == "r1r2":
                    penalty = penalty + losses.penalty(fake[:, penalised], fake_seen)
        if turn.train_d:
            self._forget(self.team.opt_d)
            share = 0.5 if self.both else 1.0  # of the loss that the penalised scores are
            (loss_d + share * weight / 2 * values.lazy * penalty).backward()
        return Half(fakes, real_seen.detach(), real.detach(), fake.detach(), loss_d.detach(), penalty.detach())

    def of_g(self, half: Half, turn: Balance, images_seen: int | Tensor) -> Tensor:
        """G's loss."""
        d, values = self._d(), self.values
        learning = [p for p in d.parameters() if p.requires_grad]
        d.requires_grad_(False)
        try:
            fake_seen = self._seen(half.fakes, turn, images_seen)
            with self.machine.autocast(kept=self.kept):
                real, fake = losses.logits_for_g(d, half.real_seen, fake_seen, values)
            loss_g = losses.generator(real, fake, values)
            self._forget(self.team.opt_g)
            loss_g.backward()
        finally:
            for p in learning:
                p.requires_grad_(True)
        return loss_g.detach()

    def _d(self) -> nn.Module:
        """D in this step, whose scores are the whole of the loss."""
        alone = self.values.both and not self.both
        return cast("nn.Sequential", self.team.d)[1] if alone else self.team.d

    def _seen(self, pictures: Tensor, turn: Balance, images_seen: int | Tensor) -> Tensor:
        """By D."""
        return augment(pictures, self.values, turn.p, images_seen, self.augmenting, self.group)

    def _forget(self, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad()
