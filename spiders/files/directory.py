"""A folder as a box, with those within it and the archives in them; and which links in it are followed."""

from __future__ import annotations

import errno
import logging
import os
import stat
import tarfile
import zipfile
from collections import deque
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import MissingError, UsageError
from scrapbag.formats.signatures import format_of
from spiders.files.archives import MEMBERS, Tar, Zip
from spiders.files.boxes import ARCHIVES, HEAD, PICTURES, Box, Member, UnreadableError, capped, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spiders.files.passed import Passed

log = logging.getLogger(__name__)

_OPEN = 4  # archives of a folder that are kept open; they are read one after the other


def box(path: Path, links: tuple[str, ...] = (), members: int = MEMBERS) -> Box:
    """What is at `path`. Raises MissingError or UsageError."""
    if path.is_dir():
        return Directory(path, links, members)
    if not path.exists():
        raise MissingError(f"there is no {path}; write the path of a folder, a zip, a tar or a picture in the recipe")
    if path.suffix.lower() in PICTURES or format_of(_start(path)):
        return Single(path)
    if (archive := _archive(path, members)) is not None:
        return archive
    raise UsageError(f"{path} is no folder, no zip and no tar, and no picture")


class Directory(Box):
    """A folder and those within it. It may itself be a link.

    A link inside it is followed when it leads to what lies in the folder, in the `blobs` of a Hugging Face cache whose
    snapshot the folder is, or in one of the folders `links`. No folder is entered twice, so that circles end.
    """

    def __init__(self, path: Path, links: tuple[str, ...] = (), members: int = MEMBERS) -> None:
        self._root = path
        self._most = members
        self._within = [path.resolve(), *(Path(one).expanduser().resolve() for one in links)]
        self._within += [
            one.parent / "blobs" for one in (self._within[0], *self._within[0].parents) if _is_snapshots(one)
        ]
        self._opened: dict[str, Box] = {}

    def members(self, passed: Passed) -> Iterator[Member]:
        root = str(self._root)
        folders, linked, entered = deque([(root, "")]), deque[tuple[str, str]](), set[tuple[int, int]]()
        while folders or linked:
            folder, inside = folders.popleft() if folders else linked.popleft()  # what is itself here goes first
            try:
                found = os.stat(folder)  # noqa: PTH116  (pathlib takes half of the time of a large folder)
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                log.warning("cannot look into %s: %s", error.filename, error.strerror)
                passed.add("unreadable", inside, "folder")
                continue
            if (found.st_dev, found.st_ino) in entered:
                passed.add("link", inside, "folder")
                continue
            entered.add((found.st_dev, found.st_ino))
            names, inner = {entry.name for entry in entries if entry.name == "snapshots"}, []
            for entry in entries:
                name = f"{inside}/{entry.name}" if inside else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "blobs" or not names:  # a Hugging Face cache: its links give blobs their names
                        inner.append((entry.path, name))
                elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112  (False, too, of circles)
                    if self._allowed(entry.path):
                        linked.append((entry.path, name))
                    else:
                        passed.add("link", name, "folder")
                else:
                    yield from self._file(entry, name, inside, passed)
            folders.extendleft(reversed(inner))

    def read(self, name: str, max_bytes: int) -> bytes:
        file = self._root / name
        try:
            if not os.path.lexists(file) and (archive := self._archive_of(name)):
                inside = self._opened.pop(archive, None) or _archive(self._root / archive, self._most)
                self._opened = dict(list(self._opened.items())[1 - _OPEN :])
                if inside is None:
                    raise UnreadableError(f"{archive} is no archive any more")
                self._opened[archive] = inside
                return inside.read(name[len(archive) + 1 :], max_bytes)
            if not self._allowed(file) or not stat.S_ISREG(file.stat().st_mode):
                raise UnreadableError(f"{name} is no file of {self._root}")
            with file.open("rb") as content:
                return capped(content, max_bytes)
        except (OSError, UsageError) as error:
            raise UnreadableError(str(error)) from error

    def _file(self, entry: os.DirEntry[str], name: str, folder: str, passed: Passed) -> Iterator[Member]:
        try:
            if entry.is_symlink() and not self._allowed(entry.path):
                passed.add("link", name)
                return
            found = entry.stat()
        except OSError as error:
            passed.add("link" if error.errno in (errno.ENOENT, errno.ELOOP) else "unreadable", name)
            return
        if not stat.S_ISREG(found.st_mode):
            passed.add("special", name, "device")
            return
        head = cache(partial(_start, entry.path))
        if name.lower().endswith(ARCHIVES) or ("." not in entry.name and _is_archive(head)):
            yield from self._inside(Path(entry.path), name, passed)
        elif (kind := judged(name, head, passed)) is not None:
            version = f"{found.st_size}-{found.st_mtime_ns}"
            yield Member(kind, name, name, version, folder, partial(_content, entry.path))

    def _inside(self, path: Path, name: str, passed: Passed) -> Iterator[Member]:
        """What is in an archive of the folder. One that is damaged costs what lies behind the damage."""
        try:
            archive = _archive(path, self._most)
            if archive is None:
                passed.add("unreadable", name)
                return
            folder = name.rpartition("/")[0]
            for one in archive.members(passed):
                shown = f"{folder}/{one.path.lstrip('/')}" if folder else one.path
                yield replace(one, name=f"{name}/{one.name}", path=shown, group=name)
        except (OSError, UsageError) as error:
            log.warning("cannot read %s: %s", path, error)
            passed.add("unreadable", name)

    def _archive_of(self, name: str) -> str:
        """The archive that a member's name begins with, '' where there is none."""
        parts = name.split("/")
        begins = ("/".join(parts[:length]) for length in range(1, len(parts)))
        return next((one for one in begins if (self._root / one).is_file() and self._allowed(self._root / one)), "")

    def _allowed(self, path: str | Path) -> bool:
        """Whether what a path leads to lies where links may lead."""
        try:
            real = Path(path).resolve(strict=True)
        except (OSError, RuntimeError):  # Python 3.11 and 3.12 raise the latter at links in a circle
            return False
        return any(map(real.is_relative_to, self._within))


