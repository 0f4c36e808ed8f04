"""The drawn shop: its pictures laid out over list pages, a catalogue and a wall, and kept in a folder once drawn."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from demo.drawing.develop import SEED, develop
from demo.drawing.stock import DrawnPicture, stock
from demo.guard import follow_parent
from demo.pages import Item, Storefront
from demo.server import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TILES = 240  # pictures on the wall
PER_ITEM = 3
_OPENED = 1_793_800_000.0  # when the shop says that its first picture came, seconds since 1970
_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def shop(folder: Path, pictures: tuple[DrawnPicture, ...] | None = None, seed: int = SEED) -> Storefront:
    """The shop of these pictures. One that is not in `folder` yet is drawn when it is asked for (see `fill`)."""
    pictures = stock() if pictures is None else pictures
    order = np.random.default_rng(seed).permutation(len(pictures))
    # the wall hangs sound pictures only: what is barred or broken belongs to pages that every visitor sees
    wall = [pictures[k] for k in order if pictures[k].flaw in ("", "copy")][: TILES if len(pictures) > 2 * TILES else 0]
    hung = {picture.number for picture in wall}
    items = list(_items(sorted((p for p in pictures if p.number not in hung), key=_kind), seed))
    half, both = len(items) // 2, len(items) // 30
    by_path = {picture.path: picture for picture in pictures}
    return Storefront(
        name="The Scrap Bag",
        identity=_key(pictures, seed),
        listed=items[: half + both],
        mapped=items[half:],
        tiles=[picture.path for picture in wall],
        picture=partial(_serve, folder / _key(pictures, seed), pictures, by_path, seed),
        closed=("/members/",),
    )


def fill(folder: Path, pictures: tuple[DrawnPicture, ...] | None = None, seed: int = SEED) -> int:
    """Draw whatever is not in `folder` yet, on every core. Returns how many were drawn."""
    pictures = stock() if pictures is None else pictures
    shelf = folder / _key(pictures, seed)
    shelf.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in shelf.iterdir()}
    for stale in folder.iterdir():
        if stale != shelf and re.fullmatch("[0-9a-f]{16}", stale.name):
            shutil.rmtree(stale, ignore_errors=True)  # of older code; a server that still sells it draws anew
    missing = [picture for picture in pictures if _name(picture) not in there]
    if not missing:
        return 0
    bar = tqdm(total=len(missing), desc="drawing the shop's pictures", unit=" pictures", disable=None)
    with bar, ProcessPoolExecutor(initializer=follow_parent) as pool:
        jobs = [missing[k : k + 16] for k in range(0, len(missing), 16)]
        for done in pool.map(partial(_draw, shelf, pictures, seed), jobs):
            bar.update(done)
    return len(missing)


def _items(pictures: list[DrawnPicture], seed: int) -> Iterator[Item]:
    """Pictures of a kind, three to an item, the items in a random order; here and there one shows a neighbour's too."""
    rng = np.random.default_rng([seed, 2])
    heaps = [pictures[k : k + PER_ITEM] for k in range(0, len(pictures), PER_ITEM)]
    for number, k in enumerate(rng.permutation(len(heaps)), 1):
        heap = heaps[k]
        shown = [picture.path for picture in heap]
        if number % 12 == 0 and k:
            shown.append(heaps[k - 1][0].path)
        tags = dict.fromkeys(tag for picture in heap for tag in picture.tags)
        rating, votes, price = (
            round(float(rng.triangular(2.5, 4.8, 5.0)), 1),
            int(rng.integers(1, 90)),
            int(rng.integers(9, 900)),
        )
        yield Item(number, heap[0].title, tuple(tags), tuple(shown), rating, votes, price)


def _kind(picture: DrawnPicture) -> tuple[str, tuple[str, ...], int]:
    return picture.group, picture.words, picture.number


def _serve(
    shelf: Path, pictures: tuple[DrawnPicture, ...], by_path: dict[str, DrawnPicture], seed: int, path: str
) -> Reply | None:
    picture = by_path.get(path)
    if picture is None or picture.flaw == "gone":
        return None
    file = shelf / _name(picture)
    if not file.exists():
        _draw(shelf, pictures, seed, (picture,))
    headers = {"X-Robots-Tag": "noai, noimageai"} if picture.flaw == "noai" else {}
    return Reply(file.read_bytes(), _TYPES[Path(path).suffix], modified=_OPENED + 60 * picture.number, headers=headers)


def _draw(shelf: Path, pictures: tuple[DrawnPicture, ...], seed: int, batch: Sequence[DrawnPicture]) -> int:
    shelf.mkdir(parents=True, exist_ok=True)
    for picture in batch:
        part = shelf / f".{picture.number}.{os.getpid()}.part"
        part.write_bytes(develop(picture, pictures, seed))
        part.replace(shelf / _name(picture))
    return len(batch)


def _name(picture: DrawnPicture) -> str:
    return picture.path.rpartition("/")[2]


def _key(pictures: tuple[DrawnPicture, ...], seed: int) -> str:
    """Changes with the pictures, the seed, and the code that draws them."""
    digest = hashlib.sha256(f"{seed} {pictures}".encode())
    for path in sorted((Path(__file__).parent / "drawing").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
