"""Words and numbers as people may read them: harmless in a terminal, in a spreadsheet's cell, behind a link."""

from __future__ import annotations

import math
import re
import unicodedata
from urllib.parse import urlsplit

# C0, C1, surrogates, line separators, and the marks that reorder or hide text
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_FORMULA = re.compile(r"'*[=+\-@]")


def plain(text: str) -> str:
    """`text` on one line, without anything that a terminal or a reader would obey rather than show."""
    if text.isprintable():
        return text.strip()
    return " ".join(_UNSEEN.sub("", " ".join(text.split())).split())  # again: what stood between two spaces is gone


def cell(text: str) -> str:
    """`text` as a cell that a spreadsheet shows and never computes; `uncell` takes the mark off again."""
    text = plain(text)
    return f"'{text}" if _FORMULA.match(text) else text


def uncell(text: str) -> str:
    """What `cell` was given, less the characters that `plain` removed."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


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


def _columns(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
