"""Named palettes: two grounds, light or dark, and five colours that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageColor

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The grounds and the colours of one quilt's cloth."""

    name: str
    grounds: tuple[Colour, ...]
    colours: tuple[Colour, ...]


_TABLE = {
    # name: grounds / colours
    "harbour": "f4efe2 dfe8ec / 1d3c5a 3f7ea6 c8442f e0b04c 7fb0a8",
    "barn": "f2e8d5 efe0c4 / 8e1b1f 2f2f35 b5882f 5a6b3b d46a4c",
    "meadow": "fbf6e4 eef3d8 / 3f7d3a a5c04e f1c233 d9622b 6a9fb5",
    "orchard": "fff4e6 f6e3c5 / c0392b 6b8e23 e67e22 f4d03f 7b3f2b",
    "dusk": "ece6f2 d9d0e6 / 3c2a5e 7d5ba6 e08e79 f2c57c 2f6f8f",
    "ember": "2a1a1f 3b2326 / d7263d f46036 f9c22e fbe3b5 7a1f3d",
    "glacier": "f3f8fb dcebf2 / 0f4c75 3fa7d6 8ad1e8 59788e b8e0d2",
    "bazaar": "fdf0d5 f7e1b5 / c1121f 00798c edae49 6a4c93 2e933c",
    "lagoon": "e6fffa f0f7ee / 006d77 3bb5a5 ffb4a2 e29578 264653",
    "amish": "17161c 20202c / 7b2cbf 1d4ed8 c9184a 2a9d8f 5c677d",
    "feedsack": "fffaf0 f8f1ff / f28fad 7ec4cf f7d070 93c47d b39cd0",
    "clay": "f5e9dd ead7c3 / 9c4a2f c97b4a 5d4037 8a9a5b d9a566",
    "indigo": "f7f7f2 e9ecef / 14213d 274690 576ca8 9fb4d8 3d348b",
    "carnival": "ffffff 10121c / e6194b f58231 ffe119 3cb44b 4363d8",
    "rosewood": "fdf1f3 f2d7d9 / 7b1e3a b5446e e497a5 5b6c5d d4a373",
    "pine": "f1f0e6 d8e2d3 / 0b3d2e 2f6b4f a63d40 d9b44a 7c9473",
    "thistle": "f5f0f6 23203a / 6d597a b56576 e56b6f eaac8b 457b9d",
    "citrus": "fffde7 f1f8e9 / ff7043 ffca28 9ccc65 26a69a ec407a",
}


def _read(name: str, row: str) -> Palette:
    grounds, colours = (tuple(ImageColor.getrgb(f"#{code}")[:3] for code in half.split()) for half in row.split(" / "))
    return Palette(name, grounds, colours)


PALETTES = {name: _read(name, row) for name, row in _TABLE.items()}


def cloth(rng: np.random.Generator, palette: Palette) -> list[NDArray[np.float32]]:
    """Five colours by role (ground, main, second, third, accent), shuffled and dyed a little differently each time.

    The main colour is the one of two draws that stands out more from the ground.
    """
    ground = np.array(palette.grounds[rng.integers(len(palette.grounds))], np.float32)
    colours = [np.array(c, np.float32) for c in rng.permutation(np.array(palette.colours))]
    if abs(_lightness(colours[1] - ground)) > abs(_lightness(colours[0] - ground)):
        colours[0], colours[1] = colours[1], colours[0]
    return [np.clip(c + rng.normal(0, 7, 3), 0, 255).astype(np.float32) for c in [ground, *colours[:4]]]


def scraps_of(rng: np.random.Generator, palette: Palette, count: int) -> NDArray[np.float32]:
    """Colours of cloth that was left over, (count, 3): of this palette, or of any."""
    every = [palette] if rng.random() < 0.5 else list(PALETTES.values())
    colours = np.array([colour for one in every for colour in one.colours], np.float32)
    dyed = colours[rng.integers(len(colours), size=count)] + rng.normal(0, 25, (count, 3))
    return np.clip(dyed, 0, 255).astype(np.float32)


def _lightness(colour: NDArray[np.float32]) -> float:
    return float(colour @ np.array([0.299, 0.587, 0.114], np.float32))
