"""What a server deals: squares as they are, or variations of them, the same bytes for the same question."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
import torchvision
from torchvision.transforms.v2 import functional

from gan.pictures import batches, wire
from gan.pictures.dealt import MODEL
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels

MOST = 4096  # pictures of a batch ...
LARGEST = 2**26  # ... and bytes of them
DEFAULTS = {"n": "64", "seed": "0", "augment": wire.MILD}
_VARIATIONS = 1  # the version of `variation`
_AREA, _COLOUR = 0.8, 0.1  # of a crop, at least; how far brightness, contrast and saturation go from 1
_CHANGES = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class BatchQuery:
    """The question of /batch.tar."""

    n: int  # pictures, drawn with replacement
    size: int  # of each, in pixels
    seed: int  # 0 to 2^63 - 1
    of: int  # drawn from the first so many training pictures, which are in the order of levels
    augment: str  # wire.PLAIN or wire.MILD


class Deck:
    """The pictures of a dataset, and what can be asked of them. It changes nothing and may be used by many threads."""

    def __init__(self, pictures: Pictures, model: str) -> None:
        """`pictures` are squares of one side, of data.load; `model` chose them."""
        assert pictures.squares is not None
        assert pictures.chosen is not None
        assert pictures.held_upto is not None
        torch.set_num_threads(1)  # with more of them a mean is summed in another order
        self._squares, self._train = pictures.squares, pictures.chosen
        self._parts = {"train": pictures.train, "held": pictures.held}
        train, held = pictures.counts
        self.offer = wire.Offer(
            version=wire.VERSION, key=pictures.key, side=pictures.side, train=train, held=held, upto=pictures.upto,
            held_upto=pictures.held_upto, variations=variations(), model=model if MODEL.fullmatch(model) else "",
        )  # fmt: skip

    def asked(self, query: Mapping[str, str]) -> BatchQuery:
        """The question in a query. Raises UsageError for what cannot be asked."""
        sides = {self.offer.side, *(2**k for k in range(3, 12) if 2**k < self.offer.side)}
        given = {**DEFAULTS, "size": str(self.offer.side), "of": str(self.offer.train), **query}
        if unknown := sorted(given.keys() - {one.name for one in fields(BatchQuery)}):
            raise UsageError(f"there is no {unknown[0]!r:.40}; a batch has n, size, seed, of and augment")
        n, size, seed, of = (_number(name, given[name]) for name in ("n", "size", "seed", "of"))
        if size not in sides:
            raise UsageError(f"size is {size}; write one of {', '.join(map(str, sorted(sides)))}, the squares' own")
        most = min(MOST, LARGEST // (3 * size * size))
        if not 1 <= n <= most:
            raise UsageError(f"n is {n}; write 1 to {most} at this size")
        if not 1 <= of <= self.offer.train:
            raise UsageError(f"of is {of}; write 1 to {self.offer.train}, the pictures that there are")
        if given["augment"] not in (wire.PLAIN, wire.MILD):
            raise UsageError(f"augment is {given['augment']!r:.40}; write {wire.PLAIN} or {wire.MILD}")
        return BatchQuery(n, size, seed, of, given["augment"])

    def tag(self, asked: BatchQuery | str) -> str:
        """What is the same as long as the answer is, known without dealing (RFC 9110, ETag)."""
        words = f"{wire.VERSION} {variations()} {self.offer.key} {asked}"
        return hashlib.sha256(words.encode()).hexdigest()[:32]

    def batch(self, asked: BatchQuery) -> bytes:
        """The tar. Picture i of a seed is the same whatever n is."""
        rng = np.random.default_rng(asked.seed)
        pixels = batches.squares(self._squares, self._train, asked.n, asked.of, rng)
        if asked.augment == wire.MILD:
            pixels = np.stack([
                variation(one, asked.size, np.random.default_rng([asked.seed, i])) for i, one in enumerate(pixels)
            ])  # fmt: skip
        elif asked.size != self.offer.side:
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2)
            pixels = functional.resize(x, [asked.size, asked.size], antialias=True).permute(0, 2, 3, 1).numpy()
        return wire.pack(pixels)

    def squares(self, part: str, at: str) -> bytes:
        """The tar of the squares at some places of a part, as they are. Raises UsageError for places that are not."""
        if part not in self._parts:
            raise UsageError(f"part is {part!r:.40}; write {' or '.join(wire.PARTS)}")
        pictures, places = self._parts[part], [_number("at", one) for one in at.split(",")]
        most = min(MOST, LARGEST // (3 * self.offer.side**2))
        if len(places) > most or max(places) >= len(pictures):
            raise UsageError(f"at is places from 0 to {len(pictures) - 1}, up to {most} of them, with commas between")
        return wire.pack(np.stack([pictures[place] for place in places]))


def variation(picture: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """(side, side, 3) of a square (H, H, 3), mild enough for a GAN that learns from nothing else.

    Mirrored or not; a square crop of 80 to 100 % of the area; brightness, contrast and saturation within 10 %.
    """
    whole = picture.shape[0]
    inner = round(whole * float(rng.uniform(_AREA, 1)) ** 0.5)
    top, left = rng.integers(0, whole - inner + 1, 2).tolist()
    x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    if rng.integers(2):
        x = functional.horizontal_flip(x)
    x = functional.resized_crop(x, top, left, inner, inner, [side, side], antialias=True)
    for change in _CHANGES:
        x = change(x, float(rng.uniform(1 - _COLOUR, 1 + _COLOUR)))
    pixels: Pixels = x.permute(1, 2, 0).numpy()
    return pixels


@cache
def variations() -> str:
    """The version of what `variation` computes: other libraries and processors may round another way."""
    libraries = f"torch {torch.__version__} torchvision {torchvision.__version__}"
    return f"{_VARIATIONS} {libraries} {torch.backends.cpu.get_cpu_capability()}"


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= 2**63:
        raise UsageError(f"{name} is {text!r:.40}; write a whole number, 0 or more")
    return int(text)
