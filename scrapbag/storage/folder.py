"""A folder as a store: on another disk, or on one of the network."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from scrapbag.disk import writing
from scrapbag.errors import DiskError, LockedError, MissingError
from scrapbag.storage.store import digest

if TYPE_CHECKING:
    from pathlib import Path


class FolderStore:
    """Objects are files under a folder, which is made where the folder above it is there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def url(self) -> str:
        return str(self.root)

    def size(self, name: str) -> int | None:
        path = self.root / name
        return path.stat().st_size if path.is_file() else None

    def read(self, name: str) -> tuple[bytes, str] | None:
        path = self.root / name
        if not self.root.parent.is_dir():
            raise MissingError(f"there is no folder {self.root.parent}; see that its disk is mounted, or write another")
        return (path.read_bytes(), digest(path)) if path.is_file() else None

    def write(self, name: str, content: bytes, over: str | None) -> None:
        there = self.read(name)
        if (there[1] if there else None) != over:
            raise LockedError(f"{self.url} was written to meanwhile; run it again")
        with writing(self.root / name) as part:
            part.write_bytes(content)

    def put(self, name: str, path: Path) -> None:
        with writing(self.root / name) as part:
            shutil.copyfile(path, part)
            if digest(part) != digest(path):  # a disk that fails, or one of the network
                raise DiskError(f"{self.root / name} does not come out as {path} is; see that the disk is sound")

    def get(self, name: str, size: int, path: Path) -> None:
        source = self.root / name
        if not source.is_file():
            raise DiskError(f"{name} is lost: it is not in {self.url}")
        if source.stat().st_size != size:
            raise DiskError(f"{name} in {self.url} has {source.stat().st_size:,} bytes instead of {size:,}")
        shutil.copyfile(source, path)

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)
