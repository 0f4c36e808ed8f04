"""Zip and tar archives as boxes: members are read by name, into memory, and never unpacked to the disk."""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, Self

from scrapbag.errors import UsageError
from spiders.files.boxes import HEAD, Box, Member, TooLargeError, UnreadableError, capped, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spiders.files.passed import Passed

MAX_RATIO = 200  # deflate reaches 1,032 on zeros; no photograph comes near
MEMBERS = 100_000  # of an archive that are looked at, unless a recipe says otherwise
_BROKEN_ZIP = (KeyError, OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_BROKEN_TAR = (OSError, EOFError, tarfile.TarError, zlib.error)


class Zip(Box):
    """A zip archive; members are read in any order."""

    def __init__(self, path: Path, members: int = MEMBERS) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path} is damaged or cut short ({error}); fetch it again") from error
        self._most = members

    def members(self, passed: Passed) -> Iterator[Member]:
        for number, info in enumerate(self._zip.infolist()):
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or kind == stat.S_IFDIR or (info.filename.endswith("\\") and not info.file_size):
                continue
            if number >= self._most:
                passed.add("too_many", info.filename)
            elif kind not in (0, stat.S_IFREG):
                passed.add("special", info.filename, "link")
            else:
                content = partial(self._head, info)
                version = f"{info.file_size}-{info.CRC:08x}"
                yield from _member(info.filename, version, content, partial(self.read, info.filename), passed)

    def read(self, name: str, max_bytes: int) -> bytes:
        try:
            info = self._zip.getinfo(name)
            if info.file_size > MAX_RATIO * max(1, info.compress_size):
                raise TooLargeError(f"{name} would inflate {info.file_size / max(1, info.compress_size):.0f} times")
            with self._zip.open(info) as content:
                return capped(content, max_bytes)
        except _BROKEN_ZIP as error:
            raise UnreadableError(f"{name}: {error}") from error

    def _head(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as content:
                return content.read(HEAD)
        except _BROKEN_ZIP as error:
            raise UnreadableError(f"{info.filename}: {error}") from error


class Tar(Box):
    """A tar archive, compressed or not; it is read from front to back, and only again when a name lies behind."""

    def __init__(self, path: Path, members: int = MEMBERS) -> None:
        self._path = path
        self._most = members
        self._tar: tarfile.TarFile | None = None
        self._members: Iterator[tarfile.TarInfo] = iter(())
        self._current: tarfile.TarInfo | None = None
        self._open: IO[bytes] | None = None
        self._start = b""

    def members(self, passed: Passed) -> Iterator[Member]:
        try:
            for number, info in enumerate(self._walk()):
                if info.isdir():
                    continue
                if number >= self._most:
                    passed.add("too_many", info.name)
                elif not info.isreg() or info.issparse():
                    passed.add(
                        "special", info.name, "sparse file" if info.issparse() else _TYPES.get(info.type, "device")
                    )
                else:
                    head = partial(self._head, info)
                    version = f"{info.size}-{info.mtime}"
                    yield from _member(info.name, version, head, partial(self._content, info), passed)
        except _BROKEN_TAR as error:
            raise UsageError(f"{self._path} is damaged or cut short ({error}); fetch it again") from error

    def read(self, name: str, max_bytes: int) -> bytes:
        try:
            info = next((one for one in self._members if one.name == name), None)
            if info is None:  # it lies behind
                self._members = (one for one in self._walk() if one.isreg() and not one.issparse())
                info = next((one for one in self._members if one.name == name), None)
            if info is None:
                raise UnreadableError(f"{name} is no file of {self._path}")
            return self._content(info, max_bytes)
        except _BROKEN_TAR as error:
            self._members = iter(())
            raise UnreadableError(f"{name}: {error}") from error

    def _head(self, info: tarfile.TarInfo) -> bytes:
        """The first bytes of the member that was listed last; `_content` goes on behind them."""
        self._content(info, HEAD, part=True)
        return self._start

    def _content(self, info: tarfile.TarInfo, max_bytes: int, *, part: bool = False) -> bytes:
        """All of the member that was listed last. A compressed tar cannot be wound back, so what was read is kept."""
        if self._current is not info:
            self._current, self._start = info, b""
            self._open = self._tar.extractfile(info) if self._tar else None
        if self._open is None:
            raise UnreadableError(f"{info.name} is no file of {self._path}")
        if part:
            self._start = self._open.read(max_bytes)
            return self._start
        body = self._start + self._open.read(max(0, max_bytes + 1 - len(self._start)))
        if len(body) > max_bytes:
            raise TooLargeError(f"more than {max_bytes:,} bytes")
        return body

    def _walk(self) -> Iterator[tarfile.TarInfo]:
        limit = MAX_RATIO * self._path.stat().st_size
        with tarfile.open(self._path, "r|*", tarinfo=_Header) as self._tar:
            for info in self._tar:
                self._tar.members.clear()  # type: ignore[attr-defined]  # undocumented; it would keep every header
                if info.offset_data + (0 if info.issparse() else info.size) > limit:  # before it is inflated
                    raise UsageError(f"{self._path} inflates more than {MAX_RATIO} times; unpack it and look inside")
                yield info


_TYPES = {tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hard link", tarfile.FIFOTYPE: "pipe"}


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


def _member(
    name: str, version: str, head: Callable[[], bytes], content: Callable[[int], bytes], passed: Passed
) -> Iterator[Member]:
    path = name.replace("\\", "/")  # programs on Windows write these, against the zip format (APPNOTE 4.4.17.1)
    if (kind := judged(path, head, passed)) is not None:
        yield Member(kind, name, path, version, "", content)
