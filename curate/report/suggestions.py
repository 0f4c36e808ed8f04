"""The classes that pictures won most often, for who looks for targets: some lines to print, and targets.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.report import thumbs
from scrapbag.disk import write_text
from scrapbag.plain import link, plain, shorten
from scrapbag.web import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from curate.rows import Suggestions, Winner
    from scrapbag.layout import Data

PRINTED, SHOWN = 12, 40  # classes on the terminal, and on the page with a sheet each
_WIDTH = 80


def printed(found: Suggestions) -> str:
    """A line a class in 80 columns: how many pictures it won, by the model alone too where that differs, its target."""
    return "\n".join(_lines(found))


def write(found: Suggestions, data: Data) -> None:
    """Write targets.html, only if it changed."""
    text = page.render(
        "curate.report",
        "targets.html.j2",
        style=("base.css", "report.css"),
        name=data.root.resolve().name,
        found=found,
        sheets=[(winner, line(winner), _tiles(winner, data)) for winner in found.winners[:SHOWN]],
        more=found.winners[SHOWN:],
    )
    write_text(data.targets_html, text)


def line(winner: Winner) -> str:
    """What a recipe says to keep this class."""
    quoted = winner.target.replace("\\", "\\\\").replace('"', '\\"')
    return f'targets = ["{quoted}"]'


def _lines(found: Suggestions) -> Iterator[str]:
    corrected = not found.aside
    heads = f"{'pictures':>9}{'  by the model alone' if corrected else ''}"
    yield f"{heads}  class"
    for winner in found.winners[:PRINTED]:
        start = f"{winner.count:>9,}" + (f"{winner.raw:>20,}" if corrected else "")
        words = f" ({plain(winner.words)})" if winner.words != winner.target else ""
        yield (f"{start}  " + shorten(f"{plain(winner.target)}{words}", _WIDTH - len(start) - 2)).rstrip()
    if len(found.winners) > PRINTED:
        yield f"{len(found.winners) - PRINTED:>9,} classes more, on the page"


def _tiles(winner: Winner, data: Data) -> list[tuple[str, str, str]]:
    """(thumbnail, link, title) of each example that can be shown."""
    made = [(thumbs.thumb(data, one), link(one.page_url) or link(one.url), plain(one.title)) for one in winner.examples]
    return [one for one in made if one[0]]
