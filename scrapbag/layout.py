"""The names inside data/<name>/ and runs/<name>/, atomic writes, and the lock of each stage."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Data:
    """The folder of one dataset. Stages meet here and nowhere else."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.db"

    @property
    def images(self) -> Path:
        """The bytes as served, by sha256."""
        return self.root / "images"

    @property
    def scored(self) -> Path:
        return self.root / "scored"

    @property
    def squares(self) -> Path:
        """The cache of squares; curated/ is made of links into it."""
        return self.root / "squares"

    @property
    def thumbs(self) -> Path:
        """The cache of the small pictures that report.html shows."""
        return self.root / "thumbs"

    @property
    def export(self) -> Path:
        """curated/ in other forms."""
        return self.root / "export"

    @property
    def curated(self) -> Path:
        return self.root / "curated"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def settings(self) -> Path:
        return self.root / "settings"

    def image(self, sha256: str, extension: str) -> Path:
        """Where a picture's bytes are; `extension` comes from the bytes' signature, never from a URL."""
        return self.images / sha256[:2] / f"{sha256}.{extension}"


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    root: Path

    @property
    def asked(self) -> Path:
        """What Make was asked to train, the stamp of the train stage."""
        return self.root / "train.toml"

    @property
    def settings(self) -> Path:
        """What the run really uses, the probe's choice and every preset value included."""
        return self.root / "settings.toml"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def generator(self) -> Path:
        return self.root / "generator.safetensors"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def done(self) -> Path:
        return self.root / "done.json"

    def fakes(self, kimg: int) -> Path:
        return self.root / f"fakes-{kimg:06d}.png"


def write_bytes(path: Path, content: bytes) -> bool:
    """Write `content` to `path`, whole or not at all, and only if it differs. Returns whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def write_text(path: Path, content: str) -> bool:
    """`write_bytes` for text, as UTF-8."""
    return write_bytes(path, content.encode())


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def lock(folder: Path, stage: str) -> Iterator[None]:
    """Hold `stage` of the dataset or run in `folder`. The kernel lets go when the process ends, however it ends.

    Raises LockedError, which names the holder, when another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{stage}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise LockedError(f"{stage} is already at work on {folder}: {holder}; wait for it or stop it") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} ({Path(sys.argv[0]).parent.name or 'python'})")
        file.flush()
        yield
