"""What there is to choose from: the pictures of a dataset, its records, and people's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from scrapbag.layout import Data


@dataclass(frozen=True)
class Picture:
    """A file that came, once by its bytes."""

    number: int
    sha256: str
    path: Path


def pictures(connection: sqlite3.Connection, data: Data) -> list[Picture]:
    """Every picture, by its number."""
    rows = connection.execute("select id, sha256, extension from picture order by id")
    return [Picture(number, sha256, data.image(sha256, extension)) for number, sha256, extension in rows]
