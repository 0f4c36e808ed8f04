"""Where pictures lie on this computer: a folder, an archive or one file. No name in one becomes a path to write to."""

from __future__ import annotations

import logging
import os
import stat
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from scrapbag.errors import MissingError, UsageError
from spiders.pages.address import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

MAX_RATIO = 200  # deflate reaches 1,032 on zeros; no photograph comes near


class TooLargeError(Exception):
    """A member is larger than the cap, or inflates more than a picture would."""


class UnreadableError(Exception):
    """A member is not there, is no regular file, or is broken or locked."""


class Box(ABC):
    """Something with pictures in it. Only regular files count: no links, no devices."""

    @abstractmethod
    def versions(self) -> Iterator[tuple[str, str]]:
        """The names of the pictures, in the order in which they are cheap to read, and what changes when they do."""

    def names(self) -> Iterator[str]:
        """The names alone."""
        return (name for name, _ in self.versions())

    @abstractmethod
    def read(self, name: str, max_bytes: int) -> bytes:
        """One picture. Raises TooLargeError or UnreadableError."""


def box(path: Path) -> Box:
    """What is at `path`. Raises MissingError or UsageError."""
    if path.is_dir():
        return Directory(path)
    if not path.exists():
        raise MissingError(f"there is no {path}; write the path of a folder, a zip, a tar or a picture in the recipe")
    if zipfile.is_zipfile(path):
        return Zip(path)
    if tarfile.is_tarfile(path):
        return Tar(path)
    if _is_picture(path.name):
        return Single(path)
    raise UsageError(f"{path} is no folder, no zip and no tar, and no picture")


class Directory(Box):
    """A folder and those within it. It may itself be a link; a link inside it is not followed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def versions(self) -> Iterator[tuple[str, str]]:
        for folder, folders, files in os.walk(self._path, onerror=_closed):
            folders.sort()
            for name in sorted(files):
                file = Path(folder, name)
                if _is_picture(name) and stat.S_ISREG((found := file.lstat()).st_mode):
                    yield file.relative_to(self._path).as_posix(), f"{found.st_size}-{found.st_mtime_ns}"

    def read(self, name: str, max_bytes: int) -> bytes:
        file = self._path / name
        try:
            inside = file.parent.resolve().is_relative_to(self._path.resolve())
            if not inside or not stat.S_ISREG(file.lstat().st_mode):
                raise UnreadableError(f"{name} is no file of {self._path}")
            with file.open("rb") as content:
                return _capped(content, max_bytes)
        except OSError as error:
            raise UnreadableError(str(error)) from error


class Single(Directory):
    """One picture, in whatever folder it lies; its neighbours are none of ours."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.parent)
        self._name = path.name

    def names(self) -> Iterator[str]:
        yield self._name

    def read(self, name: str, max_bytes: int) -> bytes:
        if name != self._name:
            raise UnreadableError(f"{name} is not the picture {self._name}")
        return super().read(name, max_bytes)


class Zip(Box):
    """A zip archive; members are read in any order."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)

    def versions(self) -> Iterator[tuple[str, str]]:
        for info in self._zip.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if not info.is_dir() and kind in (0, stat.S_IFREG) and _is_picture(info.filename):
                yield info.filename, f"{info.file_size}-{info.CRC:08x}"

    def read(self, name: str, max_bytes: int) -> bytes:
        try:
            info = self._zip.getinfo(name)
            if info.file_size > MAX_RATIO * max(1, info.compress_size):
                raise TooLargeError(f"{name} would inflate {info.file_size / max(1, info.compress_size):.0f} times")
            with self._zip.open(info) as content:
                return _capped(content, max_bytes)
        except (KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise UnreadableError(f"{name}: {error}") from error


class Tar(Box):
    """A tar archive, compressed or not; it is read from front to back, and only again when a name lies behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tar: tarfile.TarFile | None = None
        self._members: Iterator[tarfile.TarInfo] = iter(())

    def versions(self) -> Iterator[tuple[str, str]]:
        try:
            for info in self._walk():
                yield info.name, f"{info.size}-{info.mtime}"
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise UsageError(f"{self._path} is damaged or cut short ({error}); fetch it again") from error

    def read(self, name: str, max_bytes: int) -> bytes:
        try:
            info = next((one for one in self._members if one.name == name), None)
            if info is None:  # it lies behind
                self._members = self._walk()
                info = next((one for one in self._members if one.name == name), None)
            content = self._tar.extractfile(info) if self._tar and info else None
            if content is None:
                raise UnreadableError(f"{name} is no file of {self._path}")
            return _capped(content, max_bytes)
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            self._members = iter(())
            raise UnreadableError(f"{name}: {error}") from error

    def _walk(self) -> Iterator[tarfile.TarInfo]:
        limit = MAX_RATIO * self._path.stat().st_size
        with tarfile.open(self._path, "r|*", tarinfo=_Header) as self._tar:
            for info in self._tar:
                self._tar.members.clear()  # type: ignore[attr-defined]  # undocumented; it would keep every header
                if info.offset_data + (0 if info.issparse() else info.size) > limit:  # before it is inflated
                    raise UsageError(f"{self._path} inflates more than {MAX_RATIO} times; unpack it and look inside")
                if info.isreg() and not info.issparse() and _is_picture(info.name):
                    yield info


class _Header(tarfile.TarInfo):
    """A header of a tar. One that is damaged, cut or missing is an error, where tarfile would see the archive's end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the zeros that end every archive
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _closed(error: OSError) -> None:
    log.warning("cannot look into %s: %s", error.filename, error.strerror)


def _is_picture(name: str) -> bool:
    folders, _, file = name.rpartition("/")
    hidden = file.startswith("._") or "__MACOSX" in folders  # what macOS adds to archives
    return not hidden and os.path.splitext(file)[1].lower() in EXTENSIONS  # noqa: PTH122  (a name, not a path)


def _capped(content: IO[bytes], max_bytes: int) -> bytes:
    body = content.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise TooLargeError(f"more than {max_bytes:,} bytes")
    return body
