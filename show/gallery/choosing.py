"""What a person says of many pictures at once: written to the catalog as one act, and taken back as one."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from scrapbag import labels
from scrapbag.disk import held
from scrapbag.errors import LockedError, UsageError
from scrapbag.labels import Act
from show.gallery import points
from show.known import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.layout import Data

HOW = "lasso"  # as the label keeps it
WORDS = ("yes", "no")
_PATIENCE_MS = 3_000  # for another program that writes to the catalog
_ID = re.compile(r"[0-9a-f-]{36}")


def answer(data: Data, act: object, word: object, pictures: object) -> Act:
    """Answer for pictures of the map. The same act again, whose page did not hear of it, changes nothing.

    Raises UsageError for what is no answer, and LockedError while another program holds the catalog.
    """
    if not isinstance(act, str) or not _ID.fullmatch(act) or word not in WORDS or not isinstance(pictures, list):
        raise UsageError("this is no answer")
    known = set(points.plane(data.map).sha256)
    if not pictures or not all(isinstance(one, str) and one in known for one in pictures):
        raise UsageError("these pictures are not on this map any more; nothing was answered")
    given = Act(act, str(word), 0, labels.now(), points.told(data).question)
    with _writing(data) as connection:
        return labels.give(connection, given, dict.fromkeys(pictures), HOW)


def take_back(data: Data, act: object) -> int:
    """Take back what an act answered, and return how many answers that were. Raises as `answer`."""
    if not isinstance(act, str) or not _ID.fullmatch(act):
        raise UsageError("this is no act")
    with _writing(data) as connection:
        return labels.take_back(connection, act)


def state(data: Data) -> dict[str, Any]:
    """For the page, as JSON: the version of what there is, the act that can be taken back, and whether curate works."""
    said = points.told(data) if data.catalog.exists() else None
    last = said.acts[-1] if said and said.acts else None
    return {
        "version": points.version(data, said),
        "last": {"act": last.id, "answer": last.answer, "count": last.count} if last else None,
        "answered": len(said.answers) if said else 0,
        "curating": held(data.root, "curate"),
        "command": files.called(data).make("curate"),
    }


@contextmanager
def _writing(data: Data) -> Iterator[sqlite3.Connection]:
    try:
        with closing(labels.connect(data.catalog)) as connection:
            connection.execute(f"pragma busy_timeout = {_PATIENCE_MS}")
            yield connection
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
        raise LockedError("another program holds the catalog: nothing was written; press the key again") from None
