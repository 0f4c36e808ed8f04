"""A network's convolutions by torch on a processor: in bf16 or fp32, as many pictures at once as its caches hold."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

from curate.model.passes import BATCH

if TYPE_CHECKING:
    from curate.model.load import Body, Loaded

_PIXELS = 300_000  # of a forward pass; with more a ResNet's maps outgrow a core's caches (docs/curate.md)


class Rectified(nn.Module):
    """ReLU of a bf16 tensor up to `most`, in place: as whole numbers, the bits of floats have their sign and order.

    The same bits as nn.ReLU's and nn.ReLU6's in a quarter of their time, for torch takes bf16 to fp32 and back. NaN may
    become 0 or `most`.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = int(torch.tensor(most, dtype=torch.bfloat16).view(torch.int16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.view(torch.int16).clamp_(0, self.most)
        return x


def torch_body(loaded: Loaded, dtype: str) -> Body:
    """The convolutions in bf16 or fp32, channels last. Batch norms stay in fp32, which halves the error of bf16.

    A batch passes in equal parts, a power of two of pictures each. In bf16 the values are the same to the bit, and a
    ResNet-50 takes a fifth less time; in fp32 the last bit may differ.
    """
    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    module = copy.deepcopy(loaded.module).to(dtype=kind, memory_format=torch.channels_last)
    for exact, part in zip(loaded.module.modules(), module.modules(), strict=True):
        if isinstance(part, nn.BatchNorm2d):
            part.float().load_state_dict(exact.state_dict())
    if kind == torch.bfloat16 and all(part.isfinite().all() for part in module.state_dict().values()):
        _rectify(module)
    _, height, width = loaded.config["input_size"]
    pictures = at_once(height * width)

    def body(batch: torch.Tensor) -> torch.Tensor:
        parts = batch.to(dtype=kind, memory_format=torch.channels_last).split(pictures)
        return torch.cat([module.forward_features(part) for part in parts])

    return body


def at_once(pixels: int) -> int:
    """How many pictures of so many pixels go through a network together: 1, 2, 4, 8 or BATCH."""
    fit = max(1, _PIXELS // pixels)
    return min(BATCH, 1 << (fit.bit_length() - 1))


def _rectify(module: nn.Module) -> None:
    """Put `Rectified` in the place of each ReLU and ReLU6 of a network that works in place."""
    for parent in module.modules():
        for name, part in parent.named_children():
            if isinstance(part, nn.ReLU | nn.ReLU6) and part.inplace:
                setattr(parent, name, Rectified(6.0 if isinstance(part, nn.ReLU6) else float("inf")))
