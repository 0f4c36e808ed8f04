"""curated/ packed into one file of pixels, under a key that is the hash of just what was packed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from scrapbag.disk import lock, sync, write_text
from scrapbag.errors import LockedError, UsageError, never_full
from scrapbag.layout import METADATA, Pack

if TYPE_CHECKING:
    from pathlib import Path

Pixels = NDArray[np.uint8]  # of pictures: (N, H, W, 3) or (H, W, 3), RGB
Rows = list[tuple[str, int]]  # (file name, level) of every picture, by level, then name

FORMATS = ("PNG", "JPEG", "WEBP")
VERSION = 2  # 2: of few pictures at most a quarter is held out
_TRIES = 5


def packed(curated: Path, folder: Path) -> Pack:
    """The pack of `curated` in `folder`, made if its content is not there yet.

    `make curate` may put another curated/ in this one's place at any moment; then all is read anew. Raises UsageError,
    in one sentence, for pictures that cannot be trained on, LockedError when curated/ changes all the time.
    """
    for _ in range(_TRIES):
        before = _identity(curated)
        try:
            rows = _rows(curated)
            pack = Pack(folder / _key(curated, rows))
            if pack.index.exists():
                return pack
            with lock(folder, "pack"):
                if pack.index.exists() or _pack(curated, rows, pack):
                    return pack
        except UsageError:
            if _identity(curated) == before:
                raise
    raise LockedError(f"{curated} changes while it is read; wait for make curate, and run it again")


def _identity(folder: Path) -> int:
    return folder.stat().st_ino if folder.exists() else 0


def _rows(curated: Path) -> Rows:
    if not curated.is_dir():
        raise UsageError(f"there are no squares in {curated}; run make curate first")
    table = curated / METADATA
    if table.exists():
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                rows = [(row["file_name"], _level(row.get("level"))) for row in csv.DictReader(file)]
        except (KeyError, ValueError, csv.Error) as error:
            raise UsageError(f"{table} cannot be read ({error}); run make curate again") from None
    else:
        paths = (path for path in curated.iterdir() if not path.name.startswith("."))  # ._00001.png is of macOS
        rows = [(p.name, 0) for p in paths if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")]
    if not rows:
        raise UsageError(f"{curated} has no pictures; lower THRESH or scrape more")
    return sorted(rows, key=lambda row: (row[1], row[0]))


def _level(text: str | None) -> int:
    """0 where none is said. Raises ValueError."""
    if (text or "0") not in ("0", "1", "2", "3"):
        raise ValueError(f"level {text!r:.20} is none of 0 to 3")
    return int(text or "0")


class _Key:
    """The hash of a pack's content, as its pictures are read in their order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256(f"pack {VERSION}\n".encode())

    def add(self, name: str, level: int, content: str) -> None:
        self._digest.update(os.fsencode(f"{name} {level} {content}\n"))

    def __str__(self) -> str:
        return self._digest.hexdigest()[:16]


def _key(curated: Path, rows: Rows) -> str:
    key = _Key()
    for name, level in rows:
        try:
            with (curated / name).open("rb") as file:
                key.add(name, level, hashlib.file_digest(file, "sha256").hexdigest())
        except (OSError, ValueError) as error:
            raise _unreadable(curated / name, error) from None
    return str(key)


def _pack(curated: Path, rows: Rows, pack: Pack) -> bool:
    """Write the pixels one after the other, and at the end the index, without which they do not count.

    False, and nothing is left, where what was read is not what the pack's name says. Packs of older curations are
    deleted first: gigabytes that can be made again. A run that has one mapped keeps it.
    """
    for old in pack.root.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
    pack.root.mkdir(parents=True)
    shapes, key, pixels = [], _Key(), hashlib.sha256()
    with pack.pixels.open("wb") as file:
        for name, level in tqdm(rows, desc="pack", unit="picture", disable=None, leave=False):
            try:
                body = (curated / name).read_bytes()
            except (OSError, ValueError) as error:
                raise _unreadable(curated / name, error) from None
            key.add(name, level, hashlib.sha256(body).hexdigest())
            picture = _decoded(curated / name, body)
            shapes.append(list(picture.shape[:2]))
            flat = picture.tobytes()
            pixels.update(flat)
            file.write(flat)
    if str(key) != pack.root.name:
        shutil.rmtree(pack.root)
        return False
    sync(pack.pixels)
    index = {"names": [name for name, _ in rows], "levels": [level for _, level in rows], "shapes": shapes}
    write_text(pack.index, json.dumps(index | {"sha256": pixels.hexdigest()}))
    return True


def _decoded(path: Path, body: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            if image.mode != "RGB":
                kind = {"L": "is grey", "RGBA": "has transparency", "LA": "has transparency", "P": "has a palette"}
                raise UsageError(
                    f"{path} {kind.get(image.mode, f'is {image.mode}')} and cannot be trained on; "
                    "make curate writes plain RGB, so run it, or convert the picture"
                )
            image.load()
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        never_full(error)
        raise UsageError(f"{path} is broken ({error}); run make curate again, or take it away") from None


def _unreadable(path: Path, error: Exception) -> UsageError:
    never_full(error)
    why = getattr(error, "strerror", None) or error  # a name with a zero byte is a ValueError
    return UsageError(f"cannot read {str(path)!r} ({why}); run make curate again")
