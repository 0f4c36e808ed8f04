"""The few layers that torch has not."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d


class Add(nn.Sequential):
    """The sum of its two branches."""

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self[0](x) + self[1](x))


class MinibatchStd(nn.Module):
    """One more channel: how much a group of four varies (arXiv 1710.10196)."""

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        group = 4 if n % 4 == 0 else n
        groups = x.float().reshape(group, -1, *x.shape[1:])
        spread = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean([1, 2, 3]).to(x.dtype)
        return torch.cat([x, spread.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


class Moments(nn.Sequential):
    """The layers within, and beside their channels the picture itself made as small: each cell's colour and contrast.

    Batch norm takes from every layer after it how strong and how colourful a batch is; the mean and the deviation of
    the three colours over a cell keep it.
    """

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for layer in self:
            inner = layer(inner)
        cell = x.shape[2] // inner.shape[2]
        mean, square = (avg_pool2d(one, cell) for one in (x.float(), x.float().square()))
        spread = ((square - mean.square()).clamp_min(0) + 1e-4).sqrt()
        return torch.cat([inner, mean.to(inner.dtype), spread.to(inner.dtype)], 1)


class Waves(nn.Module):
    """The last channels of a field, its phases, become sines whose wave vectors depend on the texture's type.

    `whole` rounds them to a whole number of periods over the field, so that it wraps round.
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