class Single(Directory):
    """One picture, in whatever folder it lies; its neighbours are none of ours, but for what speaks of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.parent, (str(path.resolve().parent),))  # it may itself be a link
        self._file_name = path.name

    def members(self, passed: Passed) -> Iterator[Member]:
        del passed
        path = self._root / self._file_name
        found = path.stat()
        yield Member(
            *("picture", self._file_name, self._file_name, f"{found.st_size}-{found.st_mtime_ns}", ""),
            content=partial(_content, path),
        )
        for name in (f"{path.name}.json", f"{path.stem}.json", f"{path.stem}.txt"):
            if (beside := self._root / name).is_file():
                yield Member("beside", name, name, "", "", partial(_content, beside))

    def read(self, name: str, max_bytes: int) -> bytes:
        if name != self._file_name:
            raise UnreadableError(f"{name} is not the picture {self._file_name}")
        return super().read(name, max_bytes)


def _archive(path: Path, members: int) -> Box | None:
    if zipfile.is_zipfile(path):
        return Zip(path, members)
    return Tar(path, members) if tarfile.is_tarfile(path) else None


def _is_archive(head: Callable[[], bytes]) -> bool:
    """Of a file whose name says nothing; the blobs of a cache have such names."""
    try:
        start = head()
    except OSError:
        return False
    return start.startswith(b"PK\x03\x04") or start[257:262] == b"ustar"


def _is_snapshots(folder: Path) -> bool:
    return folder.name == "snapshots" and (folder.parent / "blobs").is_dir()


def _start(path: str | Path) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read(HEAD)


def _content(path: str | Path, max_bytes: int) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return capped(file, max_bytes)
