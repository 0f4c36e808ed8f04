"""What D sees instead of a picture: the same kinds of change for reals and fakes, drawn from one generator.

No cutout: it leaks into the samples (data-efficient-gans#84).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

if TYPE_CHECKING:
    from gan.presets import Values


def augment(x: Tensor, values: Values, p: float, images_seen: int, rng: torch.Generator) -> Tensor:
    """Change each picture of (N, 3, H, W) in [-1, 1] with probability `p` a kind; noise fades with `images_seen`."""
    n = len(x)

    def draw(low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.empty((n, 1, 1, 1), device=x.device).uniform_(low, high, generator=rng)

    def some(changed: Tensor, unchanged: Tensor, chance: float = p) -> Tensor:
        return changed if chance >= 1 else torch.where(draw() < chance, changed, unchanged)

    if values.mirror:
        x = torch.where(draw() < 0.5, x.flip(3), x)
    if values.tumble:
        x = torch.where(draw() < 0.5, x.flip(2), x)
        x = torch.where(draw() < 0.5, x.transpose(2, 3), x)
    if values.shift or values.turn or values.zoom:
        x = some(_affine(x, values, draw), x)
    if values.colour:
        x = some(_colour(x, values.colour, draw), x)
    sigma = values.noise * max(0.0, 1 - images_seen / (1000 * values.noise_kimg)) if values.noise_kimg else values.noise
    if sigma:
        x = x + sigma * torch.randn(x.shape, device=x.device, generator=rng)
    return x


def _affine(x: Tensor, values: Values, draw: _Draw) -> Tensor:
    angle = draw(-values.turn, values.turn) * (math.pi / 180)
    scale = torch.exp(draw(-values.zoom, values.zoom))
    across, down = draw(-2 * values.shift, 2 * values.shift), draw(-2 * values.shift, 2 * values.shift)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = torch.cat([cos, -sin, across, sin, cos, down], 1).view(-1, 2, 3)
    grid = affine_grid(rows, list(x.shape), align_corners=False)
    return grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="reflection", align_corners=False)


def _colour(x: Tensor, strength: float, draw: _Draw) -> Tensor:
    """Brightness, saturation, contrast; strength 1 is DiffAugment's (arXiv 2006.10738)."""
    x = x + draw(-0.5 * strength, 0.5 * strength)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(max(0.0, 1 - strength), 1 + strength)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * draw(1 - 0.5 * strength, 1 + 0.5 * strength)


if TYPE_CHECKING:
    from typing import Protocol

    class _Draw(Protocol):
        def __call__(self, low: float = 0.0, high: float = 1.0) -> Tensor: ...
