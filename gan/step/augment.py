"""Differentiable augmentation of what D sees, reals and fakes alike, with random numbers from one generator.

Own code on purpose: torchvision's transforms change a whole batch alike, draw from torch's global generator, and their
warps have no deterministic gradient on a GPU, so a run could not be resumed to the bit.
No cutout: it leaks into the samples (data-efficient-gans#84).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from gan.step.processes import ALONE

if TYPE_CHECKING:
    from gan.nets.values import Values
    from gan.step.processes import Processes

_FADED = 0.01  # pixels: of that deviation a Gaussian has nothing beside its middle, in fp32


def augment(
    x: Tensor,
    values: Values,
    p: float,
    images_seen: int | Tensor,
    rng: torch.Generator,
    group: Processes = ALONE,  # `x` is this process's rows of a batch
) -> Tensor:
    """Pictures (N, 3, H, W) in [-1, 1], each changed in each way that `values` has on; differentiable in `x`.

    Warps and colours apply with probability `p` each, flips with 1/2; noise always, falling with `images_seen`.
    The result may leave [-1, 1].
    """
    n = len(x) * group.count

    def draw(low: float = 0.0, high: float = 1.0) -> Tensor:
        return group.mine(torch.empty((n, 1, 1, 1), device=x.device).uniform_(low, high, generator=rng))

    def some(changed: Tensor, unchanged: Tensor) -> Tensor:
        return changed if p >= 1 else torch.where(draw() < p, changed, unchanged)

    if values.mirror:
        x = torch.where(draw() < 0.5, x.flip(3), x)
    if values.tumble:
        x = torch.where(draw() < 0.5, x.flip(2), x)
        x = torch.where(draw() < 0.5, x.transpose(2, 3), x)
    if values.shift or values.turn or values.zoom:
        x = some(_affine(x, values, draw), x)
    if values.colour:
        x = some(_colour(x, values.colour, draw), x)
    if values.blur and values.blur_kimg:
        x = _blurred(x, values.blur * (1 - images_seen / (1000 * values.blur_kimg)))
    if values.noise:
        left = max(0.0, 1 - float(images_seen) / (1000 * values.noise_kimg)) if values.noise_kimg else 1.0
        if left:
            x = x + values.noise * left * group.mine(torch.randn((n, *x.shape[1:]), device=x.device, generator=rng))
    return x


def _blurred(x: Tensor, sigma: float | Tensor) -> Tensor:
    """By a Gaussian of that standard deviation, by products of matrices, whose gradients CUDA adds in one order.

    At nothing or less the matrix is the identity, so that a recorded step may go on when the blur has faded.
    """
    at = torch.arange(x.shape[-1], device=x.device, dtype=torch.float32)
    sigma = torch.as_tensor(sigma, device=x.device).clamp_min(_FADED).float()
    weights = torch.exp(-(at[:, None] - at).square() / (2 * sigma**2))
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ x @ weights.T


def _affine(x: Tensor, values: Values, draw: _Draw) -> Tensor:
    """Rotation, zoom and shift in one bilinear warp; outside the picture is its mirror image."""
    angle = draw(-values.turn, values.turn) * (math.pi / 180)
    scale = torch.exp(draw(-values.zoom, values.zoom))
    across, down = draw(-2 * values.shift, 2 * values.shift), draw(-2 * values.shift, 2 * values.shift)
    if x.device.type != "cpu" and not (values.turn or values.zoom):
        return _moved(x, across, down)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    theta = torch.cat([cos, -sin, across, sin, cos, down], 1).view(-1, 2, 3)
    grid = affine_grid(theta, list(x.shape), align_corners=False)
    if x.device.type != "cpu":
        return _bilinear(x, grid)
    return grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="reflection", align_corners=False)


def _moved(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """`_affine` where pictures are only shifted: a product with a matrix of their own along each side."""
    matrices = []
    for by, size in ((down, x.shape[2]), (across, x.shape[3])):
        at = torch.arange(size, device=x.device)
        pixel, share = _reflected((2 * at + 1) / size - 1 + by.view(-1, 1), size)
        first, second = (place[..., None] == at for place in (pixel, (pixel + 1).clamp(max=size - 1)))
        matrices.append((first * (1 - share)[..., None] + second * share[..., None])[:, None])
    rows, columns = matrices
    return rows @ x @ columns.mT


def _bilinear(x: Tensor, grid: Tensor) -> Tensor:
    """The grid_sample call of `_affine`, but deterministic: on a GPU, grid_sample's backward() sums in any order."""
    n, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    (left, across), (top, down) = (_reflected(grid[..., i], size) for i, size in enumerate((width, height)))
    first = torch.arange(n, device=x.device).view(-1, 1, 1) * height
    out = torch.zeros((), device=x.device)
    for y, weight_y in ((top, 1 - down), ((top + 1).clamp(max=height - 1), down)):
        for x_, weight_x in ((left, 1 - across), ((left + 1).clamp(max=width - 1), across)):
            out = out + (weight_y * weight_x)[..., None] * pixels[(first + y) * width + x_]
    return out.permute(0, 3, 1, 2)


def _reflected(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Grid coordinates, [-1, 1] inside the picture, as a pixel's index and the weight, 0 to 1, of the next pixel."""
    mirrored = ((position + 1) * size / 2).abs() % (2 * size)
    inside = (torch.minimum(mirrored, 2 * size - mirrored) - 0.5).clamp(0, size - 1)
    pixel = inside.floor()
    return pixel.long(), inside - pixel


def _colour(x: Tensor, strength: float, draw: _Draw) -> Tensor:
    """Random brightness, saturation and contrast; `strength` 1 is DiffAugment's (arXiv 2006.10738)."""
    x = x + draw(-0.5 * strength, 0.5 * strength)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(max(0.0, 1 - strength), 1 + strength)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * draw(1 - 0.5 * strength, 1 + 0.5 * strength)


if TYPE_CHECKING:
    from typing import Protocol

    class _Draw(Protocol):
        def __call__(self, low: float = 0.0, high: float = 1.0) -> Tensor: ...
