"""What samples are worth, as formulas over feature vectors and pictures. None of them needs a download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from gan.pictures.data import Pixels

NEAR = 5  # the neighbour whose distance is the radius of a point's ball


def kid(reals: Tensor, fakes: Tensor, subset: int = 200, rounds: int = 200) -> tuple[float, float]:
    """Kernel distance (arXiv 1801.01401) times 1000 over random subsets, and what those differ by. Smaller is better.

    A cubic kernel lets a few odd fakes decide, so it wants more of them than there are reals (docs/gan.md).
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
    """Shares of fakes among reals, of reals among fakes (arXiv 1904.06991), of reals with a fake near (2002.09797).

    Precision alone is fooled by one good picture many times over: read it only beside coverage.
    Equal numbers of both are compared, because all three grow with them.
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
    """Whether fakes are nearer to the training set than held-out reals are.

    Returns the area under the curve (0.5: no, 1: every fake is) and the share of fakes that are nearer than 98 % of
    the held-out reals are, which honest samples keep at 0.02.
    """
    ours, theirs = (nearest(x, train) for x in (fakes, held))
    area = (ours[:, None] < theirs[None]).double() + 0.5 * (ours[:, None] == theirs[None]).double()
    return float(area.mean()), float((ours < theirs.quantile(0.02)).double().mean())


def nearest(points: Tensor, among: Tensor) -> Tensor:
    """The distance of each point to the nearest of the others."""
    return torch.cat([torch.cdist(part.double(), among.double()).amin(1) for part in torch.split(points, 256)])


def variety(reals: Tensor, fakes: Tensor) -> float:
    """How far a fake's nearest sister is, over the same among as many reals: near 0 when few pictures come again."""
    n = min(len(reals), len(fakes))
    apart = [
        torch.cdist(x, x).fill_diagonal_(torch.inf).amin(1).median() for x in (fakes[:n].double(), reals[:n].double())
    ]
    return float(apart[0] / apart[1].clamp_min(1e-12))


def sharpness(reals: Pixels, fakes: Pixels) -> float:
    """The finest detail (mean size of a Laplacian) of fakes over that of reals: below 1 is blur, above it noise."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    found = []
    for pixels in (fakes, reals):
        grey = torch.from_numpy(pixels).float().mean(3)[:, None]
        found.append(functional.conv2d(grey, kernel).abs().mean())
    return float(found[0] / found[1].clamp_min(1e-6))


def colour_volume(pixels: Pixels) -> float:
    """The sixth root of the determinant of the covariance of the pictures' mean colours, in grey levels.

    The radius of the cloud of casts: nearly 0 when all pictures share one, however much each varies inside.
    """
    means = torch.from_numpy(pixels).double().mean((1, 2))
    return float(torch.linalg.det(torch.cov(means.T)).clamp_min(0) ** (1 / 6))


def sliced_wasserstein(reals: Pixels, fakes: Pixels, patches: int = 64, slices: int = 128) -> list[float]:
    """Distance of 7x7 patches on three levels of a Laplacian pyramid (arXiv 1710.10196), x1000, finest first."""
    n = min(len(reals), len(fakes))
    rng = torch.Generator().manual_seed(0)
    found = []
    for real, fake in zip(_pyramid(reals[:n]), _pyramid(fakes[:n]), strict=True):
        a, b = (_patches(level, patches, rng) for level in (real, fake))
        project = functional.normalize(torch.randn((a.shape[1], slices), generator=rng), dim=0)
        found.append(1000 * float(((a @ project).sort(0)[0] - (b @ project).sort(0)[0]).abs().mean()))
    return found


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _radius(distances: Tensor) -> Tensor:
    """To the fifth neighbour; the point itself is the first of its row."""
    return distances.kthvalue(min(NEAR + 1, len(distances)), 1)[0]


def _pyramid(pixels: Pixels, levels: int = 3) -> list[Tensor]:
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
    """(N * count, 147), each channel standardised over all."""
    every = functional.unfold(level, 7).transpose(1, 2)
    chosen = torch.randint(0, every.shape[1], (len(every), min(count, every.shape[1])), generator=rng)
    picked = every.gather(1, chosen[:, :, None].expand(-1, -1, every.shape[2])).reshape(-1, 3, 49)
    middle, scale = picked.mean((0, 2), keepdim=True), picked.std((0, 2), keepdim=True).clamp_min(1e-6)
    return ((picked - middle) / scale).reshape(-1, 147)
