"""What a listing passed over: files, members and rows that are no picture of ours, counted by kind with the reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapbag.reasons import PassedReason

_EXTENSION = re.compile(r"\.([a-z0-9_~+-]{1,10})(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_MOST_KINDS = 40  # with a reason; a folder may have a thousand endings that mean nothing


class Passed:
    """Counts, and the first name of each."""

    def __init__(self) -> None:
        self._counts: dict[tuple[PassedReason, str], int] = {}
        self._firsts: dict[tuple[PassedReason, str], str] = {}
        self._kinds: dict[PassedReason, int] = {}

    def add(self, reason: PassedReason, name: str, kind: str = "") -> None:
        """Count `name`. `kind` is what it is; without one, what its name ends in."""
        key = reason, kind or kind_of(name)
        if key not in self._counts and self._kinds.get(reason, 0) >= _MOST_KINDS:
            key = reason, "others"
        if key not in self._counts:
            self._kinds[reason] = self._kinds.get(reason, 0) + 1
            self._firsts[key] = name[:300].encode(errors="replace").decode()
        self._counts[key] = self._counts.get(key, 0) + 1

    def rows(self) -> list[tuple[PassedReason, str, int, str]]:
        """reason, kind, count and first name."""
        return [(reason, kind, count, self._firsts[reason, kind]) for (reason, kind), count in self._counts.items()]


def kind_of(name: str) -> str:
    """What a name ends in, in small letters: jpg, tar.gz; `no extension` where that is no word."""
    found = _EXTENSION.search(name)
    return found[0][1:].lower() if found else "no extension"
