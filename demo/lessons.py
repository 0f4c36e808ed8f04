"""What the small ResNet learns from: drawn pictures with their class, and those that are kept from it for the exam."""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from demo.drawing.blocks import BLOCKS
from demo.drawing.palettes import PALETTES
from demo.drawing.quilts import draw as draw_quilt
from demo.drawing.stock import FORMS
from demo.guard import follow_parent

CLASSES = ("quilt", *FORMS)
# Never in a lesson, and all there is in the exam.
EXAM_BLOCKS = ("rail fence", "pinwheel", "churn dash", "bear paw", "Jacob's ladder")
EXAM_PALETTES = ("ember", "glacier", "clay", "carnival")
EXAM_FORMS = ("backpack", "sandal", "rolls", "crowd", "kitchen", "rings", "price_list", "gradient")
# A wall of one of these might well be called patchwork.
FLAT = ("swatch", "drape", "one_colour", "gradient", "no_picture", "banner", "letter", "wordmark")
SIDE = 128  # pixels a side of a lesson; the net sees crops of it


@dataclass(frozen=True)
class Lesson:
    """A square of SIDE pixels, uint8, and the index of its class."""

    pixels: np.ndarray
    label: int


def lessons(count: int, seed: int, *, exam: bool, quilts: float = 0.45) -> list[Lesson]:
    """`count` drawn pictures, a share of `quilts` among them, the other classes about as often as one another."""
    with ProcessPoolExecutor(initializer=follow_parent) as pool:
        drawn = pool.map(partial(lesson, seed=seed, exam=exam, quilts=quilts), range(count), chunksize=32)
        name = "drawing the exam" if exam else "drawing the lessons"
        return list(tqdm(drawn, total=count, desc=name, unit=" pictures", disable=None))


def lesson(number: int, seed: int, *, exam: bool, quilts: float) -> Lesson:
    """The picture of that number; no other knows of it, so any number can be drawn alone."""
    rng = np.random.default_rng([seed, number, int(exam)])
    label = 0 if rng.random() < quilts else int(rng.integers(1, len(CLASSES)))
    image = _quilt(rng, exam=exam) if label == 0 else _other(rng, CLASSES[label], exam=exam)
    return Lesson(np.asarray(_served(rng, image)), label)


def _quilt(rng: np.random.Generator, *, exam: bool) -> Image.Image:
    blocks = [block for name, block in BLOCKS.items() if (name in EXAM_BLOCKS) == exam]
    palettes = [palette for name, palette in PALETTES.items() if (name in EXAM_PALETTES) == exam]
    block = blocks[rng.integers(len(blocks))]
    other = blocks[rng.integers(len(blocks))] if rng.random() < 0.2 else block
    return draw_quilt(rng, block, other, palettes[rng.integers(len(palettes))])


def _other(rng: np.random.Generator, group: str, *, exam: bool) -> Image.Image:
    """Some lessons are a wall of such things: what stands in rows is no quilt yet."""
    forms = [draw for name, draw in FORMS[group].items() if (name in EXAM_FORMS) == exam]
    draw = forms[rng.integers(len(forms))]
    if exam or draw.__name__ in FLAT or rng.random() < 0.75:
        return draw(rng)
    across = int(rng.integers(2, 5))
    size = 320 // across
    wall = Image.new("RGB", (across * size, across * size))
    kinds = [ImageOps.fit(draw(rng), (size, size)) for _ in range(int(rng.integers(1, 5)))]
    for k in range(across * across):
        wall.paste(kinds[rng.integers(len(kinds))], (k % across * size, k // across * size))
    return wall


def _served(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """As a shop sends it and the crawler squares it: compressed, sometimes grey, its middle."""
    if rng.random() < 0.03:
        image = image.convert("L")
    body = io.BytesIO()
    image.save(body, "JPEG", quality=int(rng.integers(45, 95)))
    return ImageOps.fit(Image.open(body).convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
