"""Where browsers keep their profiles: one known folder, so that the next start finds what a killed one left."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

from scrapbag.errors import DiskError


def make() -> Path:
    """A new profile folder, named after this process."""
    born = psutil.Process().create_time()
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{born:.0f}-", dir=_folder()))


def sweep() -> int:
    """Remove the profiles of processes that are gone; returns how many there were."""
    removed = 0
    for folder in sorted(_folder().iterdir()):
        pid, _, born = folder.name.partition("-")
        if not _alive(int(pid), float(born.partition("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"scrapbag-chromium-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise DiskError(f"{folder} belongs to somebody else; remove it")
    return folder


def _alive(pid: int, born: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - born) < 10  # the clock may be set in between
    except psutil.Error:
        return False
