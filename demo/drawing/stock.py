"""What lies in the drawn shop: every picture's number, what it shows, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.drawing.blocks import BLOCKS
from demo.drawing.graphics import GRAPHICS
from demo.drawing.palettes import PALETTES
from demo.drawing.products import PRODUCTS
from demo.drawing.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from PIL import Image

FORMS: dict[str, dict[str, Callable[[np.random.Generator], Image.Image]]] = {**PRODUCTS, **SCENES, **GRAPHICS}
COUNTS = {
    "quilt": 2200,
    "bag": 110,
    "shoe": 110,
    "fabric": 110,
    "person": 90,
    "room": 90,
    "logo": 60,
    "text": 60,
    "blank": 40,
}
FLAWS = {
    "copy": 40,  # the bytes of another picture under an address of its own
    "near": 40,  # another picture again, smaller, cut a little, compressed harder
    "truncated": 12,  # a body that ends too early
    "html": 10,  # a page of regrets named .jpg
    "empty": 6,  # no bytes at all
    "misnamed": 16,  # a PNG named .jpg; nothing is wrong with its picture
    "tiny": 10,  # a thumbnail
    "gone": 8,  # 404
    "members": 6,  # robots.txt asks not to fetch it
    "noai": 6,  # the server says, in a header, that it is not for training
}


@dataclass(frozen=True)
class DrawnPicture:
    """One picture of the shop. It is drawn from its number and the shop's seed alone."""

    number: int
    group: str  # quilt, bag, ...
    words: tuple[str, ...]  # of a quilt its block, the block that takes turns with it, its palette; else its form
    flaw: str = ""
    like: int | None = None  # the number of the picture that it repeats

    @property
    def path(self) -> str:
        """Where the shop serves it. The name says .png or .jpg; what comes may differ."""
        folder = "members" if self.flaw == "members" else "pictures"
        suffix = "png" if self.number * 61 % 97 < 8 and self.flaw in ("", "copy") else "jpg"
        return f"/{folder}/{self.number:05d}.{suffix}"

    @property
    def title(self) -> str:
        """What a shop calls it."""
        if self.group == "quilt":
            return f"{self.words[0][0].upper()}{self.words[0][1:]} quilt, {self.words[2]}"
        return f"{self.words[0].replace('_', ' ').capitalize()} ({self.group})"

    @property
    def tags(self) -> tuple[str, ...]:
        own = ("patchwork",) if self.group == "quilt" else (self.group,)
        return tuple(dict.fromkeys(word.replace("_", " ") for word in (*own, *self.words)))


def stock(counts: dict[str, int] | None = None, flaws: dict[str, int] | None = None) -> tuple[DrawnPicture, ...]:
    """Every picture, by number; blocks, palettes and forms come in turn, so each is there about as often."""
    pictures: list[DrawnPicture] = []
    for group, count in (COUNTS if counts is None else counts).items():
        pictures += [DrawnPicture(len(pictures) + k, group, _words(group, k)) for k in range(count)]
    sound = len(pictures)
    for flaw, count in (FLAWS if flaws is None else flaws).items():
        for k in range(count):
            number = len(pictures)
            model = pictures[(k * 53 + 7) % sound] if sound else DrawnPicture(0, "quilt", _words("quilt", k))
            like = model.number if flaw in ("copy", "near") else None
            pictures.append(DrawnPicture(number, model.group, model.words, flaw, like))
    return tuple(pictures)


def summary(pictures: tuple[DrawnPicture, ...]) -> str:
    """How many there are of each group, in words."""
    groups = Counter("broken or barred" if p.flaw and p.like is None else p.group for p in pictures)
    return ", ".join(f"{count:,} {group}" for group, count in groups.most_common())


def _words(group: str, k: int) -> tuple[str, ...]:
    if group != "quilt":
        forms = list(FORMS[group])
        return (forms[k % len(forms)],)
    blocks, palettes = list(BLOCKS), list(PALETTES)
    block = blocks[k % len(blocks)]
    partner = blocks[(k * 7 + 3) % len(blocks)] if k % 5 == 0 else block
    return block, partner, palettes[k // len(blocks) % len(palettes)]
