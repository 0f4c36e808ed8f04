"""The base class of all readers, and the recipe's licence, creator and tags for pages that state none."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from scrapy.http import TextResponse

from scrapbag.sources import Source
from spiders.pages import address as addresses
from spiders.readers.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from scrapbag.crawl.frontier import Page, Picture
    from scrapbag.recipe import Scrape

S = TypeVar("S", bound=Source)


class Reader(Generic[S]):
    """Reads one source. It keeps nothing between pages but a tally: what a later page needs travels in `Page.meta`.

    A method that a `Page` names as its callback takes (response, meta) as `parse` does.
    """

    def __init__(self, source: S, settings: Scrape) -> None:
        self.source = source
        self.settings = settings
        self.tally = Tally()

    def said(self) -> list[str]:
        """Sentences on what came of this run's pages, where a recipe's key left something out or matched nothing."""
        browser = bool(getattr(self.source, "browser", False))
        return self.tally.lines(self.source.name, asdict(self.source), browser=browser)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of this source's pages besides the usual, such as an API key; requests for pictures go without."""
        return {}

    def start(self) -> Iterable[Page | Picture]:
        """The pages and pictures that the source begins with."""
        raise NotImplementedError

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterable[Page | Picture]:
        """What a page names: further pages, and pictures."""
        raise NotImplementedError


def absolute(response: TextResponse, address: str | None) -> str:
    """The address that a page means, by its <base> where it has one; '' when it cannot be asked."""
    try:
        base = response.urljoin("")
    except ValueError:  # a <base> that is no address
        return ""
    return addresses.absolute(base, address)


def legible(response: Response) -> bool:
    """Whether a response is a page that can be parsed: Scrapy raises over a <base> that is no address."""
    try:
        return isinstance(response, TextResponse) and response.selector.type == "html"
    except ValueError:
        return False


def fill(picture: Picture, source: Source) -> Picture:
    """The picture with the recipe's licence, creator and tags where its page says nothing; unknown stays unknown."""
    licensed = bool(picture.licence or picture.licence_url)
    return replace(
        picture,
        tags=picture.tags or source.tags,
        creator=picture.creator or source.creator,
        licence=picture.licence or ("" if licensed else source.licence) or "unknown",
        licence_url=picture.licence_url or ("" if licensed else source.licence_url),
    )
