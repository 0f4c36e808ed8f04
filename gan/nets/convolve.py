"""torch's convolutions, faster on a CPU: the slope of the weights where maps are small, and growing by copies.

oneDNN walks over a map row by row, and a row of four is an eighth of what the processor's matrix units take at once:
on 4x4 that slope comes at a tenth of the speed of all else. As one product of two matrices, the windows of the larger
map and the slopes, it is four to six times as fast with AMX, and as fast as oneDNN's without (docs/gan.md).
Weights, their names and, but for rounding, results are torch's own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, channels_last, nn
from torch.autograd import Function
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.nn.grad import conv2d_input

SMALL = 5  # the widest small map of which the product pays


class Conv2d(nn.Conv2d):
    """With square kernels."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or self.padding_mode != "zeros":
            return super().forward(x)
        return _convolve(x, self.weight, self.bias, self.stride[0], int(self.padding[0]), up=False)


class ConvTranspose2d(nn.ConvTranspose2d):
    """With square kernels and no padding of the output."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu":
            vector = x.shape[2:] == (1, 1) and self.stride == (1, 1) and self.padding == (0, 0)
            return _from_vector(x, self.weight, self.bias) if vector else super().forward(x, output_size)
        return _convolve(x, self.weight, self.bias, self.stride[0], int(self.padding[0]), up=True)


def _from_vector(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A map of one pixel is a vector, and its transposed convolution a product, which cuDNN does not see."""
    y = (x.flatten(1) @ weight.flatten(1)).view(len(x), *weight.shape[1:]).contiguous(memory_format=channels_last)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


class Grown(nn.Sequential):
    """Twice the size by copies, then a Conv2d with an odd kernel, in one: pixels that are one are multiplied once.

    A kernel of 3 sees at most two by two different pixels of a map of copies, so sums of its weights make a transposed
    kernel of 4 with stride 2: less than half of the multiplications, and the map of copies is never made.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            for layer in self:
                x = layer(x)
            return x
        conv = cast("nn.Conv2d", self[1])
        padding, turned = int(conv.padding[0]), conv.weight.flip(2, 3).transpose(0, 1)
        sums = torch.stack([pad(turned, (i, 1 - i, j, 1 - j)) for i in (0, 1) for j in (0, 1)]).sum(0)
        if conv.padding_mode == "circular":
            around = (padding + 1) // 2
            x, padding = pad(x, (around,) * 4, mode="circular"), padding + 2 * around
        return _convolve(x, sums, conv.bias, 2, padding, up=True)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, *, up: bool) -> Tensor:
    small = x.shape[3] if up else (x.shape[3] + 2 * padding - weight.shape[3]) // stride + 1
    if small > SMALL:
        return (conv_transpose2d if up else conv2d)(x, weight, bias, stride, padding)
    if torch.is_autocast_enabled("cpu"):
        x, weight = (one.to(torch.get_autocast_dtype("cpu")) for one in (x, weight))
    y: Tensor = _ByProduct.apply(x, weight, stride, padding, up)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


class _ByProduct(Function):
    """Its way back is made of operations that have one themselves, as R1, the slope of a slope, needs it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, up: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = stride, padding, up
        return (conv_transpose2d if up else conv2d)(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        (slope,), (x, weight), (stride, padding, up) = slopes, ctx.saved_tensors, ctx.form
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = (
                conv2d(slope, weight, None, stride, padding)
                if up
                else conv2d_input(list(x.shape), weight, slope, stride, padding)
            )
        if ctx.needs_input_grad[1]:
            small, large = (x, slope) if up else (slope, x)
            of_weight = _product(small, large, weight.shape[2], stride, padding)
        return of_x, of_weight, None, None, None


def _product(small: Tensor, large: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """The slope of a weight (small's channels, large's channels, kernel, kernel); both maps are (N, channels, h, w)."""
    n, channels, h, w = small.shape
    padded = pad(large.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)  # (N, h, w, large's channels, kernel, kernel)
    windows = windows.permute(0, 1, 2, 4, 5, 3).reshape(n * h * w, -1)
    slope = small.permute(0, 2, 3, 1).reshape(n * h * w, channels).t() @ windows
    return slope.view(channels, kernel, kernel, -1).permute(0, 3, 1, 2)
