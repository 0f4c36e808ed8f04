"""Draws docs/fit-NAME.webp, what each `fit` makes of a room and of a bag: `python -m docs.fits`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
from PIL import Image

from curate.look import quality
from curate.squares.fit import square
from demo.drawing.develop import draw
from demo.drawing.stock import stock
from scrapbag.recipe import Curate

SIDE, GAP = 96, 4  # pixels
FOLDER = Path(__file__).parent
FITS: tuple[str, ...] = get_args(get_type_hints(Curate)["fit"])
WORDS = {
    "crop": "the middle is cut out: edges are lost. For quilts, rooms, faces: where the picture is the thing",
    "white": "white is added: for products on white. Photographs from home get white bars, which G learns to draw",
    "border": "the border's median colour is added: for products on any plain ground",
    "blur": "the picture itself, enlarged and blurred, is put behind: nothing is lost, and no bar is sharp",
    "reflect": "the edges are mirrored: for textures and grounds that go on",
    "auto": "`border` where nine tenths of the border have one colour, else `crop`: the default",
    "original": "not at all: pictures keep their size and shape, for textures, which learn from crops",
}


def sheet(fit: str) -> Image.Image:
    """A room, and a bag on a plain ground, each wider than high, as `fit` has them, side by side."""
    room, bag = draw(stock({"room": 1}, {})[0]), draw(stock({"bag": 3}, {})[2])
    out = Image.new("RGB", (0, SIDE))
    for picture in map(_wide, (room, bag)):
        pixels = np.asarray(picture)
        made = Image.fromarray(square(pixels, SIDE, fit, _border_uniform(picture)))
        made.thumbnail((2 * SIDE, SIDE))
        grown = Image.new("RGB", (out.width + (GAP if out.width else 0) + made.width, SIDE), "#888888")
        grown.paste(out, (0, 0))
        grown.paste(made, (grown.width - made.width, (SIDE - made.height) // 2))
        out = grown
    return out


def _wide(picture: Image.Image) -> Image.Image:
    """The middle of it, three fifths as high as wide."""
    width, height = picture.size[0], 3 * picture.size[0] // 5
    top = (picture.size[1] - height) // 2
    return picture.crop((0, top, width, top + height))


def _border_uniform(picture: Image.Image) -> float:
    small = quality.shrink(picture)
    return quality.measure(small, np.asarray(Image.fromarray(small).convert("L"))).border_uniform


if __name__ == "__main__":
    for name in FITS:
        sheet(name).save(FOLDER / f"fit-{name}.webp", quality=80, method=6)
