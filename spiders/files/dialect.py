"""Rows of a table as spreadsheets and scripts write it: the delimiter is found out, and a bad row costs itself alone.

RFC 4180 is what most mean and few write; the csv module reads a record, and what it makes of it is looked at twice.
"""

from __future__ import annotations

import csv
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from scrapbag.plain import link
from spiders.files.columns import address_of, columns_of
from spiders.pages.address import is_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Chosen = tuple[tuple[str, str], ...]

_DELIMITERS = "\t;,|"
_SAMPLE = 50  # lines by which a dialect is known
_MOST = 0.7  # of the lines, to say something of all
_EMPTY = "\x00 \t;,|"  # a line of nothing else is what a spreadsheet leaves under its last row
_MOST_LINES, _MOST_LETTERS = 100, 1 << 20  # of one record that has line ends within quotes
_PATIENCE = 2_000  # lines of one list in which the end of a quote is looked for in vain; then every line is a record
_LONGEST_FIELD = 1 << 27  # the csv module's own limit, 131,072, is under what some captions take


class Table:
    """A header and the rows under it. `names` are the columns; without a header, called after what they hold."""

    def __init__(self, lines: Iterable[str], chosen: Chosen = ()) -> None:
        """`chosen` as for `said`."""
        self._chosen = chosen
        rest = (line for line in lines if line.strip(_EMPTY))
        sample = list(islice(rest, _SAMPLE))
        if sample and (told := sample[0].strip('" ')).lower().startswith("sep="):  # Excel's own
            sample.pop(0)
            self._delimiter = told[4:5]
        else:
            self._delimiter = _sniffed(sample, chosen)
        first = _fields(sample[0], self._delimiter) if sample else []
        headed = not any(map(link, map(address_of, first)))
        self.names = [name.strip() for name in first] if headed else _called(sample, self._delimiter)
        found = columns_of(tuple(self.names), chosen).get("url", ())
        self._at = self.names.index(found[0]) if found else None
        self._lines = chain(sample[1:] if headed else sample, rest)
        self._patience = _PATIENCE

    def __iter__(self) -> Iterator[dict[str, str]]:
        for record in self._records():
            fields = record[: len(self.names)]
            yield dict(zip(self.names, fields + [""] * (len(self.names) - len(fields)), strict=True))

    def _records(self) -> Iterator[list[str]]:
        waiting: list[str] = []  # lines that were read on for a record that proved to be one line
        while (line := waiting.pop(0) if waiting else next(self._lines, None)) is not None:
            fields = self._parsed([line])
            if fields is None:
                spanned = [line]
                fields = self._joined(spanned, waiting)
                if fields is None:
                    fields, waiting = self._alone(line), spanned[1:] + waiting
            yield fields

    def _joined(self, spanned: list[str], waiting: list[str]) -> list[str] | None:
        """The record that begins with the line in `spanned` and ends in a later one; None if its quote has no end.

        Lines that are taken go from `waiting` to `spanned`. One that is a row by itself says that the quote is odd.
        """
        begins_as_row = self._is_row(self._alone(spanned[0]))
        letters = len(spanned[0])
        while len(spanned) < _MOST_LINES and letters < _MOST_LETTERS and self._patience:
            further = waiting.pop(0) if waiting else next(self._lines, None)
            if further is None:
                return None
            spanned.append(further)
            letters += len(further)
            if (begins_as_row or '"' not in further) and self._is_row(self._alone(further)):
                return None
            self._patience -= 1
            if '"' in further and (fields := self._parsed(spanned)) is not None:
                if len(fields) != len(self.names):
                    return None
                self._patience += len(spanned) - 1
                return fields
        return None

    def _parsed(self, lines: list[str]) -> list[str] | None:
        """The fields of one record, None where it does not end with these lines."""
        if not self._delimiter and not lines[0].startswith('"'):
            return lines[:1]
        if '"' not in lines[0]:
            return lines[0].split(self._delimiter)
        try:
            records = _parse((f"{line}\n" for line in lines), self._delimiter or "\x1f", strict=True)
        except csv.Error:
            return None
        return records[0] if len(records) == 1 else None

    def _alone(self, line: str) -> list[str]:
        """A line by itself: as a record or, where its quotes are odd, whatever of it is a row."""
        if (fields := self._parsed([line])) is not None:
            return fields
        bare = [one.strip().strip('"') for one in (line.split(self._delimiter) if self._delimiter else [line])]
        lenient = _fields(line, self._delimiter)
        return lenient if self._is_row(lenient) and not self._is_row(bare) else bare

    def _is_row(self, fields: list[str]) -> bool:
        known = self._at is not None and self._at < len(fields) >= len(self.names)
        return known and bool(link(address_of(fields[self._at or 0])))


def _sniffed(sample: list[str], chosen: Chosen) -> str:
    """The delimiter that makes the header name the column of addresses, or gives most lines one; '' of a single column.

    Of several, the one that divides most lines into as many fields as the first. What an address itself may hold
    divides a list without a header only beside words, or after what ends like a picture.
    """
    best, most = "", (0, 0.0, 0)
    for delimiter in _DELIMITERS:
        if not sample or delimiter not in sample[0]:
            continue
        split = [_fields(line, delimiter) for line in sample]
        alike = sum(len(fields) == len(split[0]) for fields in split) / len(split)
        named = "url" in columns_of(tuple(one.strip() for one in split[0]), chosen)
        rows = sum(_has_address(fields, delimiter) for fields in split)
        score = (2 * named + (alike > _MOST), alike, len(split[0]))
        if (named or (alike > _MOST and rows > len(split) / 2)) and score > most:
            best, most = delimiter, score
    if not best and sample and not any(map(link, map(address_of, [sample[0]]))):
        counts = {delimiter: sample[0].count(delimiter) for delimiter in _DELIMITERS}  # a header without such a name
        best = max(counts, key=lambda one: counts[one]) if any(counts.values()) else ""
    return best


def _has_address(fields: list[str], delimiter: str) -> bool:
    where = [number for number, one in enumerate(fields) if link(address_of(one))]
    if not where or delimiter == "\t":
        return bool(where)
    others = [one for number, one in enumerate(fields) if number != where[0]]
    return (
        (is_picture(fields[where[0]]) and "?" not in fields[where[0]])
        or where[0] > 0
        or any(" " in one.strip() for one in others)
    )


def _parse(lines: Iterable[str], delimiter: str, *, strict: bool = False) -> list[list[str]]:
    """The records of lines, with fields of any length. The csv module's limit is everybody's, so it is put back."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        return list(csv.reader(lines, delimiter=delimiter, strict=strict))
    finally:
        csv.field_size_limit(before)


def _fields(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return [line.strip('"')]
    try:
        return next(iter(_parse([line], delimiter)), [])
    except csv.Error:
        return line.split(delimiter)


def _called(sample: list[str], delimiter: str) -> list[str]:
    """Names for the columns of a table without a header: `url`, and `caption` for the first words beside it."""
    rows = [_fields(line, delimiter) for line in sample]
    names = [f"column {number}" for number in range(1, 1 + max(map(len, rows), default=1))]
    for row in rows:
        at = next((number for number, one in enumerate(row) if link(address_of(one))), None)
        if at is None:
            continue
        names[at] = "url"
        words = (number for number, one in enumerate(row) if number != at and re.search(r"[^\W\d]", one))
        if (caption := next((number for number in words if not link(address_of(row[number]))), None)) is not None:
            names[caption] = "caption"
        break
    return names
