"""Pictures that cost nothing to draw, for the tests of what figures say."""

from __future__ import annotations

import numpy as np


def drawn(count: int, seed: int, side: int = 32) -> np.ndarray:
    """Patchwork of random colours, a fine check in every patch: cheap, and no two alike."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (count, 4, 4, 3))
    squares = patches.repeat(side // 4, 1).repeat(side // 4, 2).astype(float)
    check = (np.indices((side, side)).sum(0) % 2 * 2 - 1)[None, :, :, None] * rng.uniform(5, 25, (count, 1, 1, 1))
    return np.asarray((squares + check).clip(0, 255).astype(np.uint8))
