"""The pictures and latents of a step: functions of (seed, step) alone, so a resumed run sees the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gan.nets.values import Values
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels

_WORDS = {"pictures": 1, "latents": 2, "augment": 3, "layers": 5, "rehearsal": 6}  # what chance is for; 4 was labels


def seed_of(seed: int, step: int, word: str) -> int:
    """A 63-bit seed for each step and each of _WORDS."""
    return int(np.random.SeedSequence([seed & (2**63 - 1), step, _WORDS[word]]).generate_state(1, np.uint64)[0]) >> 1


def chance(seed: int, step: int, word: str, device: str = "cpu") -> torch.Generator:
    """The random number generator of a step for one of _WORDS."""
    return torch.Generator(device).manual_seed(seed_of(seed, step, word))


def reals(pictures: Pictures, values: Values, seed: int, step: int, pool: int) -> Pixels:
    """(batch, side, side, 3) uint8, drawn from the first `pool` training pictures with replacement."""
    if pictures.dealer is not None:
        return pictures.dealer.reals(seed, step, values.batch, pool)
    rng = np.random.default_rng(seed_of(seed, step, "pictures"))
    if pictures.squares is None or pictures.chosen is None:
        return crops(pictures.train[:pool], values.crop, values.batch, rng)
    return squares(pictures.squares, pictures.chosen, values.batch, pool, rng)


def squares(every: Pixels, chosen: NDArray[np.intp], count: int, pool: int, rng: np.random.Generator) -> Pixels:
    """(count, side, side, 3) of `every`, drawn from the first `pool` of those at the indices `chosen`."""
    drawn: Pixels = every[chosen[rng.integers(0, pool, count)]]
    return drawn


def some(pictures: list[Pixels], values: Values, count: int, seed: int = 0) -> Pixels:
    """(count, side, side, 3) of `pictures`, in random order: each square at most once, or so many crops."""
    rng = np.random.default_rng(seed)
    if values.crop:
        return crops(pictures, values.crop, count, rng)
    return np.stack([pictures[i] for i in rng.permutation(len(pictures))[:count]])


def crops(pictures: list[Pixels], side: int, count: int, rng: np.random.Generator) -> Pixels:
    """(count, side, side, 3): random crops, each from a picture drawn uniformly."""
    out = np.empty((count, side, side, 3), np.uint8)
    for i, chosen in enumerate(rng.integers(0, len(pictures), count)):
        picture = pictures[chosen]
        y = rng.integers(0, picture.shape[0] - side + 1)
        x = rng.integers(0, picture.shape[1] - side + 1)
        out[i] = picture[y : y + side, x : x + side]
    return out


def pool(pictures: Pictures, values: Values, level: int, images_seen: int) -> int:
    """How many training pictures are drawn from: those up to `level`, or one level more every `widen_kimg`."""
    if values.widen_kimg:
        level = int(min(level, images_seen / (1000 * values.widen_kimg)))
    first = next(count for count in pictures.upto if count)
    return max(pictures.upto[level], first)


def pool_held(pictures: Pictures, values: Values, level: int) -> int:
    """How many held-out pictures are of the levels that a run of `level` ends with; all where none is."""
    if pictures.held_upto is None:
        return pictures.counts[1]
    last = next(k for k, count in enumerate(pictures.upto) if count >= pool(pictures, values, level, 2**62))
    return pictures.held_upto[max(last, level)] or pictures.counts[1]


def to_floats(pixels: Pixels, device: str) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32 in [-1, 1], channels last in memory."""
    tensor = torch.from_numpy(pixels)
    if device != "cpu":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def resized(x: Tensor, side: int) -> Tensor:
    """(N, 3, side, side) of (N, 3, H, W), bilinear; without aliasing where it is made smaller."""
    if x.shape[-1] == side:
        return x
    smaller = x.shape[-1] > side
    return functional.interpolate(x, size=(side, side), mode="bilinear", align_corners=False, antialias=smaller)


def to_bytes(x: Tensor) -> Pixels:
    """The inverse of `to_floats`, on the CPU."""
    pixels: Pixels = x.detach().float().clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def latents(
    values: Values, count: int, rng: torch.Generator, field: tuple[int, int] = (1, 1), std: float = 1.0
) -> Tensor:
    """(count, z + types + waves, *field) from the prior: local latents times `std`, types, and phases in [0, 2 pi)."""
    device, (h, w) = rng.device, field
    local = torch.empty((count, values.z, h, w), device=device)
    local = local.uniform_(-1, 1, generator=rng) if values.law == "uniform" else local.normal_(0, 1, generator=rng)
    kinds = torch.empty((count, values.types, 1, 1), device=device).normal_(0, 1, generator=rng)
    phases = torch.empty((count, values.waves, 1, 1), device=device).uniform_(0, 2 * torch.pi, generator=rng)
    return torch.cat([local * std, kinds.expand(-1, -1, h, w), phases.expand(-1, -1, h, w)], 1)
