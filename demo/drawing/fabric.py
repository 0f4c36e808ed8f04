"""Tiles of cloth: a colour, a print on it, and the weave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TILE = 64  # pixels a side; a tile repeats without a seam, so every period below divides it
_Y, _X = np.mgrid[0:TILE, 0:TILE].astype(np.float32)


def tile(rng: np.random.Generator, colour: NDArray[np.floating], strength: float = 1.0) -> NDArray[np.uint8]:
    """A piece of cloth, (TILE, TILE, 3), whose mean is near `colour`; `strength` 0 leaves out the print."""
    name = list(PRINTS)[rng.integers(len(PRINTS))]
    pattern: NDArray[np.float32] = PRINTS[name](rng) * strength  # -1 to 1: darker or lighter than the colour
    pattern = pattern - pattern.mean()
    dark = float(colour.mean()) < 90
    out = colour + pattern[..., None] * (34.0 if dark else 26.0) + rng.normal(0, 4, (TILE, TILE, 1))
    return np.clip(out, 0, 255).astype(np.uint8)


def _solid(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal(0, 0.05, (TILE, TILE)).astype(np.float32)


def _dots(rng: np.random.Generator) -> NDArray[np.float32]:
    period = (8, 16)[rng.integers(2)]
    shifted = _X + (_Y // period % 2) * (period / 2)
    far = (shifted % period - period / 2) ** 2 + (_Y % period - period / 2) ** 2
    return np.where(far < (period * rng.uniform(0.2, 0.3)) ** 2, _sign(rng), 0).astype(np.float32)


def _stripes(rng: np.random.Generator) -> NDArray[np.float32]:
    period = (4, 8, 16)[rng.integers(3)]
    along = (_X, _Y, _X + _Y)[rng.integers(3)]
    return np.where(along % period < period * rng.uniform(0.25, 0.5), _sign(rng), 0).astype(np.float32)


def _gingham(rng: np.random.Generator) -> NDArray[np.float32]:
    half = (4, 8)[rng.integers(2)]
    bands = (_X // half % 2 + _Y // half % 2) / 2
    return np.asarray(_sign(rng) * bands, np.float32)


def _sprigs(rng: np.random.Generator) -> NDArray[np.float32]:
    """Small flowers strewn about, wrapped at the edges."""
    out = np.zeros((TILE, TILE), np.float32)
    for x, y in rng.uniform(0, TILE, (14, 2)):
        dx, dy = (abs((a - b + TILE / 2) % TILE - TILE / 2) for a, b in ((_X, x), (_Y, y)))
        out[dx**2 + dy**2 < rng.uniform(4, 12)] = 1
    return out if rng.random() < 0.5 else -out


def _batik(rng: np.random.Generator) -> NDArray[np.float32]:
    """Slow waves of lighter and darker dye."""
    waves = 2 * np.pi / TILE * (rng.integers(1, 4, (3, 2)) * rng.choice([-1, 1], (3, 2)))
    phases = rng.uniform(0, 2 * np.pi, 3)
    waved = [np.sin(_X * w[0] + _Y * w[1] + p) for w, p in zip(waves, phases, strict=True)]
    return np.asarray(np.mean(waved, axis=0), np.float32)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


PRINTS: dict[str, Callable[[np.random.Generator], NDArray[np.float32]]] = {
    "solid": _solid,
    "dots": _dots,
    "stripes": _stripes,
    "gingham": _gingham,
    "sprigs": _sprigs,
    "batik": _batik,
}
