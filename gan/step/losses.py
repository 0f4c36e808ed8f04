"""The losses of D and G and the gradient penalty, each as its formula, over D's logits (no sigmoid was applied).

Own code on purpose: each is one line that can be compared with its paper, and no library has all four with R1 and R2.
In the formulas r and f are the logits D(x) of reals and D(G(z)) of fakes, and means are taken over the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from gan.step.processes import ALONE

if TYPE_CHECKING:
    from torch import nn

    from gan.nets.values import Values
    from gan.step.processes import Processes


def discriminator(real: Tensor, fake: Tensor, values: Values, rng: torch.Generator, group: Processes = ALONE) -> Tensor:
    """What D minimises, a scalar; `real` and `fake` are logits (N, patches), `rng` draws the soft targets."""
    match values.loss:
        case "nonsaturating":  # -log s(r) - log(1 - s(f)), s the sigmoid: arXiv 1406.2661, eq. 1, with soft targets
            loss_real = binary_cross_entropy_with_logits(real, _targets(real, values.real, values, rng, group))
            return loss_real + binary_cross_entropy_with_logits(fake, _targets(fake, values.fake, values, rng, group))
        case "hinge":  # max(0, 1 - r) + max(0, 1 + f): arXiv 1705.02894, and 1802.05957, eq. 16
            return relu(1 - real).mean() + relu(1 + fake).mean()
        case "least_squares":  # (r - 1)^2 + f^2: arXiv 1611.04076, eq. 2, twice that with a = 0, b = 1
            return (real - 1).square().mean() + fake.square().mean()
        case "relativistic":  # -log s(r - f), real and fake in pairs: arXiv 1807.00734; 2501.05441, eq. 2
            return softplus(fake - real).mean()


def generator(real: Tensor | None, fake: Tensor, values: Values) -> Tensor:
    """What G minimises, a scalar, over logits (N, patches); only the relativistic loss needs `real`."""
    match values.loss:
        case "nonsaturating":  # -log s(f): arXiv 1406.2661, section 3
            return softplus(-fake).mean()
        case "hinge":  # -f: arXiv 1802.05957, eq. 17
            return -fake.mean()
        case "least_squares":  # (f - 1)^2: arXiv 1611.04076, eq. 2, twice that with c = 1
            return (fake - 1).square().mean()
        case "relativistic":  # -log s(f - r): the loss of D with the two exchanged
            if real is None:
                raise AssertionError
            return softplus(real - fake).mean()


def penalty(logits: Tensor, pictures: Tensor) -> Tensor:
    """E |grad_x D(x)|^2, R1 on reals and R2 on fakes: arXiv 1801.04406, eq. 9 and 10 without gamma / 2.

    `pictures` (N, 3, H, W) are those that D saw; the result is differentiable, for backward() to go through (double
    backward).
    """
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    return gradient.float().square().sum([1, 2, 3]).mean()


def gamma(values: Values, images_seen: int) -> float:
    """The penalty's weight, growing geometrically from gamma * gamma_start to gamma over `gamma_kimg`."""
    grown = min(1.0, values.age(images_seen) / (1000 * values.gamma_kimg)) if values.gamma_kimg else 1.0
    return float(values.gamma * values.gamma_start ** (1 - grown))


def logits(d: nn.Module, reals: Tensor, fakes: Tensor, *, joint: bool) -> tuple[Tensor, Tensor]:
    """D's logits of reals and of fakes, float32 (N, patches) each, in one batch (`joint`) or in two."""
    if joint:
        real, fake = d(torch.cat([reals, fakes])).float().chunk(2)
        return real, fake
    return d(reals).float(), d(fakes).float()


def logits_for_g(d: nn.Module, reals: Tensor, fakes: Tensor, values: Values) -> tuple[Tensor | None, Tensor]:
    """As `logits`, for G's update: those of reals are None where neither the loss nor a joint batch needs them."""
    if values.joint:
        return logits(d, reals, fakes, joint=True)
    if values.loss == "relativistic":
        with torch.no_grad():
            real = d(reals).float()
        return real, d(fakes).float()
    return None, d(fakes).float()


def accuracy(real: Tensor, fake: Tensor, values: Values) -> Tensor:
    """The share of reals and fakes, 0 to 1, on the right side of the logit in the middle."""
    middle = 0.5 if values.loss == "least_squares" else 0.0
    return ((real > middle).float().mean() + (fake < middle).float().mean()) / 2


def _targets(
    logits: Tensor, between: tuple[float, ...], values: Values, rng: torch.Generator, group: Processes = ALONE
) -> Tensor:
    """Soft targets drawn uniformly from the range `between`, one a picture; some are flipped (`flip_labels`)."""
    low, high = between
    shape = (len(logits) * group.count, 1)
    targets = torch.empty(shape, device=logits.device).uniform_(low, high, generator=rng)
    flipped = torch.rand(shape, device=logits.device, generator=rng) < values.flip_labels
    return group.mine(torch.where(flipped, 1 - targets, targets)).expand_as(logits)
