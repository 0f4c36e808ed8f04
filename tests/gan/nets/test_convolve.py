"""Convolutions that are computed another way equal torch's: outputs, gradients, and double backward."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import timm
import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from gan.nets import convolve, frozen
from gan.nets.convolve import Depthwise

CASES = [
    (nn.Conv2d(6, 5, 4, 2, 1, bias=False), convolve.Conv2d(6, 5, 4, 2, 1, bias=False), 8),
    (nn.Conv2d(6, 5, 3, 1, 1), convolve.Conv2d(6, 5, 3, 1, 1), 4),
    (nn.Conv2d(6, 5, 4), convolve.Conv2d(6, 5, 4), 4),
    (nn.Conv2d(6, 5, 3, 1, 1, padding_mode="circular"), convolve.Conv2d(6, 5, 3, 1, 1, padding_mode="circular"), 4),
    (nn.Conv2d(6, 5, 4, 2, 1), convolve.Conv2d(6, 5, 4, 2, 1), 16),
    (nn.ConvTranspose2d(6, 5, 4), convolve.ConvTranspose2d(6, 5, 4), 1),
    (nn.ConvTranspose2d(6, 5, 4, 2, 1), convolve.ConvTranspose2d(6, 5, 4, 2, 1), 4),
    (nn.ConvTranspose2d(6, 5, 4, 2, 1), convolve.ConvTranspose2d(6, 5, 4, 2, 1), 8),
]


def everything(net: nn.Module, x: Tensor) -> list[Tensor]:
    """The output, and the gradients of a loss that contains a gradient, as R1 does."""
    x = x.double().requires_grad_()
    y = net(x)
    (gradient,) = torch.autograd.grad(y.tanh().sum(), x, create_graph=True)
    (y.square().sum() + gradient.square().sum()).backward()
    return [y, x.grad, *(one.grad for one in net.parameters())]


def alike(theirs: nn.Module, ours: nn.Module, x: Tensor) -> None:
    ours.load_state_dict(theirs.state_dict())
    for want, got in zip(everything(theirs.double(), x), everything(ours.double(), x), strict=True):
        torch.testing.assert_close(got, want)


class _FromVector(nn.ConvTranspose2d):
    """As a GPU computes it, here."""

    def forward(self, x: Tensor, _: list[int] | None = None) -> Tensor:
        return convolve._from_vector(x, self.weight, self.bias)


@pytest.mark.parametrize("bias", [True, False])
def test_a_transposed_convolution_of_a_vector_is_a_matrix_product(bias):
    canvas = {"in_channels": 6, "out_channels": 3, "kernel_size": 16, "bias": bias}
    alike(nn.ConvTranspose2d(**canvas), _FromVector(**canvas), torch.randn(4, 6, 1, 1))
    with torch.autocast("cpu", torch.bfloat16):
        y = _FromVector(**canvas)(torch.randn(4, 6, 1, 1))
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_beside_a_cpu_a_vector_takes_the_product_and_a_map_does_not(monkeypatch):
    seen = []
    product = convolve._from_vector
    monkeypatch.setattr(convolve, "_from_vector", lambda *given: seen.append(given[0].shape) or product(*given))
    with torch.device("meta"):
        first, next_one = convolve.ConvTranspose2d(6, 5, 4), convolve.ConvTranspose2d(5, 3, 4, 2, 1)
        y = next_one(first(torch.empty(2, 6, 1, 1)))
    assert (seen, tuple(y.shape)) == ([(2, 6, 1, 1)], (2, 3, 8, 8))


@pytest.mark.parametrize(("theirs", "ours", "side"), copy.deepcopy(CASES))
def test_a_convolution_and_its_gradients_are_torchs(theirs: nn.Module, ours: nn.Module, side: int) -> None:
    alike(theirs, ours, torch.randn(3, 6, side, side))


@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("side", [4, 7])
def test_upsampling_and_convolving_in_one_step_is_doing_so_in_two(mode: Any, kernel: int, side: int) -> None:
    layers = [nn.Upsample(scale_factor=2), nn.Conv2d(6, 5, kernel, padding=kernel // 2, padding_mode=mode)]
    alike(nn.Sequential(*layers), convolve.Grown(*copy.deepcopy(layers)), torch.randn(2, 6, side, side + 2))


def test_half_precision_comes_out_of_small_maps_as_of_large_ones() -> None:
    layer = convolve.Conv2d(6, 5, 4, 2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        small, large = (layer(torch.randn(2, 6, side, side)) for side in (8, 32))
    assert small.dtype == large.dtype == torch.bfloat16
    small.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (7, 9), (5, 6)], ids=str)
@pytest.mark.parametrize("same", [True, False], ids=["padded by timm", "padded by torch"])
def test_a_strided_depthwise_convolution_and_its_gradients_are_torchs(
    kernel: int, stride: int, height: int, width: int, same: bool
) -> None:
    """Of -1, 0 and 1 every sum is a small whole number, which bf16 holds exactly: equal on any processor."""
    kind: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "groups": 6, "bias": False}
    theirs = Conv2dSame(6, 6, **kind) if same else nn.Conv2d(6, 6, padding=kernel // 2, **kind)
    theirs.weight.data = _whole(theirs.weight.shape)
    frozen.freeze(theirs.to(torch.bfloat16))
    x, seen = _whole((4, 6, height, width)).to(torch.bfloat16), []
    u, v = _whole(theirs(x).shape).to(torch.bfloat16), _whole(x.shape).to(torch.bfloat16)
    for net in (theirs, Depthwise(theirs)):
        at = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        along = u.clone().requires_grad_()
        y = net(at)
        (grad,) = torch.autograd.grad(y, at, along, create_graph=True)
        (twice,) = torch.autograd.grad(grad, along, v)
        seen.append((y, grad, twice))
    for want, got in zip(*seen, strict=True):
        assert want.any()
        assert torch.equal(want, got)


def _whole(shape: torch.Size | tuple[int, ...]) -> Tensor:
    return torch.randint(-1, 2, tuple(shape)).float()


def test_lite0_has_four_of_them_and_its_maps_are_the_same_to_the_bit() -> None:
    net = frozen.pretrained("lite0")[0]
    assert sum(isinstance(part, Depthwise) for part in net.modules()) == 4
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=True).eval()
    folded = frozen.folded(plain)
    picture = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = [one.clone() for one in folded(picture)]
        assert all(torch.equal(a, b) for a, b in zip(before, frozen.quick(folded)(picture), strict=True))
