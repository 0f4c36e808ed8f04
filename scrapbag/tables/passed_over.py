"""What listings passed over, kept in the catalog: written anew when a source is listed again, read by all reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

READ = "sidecar"  # the reason of what was read beside pictures: nothing is lost of it
_SHOWN = 4  # kinds of a reason that a line names


@dataclass(frozen=True)
class PassedOver:
    """So many files, members or rows of a source that are no row of the catalog, for one reason."""

    source: str
    reason: str
    kind: str
    count: int
    first: str


def write(
    db: sqlite3.Connection, source: str, rows: Iterable[tuple[str, str, int, str]], named: int, edition: int
) -> None:
    """Replace what is known of `source` by (reason, kind, count, first name); `named` is how many pictures it named.

    An address that it named more than once is one picture; the others are counted here.
    """
    db.execute("delete from passed_over where source = ? or source not in (select name from source)", (source,))
    db.executemany("insert into passed_over values (?, ?, ?, ?, ?)", [(source, *row) for row in rows])
    query = "select count(distinct url) from sighting where source = ? and edition = ?"
    (different,) = db.execute(query, (source, edition)).fetchone()
    if named > different:
        db.execute("insert into passed_over values (?, 'repeated', 'address', ?, '')", (source, named - different))


def read(db: sqlite3.Connection, sources: Collection[str] | None = None) -> list[PassedOver]:
    """Of the recipe's sources, or of `sources`, as they were last listed; the commonest reason and kind first."""
    rows = db.execute(
        """select source, reason, kind, count, first from passed_over where source in
           (select name from source where active) order by source, sum(count) over (partition by source, reason) desc,
           reason, count desc, kind"""
    )
    return [one for one in (PassedOver(*row) for row in rows) if sources is None or one.source in sources]


def by_reason(passed: Iterable[PassedOver]) -> dict[str, list[PassedOver]]:
    """What was lost, by reason; what was only read beside pictures is not among it."""
    reasons: dict[str, list[PassedOver]] = {}
    for one in passed:
        if one.reason != READ:
            reasons.setdefault(one.reason, []).append(one)
    return reasons


def line(passed: Iterable[PassedOver]) -> str:
    """One source's in words: `no_picture 200 (txt 150, pdf 50), link 3 (jpg)`; '' where nothing was lost."""
    return ", ".join(_reason(reason, some) for reason, some in by_reason(passed).items())


def total(passed: Iterable[PassedOver]) -> int:
    """How many were lost."""
    return sum(one.count for one in passed if one.reason != READ)


def _reason(reason: str, some: list[PassedOver]) -> str:
    kinds = [f"{one.kind} {one.count:,}" for one in some[:_SHOWN]] + ["others"] * (len(some) > _SHOWN)
    shown = some[0].kind if len(some) == 1 else ", ".join(kinds)
    return f"{reason} {sum(one.count for one in some):,} ({shown})"
