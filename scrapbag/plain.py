"""Words and numbers as people may read them: harmless in a terminal, in a spreadsheet's cell, behind a link."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

# C0, C1, surrogates, line separators, the marks that reorder or hide text, blank letters, and tags. Joiners stay, which
# some scripts and emoji need, and soft hyphens
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SIGNS = "=+-@\u2212"  # of a formula; the last is the minus of mathematics
_BLANK = {"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"}  # Unicode's categories of what nobody sees by itself


def plain(text: str) -> str:
    """`text` on one line, without anything that a terminal or a reader would obey rather than show."""
    if text.isprintable() and (text.isascii() or not _UNSEEN.search(text)):
        return text.strip()
    return " ".join(_UNSEEN.sub("", " ".join(text.split())).split())  # again: what stood between two spaces is gone


def cell(text: str) -> str:
    """`text` as a cell that a spreadsheet shows and never computes; `uncell` takes the mark off again."""
    text = plain(text)
    return f"'{text}" if _computes(text) else text


def uncell(text: str) -> str:
    """What `cell` was given, less the characters that `plain` removed."""
    return text[1:] if text.startswith("'") and _computes(text) else text


def write_csv(file: TextIO, names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table: its names, if any, then its rows. Every CSV file of ours is written here.

    A text becomes a `cell`, None an empty one, a number stays what it is. `file` is open with newline="".
    """
    writer = csv.writer(file, lineterminator="\n")
    if head := list(names):
        writer.writerow(head)
    writer.writerows([cell(value) if isinstance(value, str) else value for value in row] for row in rows)


def link(url: str) -> str:
    """`url` when a browser may follow it: http or https with a host. Otherwise ''."""
    try:
        parts = urlsplit(plain(url))
    except ValueError:  # brackets that hold no address
        return ""
    return parts.geturl() if parts.scheme in {"http", "https"} and parts.hostname else ""


def shorten(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` columns of a terminal, East Asian characters counted as two; cut with …, or padded."""
    text = plain(text)
    if _columns(text) > width:
        while _columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    pad = " " * (width - _columns(text))
    return pad + text if right else text + pad


def counted(number: float, word: str) -> str:
    """`1 minute`, `2.5 minutes`."""
    return f"{number:,.12g} {word}{'' if number == 1 else 's'}"


def down(value: float, digits: int) -> str:
    """`value` rounded down, so that nothing under a threshold reads as if it stood on it."""
    return f"{math.floor(value * 10**digits + 1e-6) / 10**digits:.{digits}f}"


def digits(value: float) -> str:
    """Two digits, or four rounded down where two would lose something."""
    return f"{value:.2f}" if round(value, 2) == value else down(value, 4)


def _computes(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula: a sign of any width, behind whatever nobody sees."""
    if text[:1].isalnum():
        return False
    for one in text:
        if one != "'" and unicodedata.category(one) not in _BLANK:
            return unicodedata.normalize("NFKC", one)[0] in _SIGNS
    return False


def _columns(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
