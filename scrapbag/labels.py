"""What people answered: every transaction on the label table, and labels.csv out of it and into it.

A label belongs to a sha256 and to a question (its targets), so it outlives new scores and new crawls. Nothing is ever
deleted: an answer that was taken back is marked, and of two answers to one question the later one holds.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapbag import catalog
from scrapbag.disk import write_text
from scrapbag.errors import MissingError, UsageError
from scrapbag.plain import plain, uncell, write_csv

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

ANSWERS, PURPOSES = ("yes", "no", "unsure"), ("certify", "teach", "import")
COLUMNS = ("sha256", "answer", "targets", "purpose", "drawn", "at")
_ACT = "json_extract(drawn, '$.act')"


@dataclass(frozen=True)
class Act:
    """Answers that were given at once, and are taken back at once."""

    id: str
    answer: str
    count: int  # of pictures
    at: str  # ISO 8601, UTC
    targets: tuple[str, ...]  # the question, sorted


@dataclass(frozen=True)
class Label:
    """One answer to the question whether a picture is one of the targets."""

    sha256: str
    answer: str
    targets: tuple[str, ...]  # the question, sorted
    purpose: str = "import"
    drawn: Mapping[str, Any] = field(default_factory=dict)  # from which scores, how, and of which set
    at: str = ""  # ISO 8601, UTC
    id: int = 0
    undone: bool = False  # taken back


def connect(path: Path) -> sqlite3.Connection:
    """The catalog, so opened that an answer is on the disk when `add` returns. Raises as catalog.connect does."""
    connection = catalog.connect(path)
    connection.execute("pragma synchronous = full")
    return connection


def add(connection: sqlite3.Connection, labels: Iterable[Label]) -> list[int]:
    """Write answers in one transaction and return their ids. Raises UsageError for what is no answer."""
    return _write(connection, labels)


def _write(connection: sqlite3.Connection, labels: Iterable[Label], back: Iterable[int] = ()) -> list[int]:
    """As `add`; the labels of the ids `back` are taken back in the same transaction."""
    rows = [_row(_checked(label)) for label in labels]
    connection.execute("begin immediate")
    try:
        connection.executemany("update label set undone = 1 where id = ?", [(number,) for number in back])
        ids = [
            connection.execute(
                "insert into label (sha256, answer, targets, purpose, drawn, at) values (?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            for row in rows
        ]
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return [one for one in ids if one is not None]


def undo(connection: sqlite3.Connection, label: int) -> Label | None:
    """Take one answer back. Returns it, or None when there is none of that id or it was taken back before."""
    row = connection.execute(
        "update label set undone = 1 where id = ? and undone = 0"
        " returning sha256, answer, targets, purpose, drawn, at, id, 0",
        (label,),
    ).fetchall()
    return _label(row[0]) if row else None


def give(connection: sqlite3.Connection, act: Act, pictures: Iterable[str], how: str) -> Act:
    """Answer for many pictures in one transaction; an act that is there already (its page asked twice) stays as it is.

    They teach: who chose pictures by looking at them drew none at random, so no certificate counts these.
    """
    if not acts(connection, act.id):
        drawn = {"how": how, "act": act.id}
        _write(connection, [Label(one, act.answer, act.targets, "teach", drawn, act.at) for one in pictures])
    return next(iter(acts(connection, act.id)), act)


def take_back(connection: sqlite3.Connection, act: str) -> int:
    """Take back what an act answered. Returns how many answers that were; 0 where none of them holds."""
    return connection.execute(f"update label set undone = 1 where undone = 0 and {_ACT} = ?", (act,)).rowcount  # noqa: S608


def acts(connection: sqlite3.Connection, act: str = "") -> list[Act]:
    """The acts that hold, or the one of that id, oldest first."""
    rows = connection.execute(
        f"select {_ACT} as act, answer, count(*), min(at), targets from label where undone = 0 and act > ''"  # noqa: S608
        " and (? in ('', act)) group by act order by min(id)",
        (act,),
    )
    return [Act(name, answer, count, at, tuple(json.loads(asked))) for name, answer, count, at, asked in rows]


def every(connection: sqlite3.Connection, targets: Sequence[str] | None = None, *, undone: bool = False) -> list[Label]:
    """All answers in the order given; of one question, or of all. Those that were taken back only for `undone`."""
    rows = connection.execute(
        "select sha256, answer, targets, purpose, drawn, at, id, undone from label where undone <= ? order by id",
        (undone,),
    )
    wanted = None if targets is None else tuple(sorted(targets))
    return [label for label in map(_label, rows) if wanted is None or label.targets == wanted]


def latest(labels: Iterable[Label]) -> dict[str, Label]:
    """The answer that holds for each picture: the last one."""
    return {label.sha256: label for label in labels}


def digest(labels: Iterable[Label]) -> str:
    """A name for exactly these answers, to find the evidence of a certificate again."""
    lines = sorted(f"{label.sha256} {label.answer} {json.dumps(label.targets)}" for label in labels)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def export(connection: sqlite3.Connection, path: Path) -> tuple[int, bool]:
    """Write labels.csv, whole and only if it changed. Returns how many labels it holds, and whether it was written."""
    labels = every(connection)
    text = io.StringIO(newline="")
    write_csv(text, COLUMNS, map(_row, labels))
    return len(labels), write_text(path, text.getvalue())


def load(connection: sqlite3.Connection, path: Path) -> tuple[int, int]:
    """Add the labels of a labels.csv that are not there yet, all or none.

    A line that differs from a label in the answer alone is a correction: that label is taken back. Returns how many
    labels are new or corrected, and how many of the file are of pictures that are not here; those wait until a scrape
    brings them. sha256, answer and targets are needed; a label without a purpose has `import`. Raises
    UsageError, naming the line, and when no picture of the file is here though others are.
    """
    given = every(connection)
    read = _read(path)
    here = {sha256 for (sha256,) in connection.execute("select sha256 from picture")}
    absent = sum(label.sha256 not in here for label in read)
    if here and read and absent == len(read):
        raise UsageError(f"{path} is of other pictures: none of its {absent:,} is in this dataset")
    answer = {_asked(label): label for label in given}
    known = {_row(label) for label in given}
    new = [label for label in read if _row(label) not in known]
    mended = {(label.sha256, label.targets) for label in new if _asked(label) in answer}
    # all that the file says of such a picture is added anew, in its order: of two answers the later one holds
    added = [label for label in read if _row(label) not in known or (label.sha256, label.targets) in mended]
    back = {answer[_asked(label)].id for label in added if _asked(label) in answer}
    _write(connection, added, sorted(back))
    return len(new), absent


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _read(path: Path) -> list[Label]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if lacking := [c for c in ("sha256", "answer", "targets") if c not in (rows.fieldnames or ())]:
                raise UsageError(f"{path} has no column {lacking[0]}; write sha256,answer,targets in its first line")
            return [_parse(row, f"{path}, line {rows.line_num}") for row in rows]
    except FileNotFoundError:
        raise MissingError(f"there is no {path}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read {path}: {error}") from None


def _parse(row: Mapping[str, str | None], where: str) -> Label:
    targets, drawn = _json(row["targets"]), _json(row.get("drawn") or "{}")
    if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
        raise UsageError(f'{where}: targets is {_short(row["targets"])}; write a JSON list, ["quilt"]')
    if not isinstance(drawn, dict):
        raise UsageError(f"{where}: drawn is {_short(row['drawn'])}; write a JSON object, or nothing")
    label = Label(
        sha256=row["sha256"] or "",
        answer=row["answer"] or "",
        targets=tuple(sorted(targets)),
        purpose=row.get("purpose") or "import",
        drawn=drawn,
        at=plain(uncell(row.get("at") or "")),
    )
    return _checked(label, where)


def _json(text: str | None) -> Any:
    """What a cell holds, None when that is no JSON."""
    try:
        return json.loads(text or "null")
    except (json.JSONDecodeError, RecursionError):
        return None


def _short(text: object) -> str:
    return repr(text if text is None else str(text)[:40])


def _checked(label: Label, where: str = "this label") -> Label:
    if not re.fullmatch(r"[0-9a-f]{64}", label.sha256):
        raise UsageError(
            f"{where}: sha256 is {_short(label.sha256)}; write the 64 small hex digits of the picture's bytes"
        )
    for name, value, allowed in (("answer", label.answer, ANSWERS), ("purpose", label.purpose, PURPOSES)):
        if value not in allowed:
            raise UsageError(f"{where}: {name} is {_short(value)}; write {', '.join(allowed)}")
    return label


def _asked(label: Label) -> tuple[str, ...]:
    """All of a label but its answer."""
    sha256, _, *rest = _row(label)
    return (sha256, *rest)


def _row(label: Label) -> tuple[str, ...]:
    question = json.dumps(sorted(label.targets))
    drawn = json.dumps(dict(label.drawn), sort_keys=True)  # in ASCII: no cell changes it
    return (label.sha256, label.answer, question, label.purpose, drawn, label.at)


def _label(row: tuple[Any, ...]) -> Label:
    sha256, answer, targets, purpose, drawn, at, number, undone = row
    return Label(sha256, answer, tuple(json.loads(targets)), purpose, json.loads(drawn), at, number, bool(undone))
