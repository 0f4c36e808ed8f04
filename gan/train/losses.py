"""What each side of the game wants, each loss as its formula, and D's scores, before any sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import relu, softplus

if TYPE_CHECKING:
    from torch import nn

    from gan.nets.presets import Values


def discriminator(real: Tensor, fake: Tensor, values: Values, rng: torch.Generator) -> Tensor:
    """What D minimises."""
    match values.loss:
        case "nonsaturating":
            return cross_entropy(real, _labels(real, values.real, values, rng)) + cross_entropy(
                fake, _labels(fake, values.fake, values, rng)
            )
        case "hinge":
            return relu(1 - real).mean() + relu(1 + fake).mean()
        case "least_squares":
            return (real - 1).square().mean() + fake.square().mean()
        case "relativistic":
            return softplus(fake - real).mean()


def generator(real: Tensor | None, fake: Tensor, values: Values) -> Tensor:
    """What G minimises; `real` is read by the relativistic loss alone (arXiv 1807.00734)."""
    match values.loss:
        case "nonsaturating":
            return softplus(-fake).mean()
        case "hinge":
            return -fake.mean()
        case "least_squares":
            return (fake - 1).square().mean()
        case "relativistic":
            if real is None:
                raise AssertionError
            return softplus(real - fake).mean()


def penalty(scores: Tensor, pictures: Tensor) -> Tensor:
    """R1 on reals, R2 on fakes: the mean square of D's slope at the pictures that it saw (arXiv 1801.04406)."""
    (slope,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return slope.float().square().sum([1, 2, 3]).mean()


def gamma(values: Values, images_seen: int) -> float:
    """The penalty's weight: little while G has yet to find the pictures, then by equal factors up to all of it."""
    grown = min(1.0, images_seen / (1000 * values.gamma_kimg)) if values.gamma_kimg else 1.0
    return float(values.gamma * values.gamma_start ** (1 - grown))


def scores(d: nn.Module, reals: Tensor, fakes: Tensor, *, joint: bool) -> tuple[Tensor, Tensor]:
    """D's scores of both, in one batch or in two."""
    if joint:
        real, fake = d(torch.cat([reals, fakes])).float().chunk(2)
        return real, fake
    return d(reals).float(), d(fakes).float()


def scores_again(d: nn.Module, reals: Tensor, fakes: Tensor, values: Values) -> tuple[Tensor | None, Tensor]:
    """As `scores`, for G's turn: the reals only where they matter."""
    if values.joint:
        return scores(d, reals, fakes, joint=True)
    if values.loss == "relativistic":
        with torch.no_grad():
            real = d(reals).float()
        return real, d(fakes).float()
    return None, d(fakes).float()


def accuracy(real: Tensor, fake: Tensor, values: Values) -> Tensor:
    middle = 0.5 if values.loss == "least_squares" else 0.0
    return ((real > middle).float().mean() + (fake < middle).float().mean()) / 2


def _labels(scores: Tensor, between: tuple[float, ...], values: Values, rng: torch.Generator) -> Tensor:
    """Soft labels from a range, now and then the wrong way round."""
    low, high = between
    shape = (len(scores), 1)
    labels = torch.empty(shape, device=scores.device).uniform_(low, high, generator=rng)
    flipped = torch.rand(shape, device=scores.device, generator=rng) < values.flip_labels
    return torch.where(flipped, 1 - labels, labels).expand_as(scores)
