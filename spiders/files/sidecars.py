"""What files beside a picture say of it: JSON of gallery-dl and img2dataset, captions, Hugging Face's metadata."""

from __future__ import annotations

import io
import json
import posixpath
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from scrapbag.errors import UsageError
from spiders.files import lists
from spiders.files.boxes import TooLargeError, UnreadableError
from spiders.files.columns import FILE_NAMES, Said, plain_name, said, text_of

if TYPE_CHECKING:
    from spiders.files.boxes import Member
    from spiders.files.passed import Passed

_MOST = 1 << 22  # bytes of what speaks of one picture
_MOST_TABLE = 1 << 28
_FILE_NAMES = [plain_name(name) for name in FILE_NAMES]


class Sidecars:
    """Read as a box is listed. What belongs to no picture, or is broken, is counted; it costs itself alone."""

    def __init__(self, passed: Passed) -> None:
        self._passed = passed
        self._tables: dict[str, Said] = {}  # by a picture's path; a table may speak of folders below it
        self._beside: dict[str, tuple[Said | None, str, bool]] = {}  # what it says, its path, whether it was used

    def add(self, member: Member) -> None:
        """Read one of `kind` beside. Only those of pictures in the same group are kept until `close`."""
        if not member.path.lower().endswith((".json", ".txt", ".caption")):
            self._table(member)
            return
        name = member.path.rpartition(".")[0]
        mark = ".json" if member.path.lower().endswith(".json") else ".txt"
        self._beside[name + mark] = _read(member, mark), member.path, False

    def of(self, path: str) -> Said:
        """What is said of the picture at `path`: by its JSON first, then by a table, then by its caption."""
        stem = path.rpartition(".")[0] if "." in posixpath.basename(path) else path
        found = [self._used(f"{path}.json"), self._used(f"{stem}.json"), self._tables.get(path)]
        words = [one for one in (*found, self._used(f"{path}.txt"), self._used(f"{stem}.txt")) if one is not None]
        if len(words) < 2:
            return words[0] if words else Said()
        first = {
            one.name: next(filter(None, (getattr(some, one.name) for some in words)), None) for one in fields(Said)
        }
        return replace(Said(), **{name: value for name, value in first.items() if value})

    def close(self) -> None:
        """Count what was read since the last `close`."""
        for words, path, used in self._beside.values():
            self._passed.add("no_picture" if not used else "sidecar" if words is not None else "bad_sidecar", path)
        self._beside.clear()

    def _used(self, key: str) -> Said | None:
        if key not in self._beside:
            return None
        words, path, _ = self._beside[key]
        self._beside[key] = words, path, True
        return words

    def _table(self, member: Member) -> None:
        folder, name = posixpath.split(member.path)
        count = 0
        try:
            for row in lists.read(io.BytesIO(member.content(_MOST_TABLE)), name):
                columns = {plain_name(column): column for column in row or ()}
                column = next((columns[one] for one in _FILE_NAMES if one in columns), None)
                if row and column and (file := text_of(row.pop(column))):
                    self._tables[posixpath.normpath(posixpath.join(folder, file))] = said(row)
                    count += 1
        except (*lists.BROKEN, UsageError, TooLargeError, UnreadableError):
            self._passed.add("bad_sidecar", member.path)
        else:
            self._passed.add("sidecar" if count else "no_picture", member.path)


def _read(member: Member, mark: str) -> Said | None:
    """None where it cannot be read."""
    try:
        body = member.content(_MOST)
        if mark == ".txt":
            caption = text_of(body.decode("utf-8-sig")[:10_000])
            return Said(title=caption if any(map(str.isalpha, caption)) else "")  # boxes of a detector are no words
        value: Any = json.loads(body)
    except (OSError, EOFError, ValueError, RecursionError, TooLargeError, UnreadableError):
        return None
    return said(value) if isinstance(value, dict) else None
