"""torch's convolutions, faster on a CPU: gradients that oneDNN is slow at, and upsampling before a convolution.

oneDNN goes through a map row by row, and a row of four pixels fills an eighth of the processor's matrix units: the
weight gradient of a 4x4 map runs at a tenth of the speed of all else. Computed as one matrix product (im2col), it is
four to six times as fast with AMX, and as fast as oneDNN's without (docs/gan-records.md).
In bf16 it has no fast input gradient of a depthwise convolution with a stride: a third of what a step through a teacher
took. Spread out with zeros between, the output's gradient is convolved in a fifteenth of the time.
Parameters and their names are those of torch.nn; results differ from torch's by rounding only.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, channels_last, nn
from torch.autograd import Function
from torch.nn.functional import conv2d, conv_transpose2d, pad
from torch.nn.grad import conv2d_input

SMALL = 5  # pixels: the widest map for which the matrix product is faster


class Conv2d(nn.Conv2d):
    """torch.nn.Conv2d for square kernels, strides and padding."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or self.padding_mode != "zeros":
            return super().forward(x)
        return _convolve(x, self.weight, self.bias, self.stride[0], int(self.padding[0]), up=False)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch.nn.ConvTranspose2d for square kernels without output padding."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu":
            vector = x.shape[2:] == (1, 1) and self.stride == (1, 1) and self.padding == (0, 0)
            return _from_vector(x, self.weight, self.bias) if vector else super().forward(x, output_size)
        return _convolve(x, self.weight, self.bias, self.stride[0], int(self.padding[0]), up=True)


class Depthwise(nn.Module):
    """A square depthwise convolution of constant weights; `of` is torch's, or timm's that pads by itself."""

    def __init__(self, of: nn.Conv2d) -> None:
        super().__init__()
        self.same = isinstance(of, Conv2dSame)
        self.weight, self.bias, self.stride = of.weight, of.bias, of.stride[0]
        self.padding = int(of.padding[0])  # timm's has none of its own

    def forward(self, x: Tensor) -> Tensor:
        x = pad_same(x, list(self.weight.shape[2:]), [self.stride] * 2) if self.same else x
        if x.device.type != "cpu" or self.weight.dtype != torch.bfloat16:
            return conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=len(self.weight))
        y: Tensor = _Spread.apply(x, self.weight, self.bias, self.stride, self.padding)
        return y


def _from_vector(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The transposed convolution of (N, C, 1, 1), as one matrix product: much faster than what cuDNN chooses."""
    y = (x.flatten(1) @ weight.flatten(1)).view(len(x), *weight.shape[1:]).contiguous(memory_format=channels_last)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


class Grown(nn.Sequential):
    """Nearest-neighbour upsampling by 2, then a Conv2d with an odd kernel, computed as one transposed convolution.

    A 3x3 kernel on an upsampled map covers at most 2x2 different pixels, so the same result is a transposed
    convolution with stride 2, whose 4x4 kernel holds sums of the 3x3 weights: less than half of the multiplications,
    and the upsampled map is never made.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            with torch.autocast("cuda", enabled=False):  # which would copy pixels in 32 bits
                x = self[0](x)
            return cast("Tensor", self[1](x))
        conv = cast("nn.Conv2d", self[1])
        padding, flipped = int(conv.padding[0]), conv.weight.flip(2, 3).transpose(0, 1)
        sums = torch.stack([pad(flipped, (i, 1 - i, j, 1 - j)) for i in (0, 1) for j in (0, 1)]).sum(0)
        if conv.padding_mode == "circular":
            around = (padding + 1) // 2
            x, padding = pad(x, (around,) * 4, mode="circular"), padding + 2 * around
        return _convolve(x, sums, conv.bias, 2, padding, up=True)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, *, up: bool) -> Tensor:
    """The convolution of x, transposed where `up`; by torch unless the smaller of its two maps is small."""
    small = x.shape[3] if up else (x.shape[3] + 2 * padding - weight.shape[3]) // stride + 1
    if small > SMALL:
        return (conv_transpose2d if up else conv2d)(x, weight, bias, stride, padding)
    if torch.is_autocast_enabled("cpu"):
        x, weight = (one.to(torch.get_autocast_dtype("cpu")) for one in (x, weight))
    y: Tensor = _ByProduct.apply(x, weight, stride, padding, up)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


class _ByProduct(Function):
    """A convolution (transposed where `up`) whose weight gradient is a matrix product.

    backward() uses differentiable operations only, because R1 differentiates the gradient (double backward).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, up: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.form = stride, padding, up
        return (conv_transpose2d if up else conv2d)(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        (grad,), (x, weight), (stride, padding, up) = grad_outputs, ctx.saved_tensors, ctx.form
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = (
                conv2d(grad, weight, None, stride, padding)
                if up
                else conv2d_input(list(x.shape), weight, grad, stride, padding)
            )
        if ctx.needs_input_grad[1]:
            small, large = (x, grad) if up else (grad, x)
            grad_weight = _weight_gradient(small, large, weight.shape[2], stride, padding)
        return grad_x, grad_weight, None, None, None


class _Spread(Function):
    """A depthwise convolution with a gradient for x alone; backward() uses differentiable operations, as above."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.form = x.shape, stride, padding
        return conv2d(x, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None, None]:
        (grad,), (weight,), ((n, channels, height, width), stride, padding) = grad_outputs, ctx.saved_tensors, ctx.form
        kernel, first = weight.shape[2], weight.shape[2] - 1 - padding
        rows, columns = (slice(first, first + stride * (side - 1) + 1, stride) for side in grad.shape[2:])
        spread = grad.new_zeros(n, height + kernel - 1, width + kernel - 1, channels).permute(0, 3, 1, 2)
        spread[:, :, rows, columns] = grad
        return conv2d(spread, weight.flip(2, 3), groups=channels), None, None, None, None


def _weight_gradient(small: Tensor, large: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """(small's channels, large's channels, kernel, kernel), from two maps of (N, channels, h, w).

    `small` is the map on the side with fewer pixels: a convolution's output gradient, a transposed one's input.
    """
    n, channels, h, w = small.shape
    padded = pad(large.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)  # (N, h, w, large's channels, kernel, kernel)
    windows = windows.permute(0, 1, 2, 4, 5, 3).reshape(n * h * w, -1)
    gradient = small.permute(0, 2, 3, 1).reshape(n * h * w, channels).t() @ windows
    return gradient.view(channels, kernel, kernel, -1).permute(0, 3, 1, 2)
