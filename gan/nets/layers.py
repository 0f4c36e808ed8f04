"""The few layers that torch.nn has not. Feature maps are (N, C, H, W)."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d


class Add(nn.Sequential):
    """The sum of its two branches: a residual block, or a tint."""

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self[0](x) + self[1](x))


class MinibatchStd(nn.Module):
    """Adds a channel with the standard deviation over groups of four pictures, one number a group (arXiv 1710.10196).

    A batch that four does not divide is one group.
    """

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        group = 4 if n % 4 == 0 else n
        groups = x.float().reshape(group, -1, *x.shape[1:])
        std = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean([1, 2, 3]).to(x.dtype)
        return torch.cat([x, std.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


class Moments(nn.Sequential):
    """The layers inside it, and six more channels: mean and standard deviation of each colour of the picture.

    Both are taken over the cells of a grid as large as the layers' output. Batch norm hides the mean colour and the
    contrast that a batch has in common from all layers after it; these channels show them.
    """

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for layer in self:
            inner = layer(inner)
        cell = x.shape[2] // inner.shape[2]
        mean, square = (avg_pool2d(one, cell) for one in (x.float(), x.float().square()))
        std = ((square - mean.square()).clamp_min(0) + 1e-4).sqrt()
        return torch.cat([inner, mean.to(inner.dtype), std.to(inner.dtype)], 1)


class Waves(nn.Module):
    """Replaces the last channels of a field, phases in radians, by sine waves over it (arXiv 1705.06566).

    The channels are `local` latents, `types` that are the same everywhere, and `waves` phases. Each wave vector, in
    radians a latent, is a parameter plus a linear map of the types. `whole` rounds it to a whole number of periods over
    the field, so that the field wraps round.
    """

    def __init__(self, local: int, types: int, waves: int, *, whole: bool = False) -> None:
        super().__init__()
        self.split, self.whole = [local, types, waves], whole
        self.mean = nn.Parameter(torch.linspace(-1.5, 1.5, waves)[:, None] * torch.tensor([1.0, -1.0]).roll(1))
        self.lean = nn.Linear(types, waves * 2, bias=False) if types else None

    def forward(self, field: Tensor) -> Tensor:
        field = field.float()
        local, types, phase = torch.split(field, self.split, 1)
        n, waves, h, w = phase.shape
        vector = self.mean.float().expand(n, waves, 2)
        if self.lean is not None:
            vector = vector + (types.mean((2, 3)) @ self.lean.weight.float().T).view(n, waves, 2)
        if self.whole:
            period = 2 * math.pi / torch.tensor([h, w], device=field.device)
            vector = (vector / period).round() * period
        y = torch.arange(h, device=field.device)[:, None]
        x = torch.arange(w, device=field.device)[None]
        angle = vector[:, :, 0, None, None] * y + vector[:, :, 1, None, None] * x + phase
        return torch.cat([local, types, angle.sin()], 1)
