"""What the map shows, as one binary answer: where each picture is, what became of it, and what was answered."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from scrapbag import labels, recipe
from scrapbag.errors import MissingError
from show.known import files
from show.known.dataset import read_only
from show.known.listing import KEPT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scrapbag.labels import Act
    from scrapbag.layout import Data

UNKNOWN = 255  # the code of a confidence that nobody knows
CERTAIN = 250  # and of a confidence of 1
_MOST = 250  # names of one kind; rarer ones are `others`
_ANSWERS = {"": 0, **{one: code for code, one in enumerate(labels.ANSWERS, 1)}}


@dataclass(frozen=True)
class Plane:
    """The pictures of map.parquet, in its order."""

    sha256: tuple[str, ...]
    place: NDArray[np.float32]  # (N, 2), from -1 to 1
    sheet: int  # how many follow each other on a sprite sheet: the rows of a row group


@dataclass(frozen=True)
class Told:
    """What people have answered to the dataset's question."""

    question: tuple[str, ...]
    answers: dict[str, str]  # by sha256
    acts: tuple[Act, ...]  # that hold, oldest first
    version: str  # differs when an answer was given or taken back


@files.remembered(4)
def plane(path: Path) -> Plane:
    """Of map.parquet. Raises one of files.UNUSABLE."""
    with pq.ParquetFile(path) as file:  # read_table looks at each of the many row groups a second time
        table = file.read(columns=["x", "y", "sha256"])
        sheet = file.metadata.row_group(0).num_rows if file.num_row_groups else 1
    place = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype("<f4")
    return Plane(tuple(table["sha256"].to_pylist()), place, sheet)


@dataclass(frozen=True)
class Fates:
    """What became of every picture of report.parquet: columns of its rows, and the first row of each picture."""

    row: dict[str, int]  # by sha256; the last row, -1, is of nobody
    kept: NDArray[np.bool_]
    reason: list[str]
    source: list[str]
    confidence: NDArray[np.float64]  # 0 to 1; NaN where nobody knows
    placed: frozenset[str]  # the sha256 of those that can be read, so that a map has a place for them


@files.remembered(4)
def fates(path: Path) -> Fates:
    """Raises one of files.UNUSABLE."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=["sha256", "kept", "reason", "source", "confidence", "format"]).to_pydict()
    sha256 = table["sha256"]
    return Fates(
        {name: row for row, name in reversed(list(enumerate(sha256))) if name},
        np.array([*table["kept"], False]),
        [*(KEPT if kept else reason for kept, reason in zip(table["kept"], table["reason"], strict=True)), "unknown"],
        [*(source or "unknown" for source in table["source"]), "unknown"],
        np.array([*table["confidence"], None], dtype=np.float64),
        frozenset(
            name
            for name, known, why in zip(sha256, table["format"], table["reason"], strict=True)
            if name and known and why != "gone"
        ),
    )


def told(data: Data) -> Told:
    """Raises one of files.UNUSABLE; MissingError where there is no catalog to answer into."""
    if not data.catalog.exists():
        raise MissingError(f"{data.root} has no catalog, so nothing can be answered; the map only shows it.")
    question = tuple(sorted(recipe.load(data.settings_of("curate")).curate.targets))
    with closing(read_only(data.catalog)) as connection:
        every = labels.every(connection, question)
        acts = tuple(act for act in labels.acts(connection) if act.targets == question)
    newest = max((one.id for one in every), default=0)
    answers = {sha256: one.answer for sha256, one in labels.latest(every).items()}
    return Told(question, answers, acts, f"{newest}.{len(every)}")


def version(data: Data, said: Told | None) -> str:
    """Differs when the map would show something else. Raises one of files.UNUSABLE."""
    stamps = [files.stamp(path)[0] for path in (data.map, data.report_parquet)]
    return f"{stamps[0]:x}-{stamps[1]:x}-{said.version if said else ''}"


def packed(data: Data, said: Told | None) -> bytes:
    """All of a map: a JSON head behind its length (uint32), then the columns of its N pictures, little-endian.

    The columns: x and y in turn (float32); as bytes the codes of kept, reason, source, confidence and answer; the
    sha256 (32 bytes each). Reason and source are places in the head's lists, the most frequent first. Raises one of
    files.UNUSABLE.
    """
    laid, known = plane(data.map), fates(data.report_parquet)
    rows = [known.row.get(sha256, -1) for sha256 in laid.sha256]
    reason, reasons = _codes([known.reason[row] for row in rows])
    source, sources = _codes([known.source[row] for row in rows])
    confidence = np.nan_to_num(np.rint(known.confidence[rows] * CERTAIN), nan=UNKNOWN)
    given = said.answers if said else {}
    answer = np.array([_ANSWERS[given.get(sha256, "")] for sha256 in laid.sha256])
    head: dict[str, Any] = {
        "version": version(data, said),
        "sheets": f"{files.stamp(data.map)[0]:x}",
        "count": len(laid.sha256),
        "sheet": laid.sheet,
        "absent": len(known.placed - set(laid.sha256)),
        "names": {"reason": reasons, "source": sources},
    }
    told_first = json.dumps(head).encode()
    told_first += b" " * (-len(told_first) % 4)
    columns = (known.kept[rows], reason, source, confidence, answer)
    return b"".join(
        [
            len(told_first).to_bytes(4, "little"),
            told_first,
            laid.place.tobytes(),
            *(column.astype(np.uint8).tobytes() for column in columns),
            bytes.fromhex("".join(laid.sha256)),
        ]
    )


def _codes(words: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """For each word its place in the list of words, which begins with the most frequent."""
    names = [name for name, _ in sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))]
    listed = [*names[:_MOST], "others"] if len(names) > _MOST else names
    place = {name: min(code, _MOST) for code, name in enumerate(names)}
    return np.array([place[word] for word in words], dtype=np.int64), listed
