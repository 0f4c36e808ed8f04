"""How files are written, whole or not at all, the lock of each stage, and the disks where neither holds."""

from __future__ import annotations

import fcntl
import filecmp
import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import ExposedKeyError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NETWORK_DISKS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph"}


@contextmanager
def writing(path: Path, *, durable: bool = True, only_changed: bool = False) -> Iterator[Path]:
    """A name beside `path` to write to: what stands there at the end becomes `path`, in one step.

    After an error, and after a kill, `path` is as it was. `durable`: it also survives a power cut (fsync of the file
    and of the folder); a cache that is cheap to make again does without. `only_changed`: the same content leaves the
    old file and its date, which Make looks at.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        if only_changed and path.exists() and filecmp.cmp(part, path, shallow=False):
            return
        if durable:
            sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if durable:
        sync(path.parent)


def sweep(folder: Path) -> int:
    """Remove what `writing` was killed over, in `folder` and below; returns how many files that were."""
    parts = [Path(place, name) for place, _, names in os.walk(folder) for name in names if name.endswith(".part")]
    dead = [part for part in parts if not _runs(part.suffixes[-2:-1])]
    for part in dead:
        part.unlink(missing_ok=True)
    return len(dead)


def _runs(suffix: list[str]) -> bool:
    """Whether the process of that number, the last but one suffix of a part, is still there."""
    try:
        os.kill(int(suffix[0].removeprefix(".")), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError, ValueError, IndexError):
        return False
    return True


def write_bytes(path: Path, content: bytes) -> bool:
    """Write `content` to `path`, whole or not at all, and only if it differs. Returns whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    with writing(path) as part:
        part.write_bytes(content)
    return True


def write_text(path: Path, content: str) -> bool:
    """`write_bytes` for text, as UTF-8."""
    return write_bytes(path, content.encode())


def private(path: Path) -> str | None:
    """The text of a file that its owner alone may read, at most 8,192 bytes of it; None where there is none.

    Raises ExposedKeyError, with the file unread, where others may read it, and ValueError for what is no file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for somebody to write
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(handle)  # what is looked at is what is read
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{str(path)!r}, which is no file")
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid not in (0, os.geteuid()):
            raise ExposedKeyError(f"{path} may be read by others, so its key is not used; run chmod 600 {path}")
        return os.read(handle, 8192).decode("utf-8", "replace")
    finally:
        os.close(handle)


def aside(folder: Path) -> Path:
    """The first of folder.1, folder.2 … that is not taken."""
    number = next(n for n in range(1, 10**6) if not folder.with_name(f"{folder.name}.{n}").exists())
    return folder.with_name(f"{folder.name}.{number}")


def sync(path: Path) -> None:
    """Make what was written to a file, or a rename inside a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def network_disk(folder: Path) -> str:
    """The kind of network disk that `folder` is on, where flock and SQLite's WAL fail; '' of a local one."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    folder = folder.resolve()
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, place, name, *_ = line.split()
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, name
    return kind if kind in _NETWORK_DISKS else ""


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


def held(folder: Path, stage: str) -> bool:
    """Whether a process holds the lock of `stage`, by the kernel's list (proc_locks(5)); False where there is none.

    To take the lock and give it back would say so too, but might turn away a stage that begins just then.
    """
    try:
        inode = str((folder / f".{stage}.lock").stat().st_ino)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    found = (line.split() for line in lines)
    return any(words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode for words in found if len(words) > 5)
