"""Where pictures lie on this computer: a folder, an archive or one file. No name in one becomes a path to write to."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal

from scrapbag.formats.signatures import format_of
from scrapbag.layout import CREDITS, METADATA
from spiders.pages.address import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spiders.files.passed import Passed

HEAD = 512  # bytes by which a format is known
PICTURES = EXTENSIONS | {".heic", ".heif", ".hif"}
BESIDE = (".json", ".txt", ".caption")  # what may lie beside a picture of the same name
TABLES = (METADATA, "metadata.tsv", "metadata.jsonl", CREDITS.lower())  # and these speak of many
ARCHIVES = (".zip", ".cbz", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_HOLDERS = (*ARCHIVES, ".parquet", ".arrow", ".tfrecord", ".h5", ".hdf5", ".npz", ".lmdb", ".mdb", ".rar", ".7z")
_SYSTEM = {".ds_store", "thumbs.db", "desktop.ini", ".localized"}

MemberKind = Literal["picture", "beside"]


class TooLargeError(Exception):
    """A member is larger than the cap, or inflates more than a picture would."""


class UnreadableError(Exception):
    """A member is not there, is no regular file, or is broken or locked."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a box that is a picture, or may speak of one.

    `path` is its name with slashes, whatever wrote it; members of one `group` may speak of each other. `content` reads
    so many bytes of it, at most, while it is the one that was listed last.
    """

    kind: MemberKind
    name: str  # as `read` takes it
    path: str
    version: str  # what changes when its bytes do
    group: str
    content: Callable[[int], bytes]


class Box(ABC):
    """Something with pictures in it. Only regular files count: no devices, and links within bounds."""

    @abstractmethod
    def members(self, passed: Passed) -> Iterator[Member]:
        """Pictures, and what may speak of them, in the cheapest order of reading; `passed` counts the rest."""

    @abstractmethod
    def read(self, name: str, max_bytes: int) -> bytes:
        """One picture. Raises TooLargeError or UnreadableError."""


def judged(path: str, head: Callable[[], bytes], passed: Passed) -> MemberKind | None:
    """What a regular file is by its name or, where that says nothing, its first bytes; None if it is passed over."""
    folders, _, file = path.rpartition("/")
    low = file.lower()
    if file.startswith("._") or low in _SYSTEM or "__MACOSX" in folders:
        passed.add("system", path)
        return None
    ending = os.path.splitext(low)[1]  # noqa: PTH122  (a name, not a path)
    if ending in PICTURES:
        return "picture"
    try:
        start = head()
    except (OSError, EOFError, UnreadableError):
        passed.add("unreadable", path)
        return None
    if format_of(start):
        return "picture"
    if ending in BESIDE or low in TABLES:
        return "beside"
    passed.add("packed" if is_holder(low, start) else "no_picture", path)
    return None


def is_holder(name: str, start: bytes) -> bool:
    """Whether a file is likely to have pictures in it that one would have to take out."""
    return name.endswith(_HOLDERS) or start[257:262] == b"ustar" or start.startswith(b"PAR1")


def capped(content: IO[bytes], max_bytes: int) -> bytes:
    """All that is in `content`. Raises TooLargeError."""
    body = content.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise TooLargeError(f"more than {max_bytes:,} bytes")
    return body
