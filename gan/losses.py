"""What each side of the game wants, each loss as its formula. Scores are D's, before any sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import relu, softplus

if TYPE_CHECKING:
    from gan.presets import Values


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


def _labels(scores: Tensor, between: tuple[float, ...], values: Values, rng: torch.Generator) -> Tensor:
    """Soft labels from a range, now and then the wrong way round."""
    low, high = between
    shape = (len(scores), 1)
    labels = torch.empty(shape, device=scores.device).uniform_(low, high, generator=rng)
    flipped = torch.rand(shape, device=scores.device, generator=rng) < values.flip_labels
    return torch.where(flipped, 1 - labels, labels).expand_as(scores)
