"""Addresses of the gallery's pages and pictures: all that a page shows is in its query."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from show.known import files

if TYPE_CHECKING:
    from pathlib import Path


def to(page: str, /, **query: object) -> str:
    """`page` with what of the query is not None or ''."""
    said = {name: str(value) for name, value in query.items() if value is not None and value != ""}
    return f"{page}?{urlencode(said)}" if said else page


def version(path: Path) -> str:
    """Differs when the file does, so that a browser may keep what it has under an address; '' where it is gone."""
    try:
        return f"{files.stamp(path)[0]:x}"
    except files.UNUSABLE:
        return ""
