"""A folder of photographs as a shop: one item a picture, its bytes as they are on the disk."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from demo.pages import Item, Storefront
from demo.server import Reply

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".avif": "image/avif", ".heic": "image/heic",
}  # fmt: skip


def folder_shop(folder: Path) -> Storefront:
    """A shop of every picture file below `folder`; /pictures/ + its path below `folder` is its address.

    An item says no more of a picture than the sub-folder that it lies in. Raises click.UsageError when there is none.
    """
    files = {
        f"/pictures/{quote(path.relative_to(folder).as_posix())}": path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in TYPES and path.is_file()
    }
    if not files:
        raise click.UsageError(f"there is no picture in {folder}; write a folder of photographs")
    items = [_item(number, address, path, folder) for number, (address, path) in enumerate(files.items(), 1)]
    identity = hashlib.sha256(f"{folder.resolve()} {list(files)}".encode()).hexdigest()[:16]
    return Storefront(folder.name, identity, listed=items, mapped=items, tiles=(), picture=partial(_serve, files))


def _item(number: int, address: str, path: Path, folder: Path) -> Item:
    words = path.relative_to(folder).parts[:-1] or ("picture",)
    return Item(number, f"{' '.join(words)} {number}", words, (address,))


def _serve(files: dict[str, Path], address: str) -> Reply | None:
    path = files.get(address)
    if path is None:
        return None
    return Reply(path.read_bytes(), TYPES[path.suffix.lower()], modified=path.stat().st_mtime)
