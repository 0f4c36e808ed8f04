"""Pictures drawn for the tests of choosing: each seed another one."""

import numpy as np
from PIL import Image


def draw(seed, size=(160, 120)):
    """Coloured shapes with some texture: sharp, full, and unlike any other seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noise = rng.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.uint8(np.clip(np.asarray(coarse) + noise, 0, 255)))


def folder(root, count, start=0):
    """`count` drawn JPEGs in `root`, in the order of their names."""
    root.mkdir(parents=True, exist_ok=True)
    paths = [root / f"{number:04d}.jpg" for number in range(start, start + count)]
    for number, path in enumerate(paths, start):
        draw(number).save(path, quality=90)
    return paths
