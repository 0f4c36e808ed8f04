"""Runs a crawl of a recipe's sources: sets up the frontier, the turns and Scrapy, and says what came of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import tomli_w

from pipelines.sniff import look_again
from pipelines.store import lost_files
from scrapbag.catalog import connect, undecoded
from scrapbag.crawl import afield, private
from scrapbag.crawl.frontier import Frontier
from scrapbag.crawl.keys import key
from scrapbag.errors import MissingError, RecipeError, UsageError
from scrapbag.programs import CHROMIUM, find
from scrapbag.sources import API_KEYS, Paged, Smithsonian
from scrapbag.tables import endings, passed_over, placeholders
from spiders.engine.bar import CrawlBar
from spiders.engine.clock import Clock
from spiders.engine.crawl import Crawl
from spiders.engine.learnt import Learnt
from spiders.engine.naming import begin
from spiders.engine.process import crawl
from spiders.engine.settings import scrapy_settings
from spiders.engine.turns import Turns
from spiders.readers.kinds import reader

if TYPE_CHECKING:
    from scrapbag.layout import Data
    from scrapbag.recipe import Recipe
    from scrapbag.sources import Source
    from scrapbag.tables.passed_over import PassedOver
    from spiders.engine.host import Rest

_NO_EDIT = ("api_key_env", "api_key_file", "max_pages")
Spread = Callable[[CrawlBar], Learnt]  # asks what other processes may, and shows how far they are


@dataclass(frozen=True)
class Crawled:
    """What a crawl came to. `requests` counts this run's sources by (kind, state, reason)."""

    requests: dict[tuple[str, str, str], int]
    pictures: int  # different ones, in the whole catalog
    new: int
    full: bool  # the limit was reached
    resting: dict[str, Rest]  # by host: those that are left alone beyond the end of this run
    passed: tuple[PassedOver, ...] = ()  # what this run's sources hold that is no row
    listed: bool = False  # all of them are lists or folders, which have no selectors
    said: tuple[str, ...] = ()  # by the readers: what left something out, or matched nothing


def choose(recipe: Recipe, name: str | None, path: str) -> tuple[list[Source], dict[str, str]]:
    """The sources to crawl, and of those that cannot be asked here, by name, what they need.

    `path` is where the recipe can be edited. Raises UsageError, or, when none is left, MissingError or RecipeError.
    """
    if not recipe.sources:
        raise UsageError("the recipe has no [[source]]; docs/sources.md has an example of each kind")
    chosen = [source for source in recipe.sources if name in (None, source.name)]
    if not chosen:
        names = ", ".join(source.name for source in recipe.sources)
        raise UsageError(f"there is no source {name!r} in the recipe; it has {names}")
    waiting = {source.name: needs for source in chosen if (needs := _needs(source, path))}
    if len(waiting) == len(chosen):
        error = MissingError if CHROMIUM in waiting.values() else RecipeError
        raise error("; ".join(f"{one} needs {needs}" for one, needs in waiting.items()))
    return [source for source in chosen if source.name not in waiting], waiting


def run(
    data: Data, recipe: Recipe, sources: list[Source], *, retry: bool, fresh: bool, spread: Spread | None = None
) -> Crawled:
    """Crawl `sources` until nothing is left to ask, the limit is reached, or someone stops it (KeyboardInterrupt).

    With `spread` other processes ask what they may, and this one asks afterwards what they left.
    """
    afield.wait(data)
    readers = {source.name: reader(source, recipe.scrape) for source in sources}
    with closing(connect(data.catalog, create=True)) as connection:
        clock = Clock(time.monotonic, time.time)
        private.allow(connection, recipe.scrape.allow_hosts)
        frontier = Frontier(connection, readers, clock.wall, caps(sources))
        look_again(connection, data)
        lost = lost_files(connection, data) if retry or fresh else []
        texts = {source.name: _recipe(source) for source in recipe.sources}
        frontier.begin(texts, retry=retry, fresh=fresh, lost_files=lost)
        before = frontier.pictures
        turns, learnt = Turns(frontier, recipe.scrape, clock), Learnt()
        with CrawlBar(recipe.scrape.limit, before) as progress:
            if spread is not None:
                for one in readers.values():
                    deque(begin(frontier, one), maxlen=0)
                try:
                    learnt.add(spread(progress))
                finally:
                    frontier.go_on()
                    for name in sorted(readers):
                        frontier.concluded(name)
                turns.stopped = learnt.stopped
            if spread is None or (frontier.hosts() and not turns.full):
                spider = crawl(
                    Crawl,
                    scrapy_settings(recipe.scrape, browser=any(map(scripted, sources))),
                    signalled=True,
                    frontier=frontier,
                    turns=turns,
                    data=data,
                    scrape=recipe.scrape,
                    readers=readers,
                    progress=progress,
                    named=() if spread is None else readers,
                )
                learnt.add(Learnt.of(spider))
        for name, tally in learnt.tallies.items():
            readers[name].tally = tally
        return Crawled(
            requests=frontier.count(),
            pictures=frontier.pictures,
            new=frontier.pictures - before,
            full=frontier.pictures >= recipe.scrape.limit,
            resting=learnt.resting,
            passed=tuple(passed_over.read(connection, readers)),
            listed=all(source.listed for source in sources),
            said=(
                *map(private.sentence, sorted(learnt.private)),
                *endings.sentences(connection),
                *placeholders.sentences(connection),
                *(line for one in readers.values() for line in one.said()),
                *filter(None, [undecoded(connection)]),
            ),
        )


def caps(sources: list[Source]) -> dict[str, int]:
    """How many pages each source may have, where it has a limit."""
    return {source.name: source.max_pages for source in sources if isinstance(source, Paged)}


def _recipe(source: Source) -> str:
    """A source's settings as text: when they differ from those of the last run, its pages are read anew.

    Where its key lies is no part of it, nor how many pages there may be: that says nothing of those that there are.
    """
    settings = asdict(source).items()
    return tomli_w.dumps({key: value for key, value in settings if value is not None and key not in _NO_EDIT})


def _needs(source: Source, path: str) -> str:
    """What a source lacks here, and how to have it; '' when it can be asked."""
    if isinstance(source, Smithsonian) and key(source.name, source.api_key_env, source.api_key_file) is None:
        at = source.api_key_file or f"export {source.api_key_env}=… in your shell, or api_key_file in {path}"
        return f"a key, free from {API_KEYS}: {at}"
    return CHROMIUM if scripted(source) and find() is None else ""


def scripted(source: Source) -> bool:
    """Whether its pages are opened in Chromium."""
    return bool(getattr(source, "browser", False))
