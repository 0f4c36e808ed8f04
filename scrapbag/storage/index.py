"""The index object of a store: all that a dataset is there, by name, size and hash. It is written last.

Every other object is named by the SHA-256 of its bytes and never changes, so whoever has read an index finds the whole
state that it tells of, also while a newer one is sent.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapbag.errors import UsageError
from scrapbag.layout import INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapbag.storage.store import Store

FORMAT = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[^/\\\0]{1,255}")


class FileEntry(NamedTuple):
    """A file: its size, the hash of its bytes, and its date, by which Make knows what is done."""

    bytes: int
    sha256: str
    date_ns: int  # since 1970


@dataclass(frozen=True)
class Index:
    """A dataset as it lies in a store. Its pictures are those that the catalog names."""

    name: str  # of the dataset
    catalog: FileEntry
    files: Mapping[str, FileEntry]  # all others, by their path in data/<name>/
    dropped: tuple[str, ...] = ()  # objects of the index before, which the next push deletes
    absent: tuple[str, ...] = ()  # the SHA-256 of pictures that were gone or damaged where this was sent from
    at: str = ""  # ISO 8601, UTC
    version: str | None = field(default=None, compare=False)  # of the object; None of one that is not there yet

    def digests(self) -> set[str]:
        """The objects that are there for the files."""
        return {self.catalog.sha256, *(entry.sha256 for entry in self.files.values())}


def object_name(sha256: str) -> str:
    """What an object is called in a store, by its bytes."""
    return f"objects/{sha256[:2]}/{sha256}"


def read(store: Store, name: str) -> Index | None:
    """The index of a store; None where there is none yet.

    Raises UsageError for one of another dataset than `name`, of a newer scrapbag, or none at all.
    """
    there = store.read(INDEX)
    if there is None:
        return None
    content, version = there
    try:
        table = json.loads(content)
        if table["format"] > FORMAT:
            raise UsageError(f"{store.url} was written by a newer scrapbag; update this one")
        files = {str(path): _entry(one) for path, one in table["files"].items()}
        dropped, absent = (tuple(map(_digest, table[key])) for key in ("dropped", "absent"))
        index = Index(str(table["name"]), _entry(table["catalog"]), files, dropped, absent, table["at"], version)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{INDEX} in {store.url} is none of a dataset; write another STORE, or delete it") from None
    if wrong := [path for path in files if not _is_inside(path)]:
        raise UsageError(f"{INDEX} in {store.url} names {wrong[0]!r}, which is no file of a dataset; it was not read")
    if index.name != name:
        raise UsageError(f"{store.url} has the dataset {index.name!r}, and this one is {name!r}; write another prefix")
    return index


def write(store: Store, index: Index, before: Index | None) -> bool:
    """Put `index` in the place of `before`; returns False where that says the same.

    Raises LockedError where another one stands there by now.
    """
    if before == replace(index, at=before.at if before else "", dropped=before.dropped if before else ()):
        return False
    table = {"format": FORMAT, **asdict(replace(index, at=datetime.now(UTC).isoformat(timespec="seconds")))}
    del table["version"]
    store.write(
        INDEX, (json.dumps(table, indent=0, sort_keys=True) + "\n").encode(), before.version if before else None
    )
    return True


def _entry(values: Any) -> FileEntry:
    one = FileEntry(*values)
    if not (isinstance(one.bytes, int) and isinstance(one.date_ns, int) and one.bytes >= 0):
        raise ValueError(values)
    _digest(one.sha256)
    return one


def _digest(value: Any) -> str:
    if not SHA256.fullmatch(value):
        raise ValueError(value)
    return str(value)


def _is_inside(path: str) -> bool:
    """Whether a name stays in the dataset's folder and touches nothing hidden."""
    return all(_PART.fullmatch(part) and not part.startswith(".") for part in path.split("/"))
