"""The few layers that torch.nn has not. Feature maps are (N, C, H, W)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

if TYPE_CHECKING:
    from collections.abc import Sequence


class Add(nn.Sequential):
    """The sum of its two branches: a residual block, or a tint."""

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self[0](x) + self[1](x))


class MinibatchStd(nn.Module):
    """Adds a channel with the standard deviation over each four pictures in a row (arXiv 1710.10196).

    So reals and fakes that come in one batch are not mixed. A batch that four does not divide is one group.
    """

    def forward(self, x: Tensor) -> Tensor:
        group = 4 if len(x) % 4 == 0 else len(x)
        groups = x.float().unflatten(0, (-1, group))
        std = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean([1, 2, 3]).to(x.dtype)
        return torch.cat([x, std.repeat_interleave(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


class GhostBatchNorm2d(nn.Module):
    """Batch norm over so many pictures at a time, however many come at once (arXiv 1705.08741); it averages nothing."""

    def __init__(self, num_features: int, group: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.group, self.eps = group, eps
        self.weight = nn.Parameter(torch.ones(num_features, 1, 1))
        self.bias = nn.Parameter(torch.zeros(num_features, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        groups = x.float().unflatten(0, (-1, self.group))
        variance, mean = torch.var_mean(groups, (1, 3, 4), correction=0, keepdim=True)
        scale = self.weight * (variance + self.eps).rsqrt()
        out: Tensor = (groups - mean) * scale + self.bias
        return out.flatten(0, 1).to(x.dtype)


class Excited(nn.Sequential):
    """Stages one after the other; then gates, each of which weighs the channels of one map by what an earlier one says.

    `spans` has the stages (from, to) of each gate (skip-layer excitation, arXiv 2101.04775).
    """

    def __init__(self, *layers: nn.Module, spans: Sequence[Sequence[int]]) -> None:
        super().__init__(*layers)
        self.gates = {after: (before, len(layers) - len(spans) + i) for i, (before, after) in enumerate(spans)}

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for i in range(len(self) - len(self.gates)):
            x = self[i](x)
            if i in self.gates:
                before, gate = self.gates[i]
                x = x * self[gate](maps[before])
            maps.append(x)
        return x


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
