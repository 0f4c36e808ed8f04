"""Runs a crawl of a recipe's sources: sets up the frontier, the turns and Scrapy, and says what came of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

import tomli_w
from scrapy import signals
from scrapy.crawler import CrawlerProcess

from pipelines.store import look_again, lost_files
from scrapbag.catalog import connect, undecoded
from scrapbag.crawl import private
from scrapbag.crawl.frontier import Frontier
from scrapbag.crawl.keys import key
from scrapbag.errors import MissingError, RecipeError, UsageError
from scrapbag.programs import CHROMIUM, find
from scrapbag.sources import API_KEYS, Paged, Smithsonian
from scrapbag.tables import endings, passed_over, placeholders
from spiders.engine.bar import CrawlBar
from spiders.engine.clock import Clock
from spiders.engine.crawl import Crawl
from spiders.engine.settings import scrapy_settings
from spiders.engine.turns import Turns
from spiders.readers.kinds import reader

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from scrapbag.layout import Data
    from scrapbag.recipe import Recipe
    from scrapbag.sources import Source
    from scrapbag.tables.passed_over import PassedOver
    from spiders.engine.turns import Rest

_STOPS = (signal.SIGINT, signal.SIGTERM)
_NO_EDIT = ("api_key_env", "api_key_file", "max_pages")
_GRACE_S = 1.0  # for requests under way when someone says stop; they are asked again


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


def run(data: Data, recipe: Recipe, sources: list[Source], *, retry: bool, fresh: bool) -> Crawled:
    """Crawl `sources` until nothing is left to ask, the limit is reached, or someone stops it (KeyboardInterrupt)."""
    readers = {source.name: reader(source, recipe.scrape) for source in sources}
    with closing(connect(data.catalog, create=True)) as connection:
        clock = Clock(time.monotonic, time.time)
        private.allow(connection, recipe.scrape.allow_hosts)
        caps = {source.name: source.max_pages for source in sources if isinstance(source, Paged)}
        frontier = Frontier(connection, [source.name for source in sources], clock.wall, caps)
        look_again(connection, data)
        lost = lost_files(connection, data) if retry or fresh else []
        texts = {source.name: _recipe(source) for source in recipe.sources}
        frontier.begin(texts, retry=retry, fresh=fresh, lost_files=lost)
        before = frontier.pictures
        turns = Turns(frontier, recipe.scrape, clock)
        process = CrawlerProcess(scrapy_settings(recipe.scrape, browser=any(map(_scripted, sources))))
        logging.getLogger("scrapy").setLevel(logging.WARNING)  # it writes two lines about every response
        logging.getLogger("twisted").addFilter(_is_news)
        crawler = process.create_crawler(Crawl)
        stops = Stops(crawler)
        with CrawlBar(recipe.scrape.limit, before) as progress:
            process.crawl(
                crawler,
                frontier=frontier,
                turns=turns,
                data=data,
                scrape=recipe.scrape,
                readers=readers,
                progress=progress,
            )
            gc.freeze()  # what is loaded stays; looking through it again and again would cost 5 % of the CPU
            gc.set_threshold(50_000)
            process.start(install_signal_handlers=False)
        turns.end()  # Scrapy's own end does not come when the grace is over
        crawl = cast("Crawl", crawler.spider)
        for name in sorted(crawl.named):
            frontier.concluded(name)
        if crawl.fatal is not None:
            raise crawl.fatal
        if stops.asked:
            raise KeyboardInterrupt
        return Crawled(
            requests=frontier.count(),
            pictures=frontier.pictures,
            new=frontier.pictures - before,
            full=frontier.pictures >= recipe.scrape.limit,
            resting=turns.resting,
            passed=tuple(passed_over.read(connection, readers)),
            listed=all(source.listed for source in sources),
            said=(
                *map(private.sentence, sorted(crawl.private)),
                *endings.sentences(connection),
                *placeholders.sentences(connection),
                *(line for one in readers.values() for line in one.said()),
                *filter(None, [undecoded(connection)]),
            ),
        )


class Stops:
    """Ctrl-C and SIGTERM: close in order, but wait no longer than the grace. What is cut off is leased again."""

    def __init__(self, crawler: Crawler) -> None:
        self.asked = False
        self._crawler = crawler
        for number in _STOPS:  # until the event loop listens: Scrapy's start would swallow a KeyboardInterrupt
            signal.signal(number, self._note)
        crawler.signals.connect(self._listen, signal=signals.engine_started)

    def _note(self, *_: object) -> None:
        self.asked = True

    def _listen(self) -> None:
        for number in _STOPS:
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        if self.asked:
            self.asked = False
            self._stop()

    def _stop(self) -> None:
        if not self.asked:
            self.asked = True
            asyncio.get_running_loop().call_later(_GRACE_S, _leave)
            cast("Crawl", self._crawler.spider).stop()


def _is_news(record: logging.LogRecord) -> bool:
    """Twisted writes a traceback about every bad certificate, which is a row with its reason here."""
    return "info_callback" not in record.getMessage()


def _leave() -> None:
    from twisted.internet import reactor  # noqa: PLC0415  (importing it earlier would install the wrong one)

    reactor.crash()  # type: ignore[misc]  # the module becomes the reactor


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
    return CHROMIUM if _scripted(source) and find() is None else ""


def _scripted(source: Source) -> bool:
    return bool(getattr(source, "browser", False))
