"""What the pages of one source came to in a run, for the lines at its end; no decision rests on it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sized

    from scrapy.http import TextResponse

_SCRIPT = re.compile(r"<script(?![^>]*json)", re.IGNORECASE)

_ENDS = {
    "bottom": "came to the bottom",
    "max": "reached its max, below which there may be more,",
    "time": "ran out of timeout_s, with perhaps more below,",
}

S = TypeVar("S", bound="Sized")


@dataclass
class Tally:
    """Counts, and what was found: by a recipe's CSS selectors, by `match` among addresses, or of a product."""

    passed_over: int = 0  # items, or pictures of a list, that min_rating left out
    nothing: dict[str, tuple[str, bool]] = field(default_factory=dict)  # the first such page; has it scripts?
    partly: list[str] = field(default_factory=list)  # sitemaps of which something could not be read
    ends: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (action, how it ended) -> pages
    something: set[str] = field(default_factory=set)  # keys that matched on some page

    def look(self, key: str, response: TextResponse, found: S) -> S:
        """Note whether `key` matched on this page, and return `found`."""
        if len(found):
            self.something.add(key)
        elif key not in self.nothing:
            scripts = key != "match" and bool(_SCRIPT.search(response.text))
            self.nothing[key] = response.url, scripts
        return found

    def add(self, other: Tally) -> None:
        """Count what another process read of the source."""
        self.passed_over += other.passed_over
        self.nothing = other.nothing | self.nothing
        self.partly += other.partly
        for end, pages in other.ends.items():
            self.ends.setdefault(end, []).extend(pages)
        self.something |= other.something

    def lines(self, name: str, said: dict[str, object], *, browser: bool) -> list[str]:
        """Sentences for the terminal; `said` is what the recipe says of each key."""
        lines = []
        for key, (url, scripts) in sorted(self.nothing.items()):
            if key not in self.something:
                what = f"{key} = {str(said[key])!r} matched nothing" if said.get(key) else f"no {key} was found"
                helps = " Scripts may fill that page: then write browser = true." if scripts and not browser else ""
                lines.append(f"source {name!r}: {what}, as on {url}.{helps}")
        if self.passed_over:
            lines.append(
                f"source {name!r}: min_rating = {said['min_rating']:g} passed over {self.passed_over:,} that have less"
                " or no rating"
            )
        for action in sorted({action for action, _ in self.ends}):
            ways = [_ended(self.ends[action, end], words) for end, words in _ENDS.items() if (action, end) in self.ends]
            lines.append(f"source {name!r}: {action} {', '.join(ways)}")
        if self.partly:
            others = f", and {len(self.partly) - 1:,} more" if self.partly[1:] else ""
            lines.append(f"source {name!r}: the sitemap {self.partly[0]} was read in part{others}")
        return lines


def _ended(pages: list[str], words: str) -> str:
    return f"{words} on {pages[0]}" if len(pages) == 1 else f"{words} on {len(pages):,} pages, as on {pages[0]}"
