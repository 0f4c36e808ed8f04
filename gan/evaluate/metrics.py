"""Metrics of samples, as formulas over feature vectors (N, width) and pictures (N, H, W, 3) of uint8.

Own code on purpose: no one library has these over features of our choice; those that have KID bring a network to
download, and each formula here is a few lines that can be compared with its paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from gan.pictures.packing import Pixels

NEAR = 5  # k of the k-nearest-neighbour balls, the k of arXiv 2002.09797


def kid(reals: Tensor, fakes: Tensor, subset: int = 200, rounds: int = 200) -> tuple[float, float]:
    """Kernel Inception Distance, its unbiased MMD^2 estimate with a cubic kernel (arXiv 1801.01401, section 4).

    Returns the mean over random subsets, times 1000, and its standard error. 0 means equal distributions, smaller is
    better. A cubic kernel gives outliers much weight, so fakes should be many (docs/gan.md).
    """
    rng = torch.Generator().manual_seed(0)
    n = max(2, min(subset, len(reals) // 2, len(fakes) // 2))
    found = []
    for _ in range(rounds):
        x, y = (part[torch.randperm(len(part), generator=rng)[:n]].double() for part in (reals, fakes))
        xx, yy, xy = (_kernel(a, b) for a, b in ((x, x), (y, y), (x, y)))
        within = (xx.sum() - xx.trace() + yy.sum() - yy.trace()) / (n * (n - 1))
        found.append(within - 2 * xy.mean())
    each = 1000 * torch.stack(found)
    return float(each.mean()), float(each.std() / rounds**0.5)


def precision_recall_coverage(reals: Tensor, fakes: Tensor) -> tuple[float, float, float]:
    """Precision and recall (arXiv 1904.06991, eq. 1 and 2) and coverage (2002.09797), each from 0 to 1.

    The share of fakes inside the k-NN ball of a real, of reals inside that of a fake, and of reals whose own ball holds
    a fake. One good picture repeated has a precision of 1: read it beside coverage only. As many reals as fakes are
    used, because all three depend on the numbers.
    """
    n = min(len(reals), len(fakes))
    reals, fakes = reals[:n].double(), fakes[:n].double()
    across = torch.cdist(reals, fakes)
    radius_real, radius_fake = (_radius(torch.cdist(x, x)) for x in (reals, fakes))
    precision = (across < radius_real[:, None]).any(0)
    recall = (across < radius_fake[None]).any(1)
    coverage = across.amin(1) < radius_real
    return _share(precision), _share(recall), _share(coverage)


def _share(which: Tensor) -> float:
    return float(which.double().mean())


def copying(train: Tensor, held: Tensor, fakes: Tensor) -> tuple[float, float]:
    """Whether fakes are nearer to the training pictures than held-out reals are.

    Returns the area under the ROC curve of the two distributions of nearest distances (0.5: no, 1: every fake is), and
    the share of fakes under the second percentile of held-out reals, which is 0.02 where nothing is copied.
    """
    ours, theirs = (nearest(x, train) for x in (fakes, held))
    area = (ours[:, None] < theirs[None]).double() + 0.5 * (ours[:, None] == theirs[None]).double()
    return float(area.mean()), float((ours < theirs.quantile(0.02)).double().mean())


def nearest(points: Tensor, among: Tensor) -> Tensor:
    """(N,): the distance of each of `points` to the nearest of `among`."""
    return torch.cat([torch.cdist(part.double(), among.double()).amin(1) for part in torch.split(points, 256)])


def variety(reals: Tensor, fakes: Tensor) -> float:
    """The median distance from a fake to its nearest other fake, over that of as many reals: near 0 for few modes."""
    n = min(len(reals), len(fakes))
    apart = [
        torch.cdist(x, x).fill_diagonal_(torch.inf).amin(1).median() for x in (fakes[:n].double(), reals[:n].double())
    ]
    return float(apart[0] / apart[1].clamp_min(1e-12))


def sharpness(reals: Pixels, fakes: Pixels) -> float:
    """The mean absolute Laplacian of fakes over that of reals: below 1 is blur, above 1 noise."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    found = []
    for pixels in (fakes, reals):
        grey = torch.from_numpy(pixels).float().mean(3)[:, None]
        found.append(functional.conv2d(grey, kernel).abs().mean())
    return float(found[0] / found[1].clamp_min(1e-6))


def colour_volume(pixels: Pixels) -> float:
    """det(covariance of the pictures' mean colours) ** (1/6): the geometric mean of three standard deviations.

    In grey levels, along the principal axes of the mean colours; 0 when these lie on one plane.
    """
    means = torch.from_numpy(pixels).double().mean((1, 2))
    return float(torch.linalg.det(torch.cov(means.T)).clamp_min(0) ** (1 / 6))


def sliced_wasserstein(reals: Pixels, fakes: Pixels, patches: int = 64, slices: int = 128) -> list[float]:
    """Sliced Wasserstein distance of 7x7 patches on three levels of a Laplacian pyramid, times 1000, finest first.

    arXiv 1710.10196, section 5.
    """
    n = min(len(reals), len(fakes))
    rng = torch.Generator().manual_seed(0)
    found = []
    for real, fake in zip(_pyramid(reals[:n]), _pyramid(fakes[:n]), strict=True):
        a, b = (_patches(level, patches, rng) for level in (real, fake))
        project = functional.normalize(torch.randn((a.shape[1], slices), generator=rng), dim=0)
        found.append(1000 * float(((a @ project).sort(0)[0] - (b @ project).sort(0)[0]).abs().mean()))
    return found


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x . y / d + 1) ** 3, d the width."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def _radius(distances: Tensor) -> Tensor:
    """The distance to the fifth neighbour, from a square matrix; the first of each row is the point itself."""
    return distances.kthvalue(min(NEAR + 1, len(distances)), 1)[0]


def _pyramid(pixels: Pixels, levels: int = 3) -> list[Tensor]:
    """A Laplacian pyramid, finest level first."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    row = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    blur = (row[:, None] * row).expand(3, 1, 5, 5)
    parts = []
    for _ in range(levels - 1):
        small = functional.conv2d(functional.pad(x, (2, 2, 2, 2), "reflect"), blur, groups=3)[:, :, ::2, ::2]
        parts.append(x - functional.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False))
        x = small
    return [*parts, x]


def _patches(level: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """(N * count, 147) random patches, each channel standardised over all of them."""
    every = functional.unfold(level, 7).transpose(1, 2)
    chosen = torch.randint(0, every.shape[1], (len(every), min(count, every.shape[1])), generator=rng)
    picked = every.gather(1, chosen[:, :, None].expand(-1, -1, every.shape[2])).reshape(-1, 3, 49)
    mean, scale = picked.mean((0, 2), keepdim=True), picked.std((0, 2), keepdim=True).clamp_min(1e-6)
    return ((picked - mean) / scale).reshape(-1, 147)
