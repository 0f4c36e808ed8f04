"""The base class of all readers, and the recipe's licence, creator and tags for pages that state none."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parsel import Selector
from scrapy.http import JsonResponse, TextResponse, XmlResponse

from scrapbag.sources import Source
from spiders.files.passed import Passed
from spiders.pages import address as addresses
from spiders.readers.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import Response

    from scrapbag.crawl.frontier import Page, Picture, Thing
    from scrapbag.crawl.keys import Key
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
        self.key: Key | None = None  # of an interface
        self.passed = Passed()

    def said(self) -> list[str]:
        """Sentences on what came of this run's pages, where a recipe's key left something out or matched nothing."""
        browser = bool(getattr(self.source, "browser", False))
        return self.tally.lines(self.source.name, asdict(self.source), browser=browser)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of this source's pages besides the usual, such as an API key, for its own host alone.

        Requests for pictures go without.
        """
        return {}

    def start(self) -> Iterable[Page | Picture]:
        """The pages and pictures that the source begins with."""
        raise NotImplementedError

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterable[Page | Picture | Thing]:
        """What a page names: further pages, and pictures; and what it shows besides, as things."""
        raise NotImplementedError


@dataclass(frozen=True)
class Document:
    """A page that can be parsed. `base` is what its addresses are relative to."""

    response: TextResponse
    selector: Selector
    base: str

    @property
    def url(self) -> str:
        return self.response.url


def document(response: Response) -> Document | None:
    """A response as a page; None when it is something else.

    Parsed here, because Scrapy looks for <base> in the first 4,096 letters only, and raises over a bad one.
    """
    if not isinstance(response, TextResponse) or isinstance(response, (JsonResponse, XmlResponse)):
        return None
    page = Selector(response.text, type="html")
    return Document(response, page, addresses.base(page, response.url))


def absolute(response: Response, address: str | None) -> str:
    """The address that an answer of an interface means; '' when it cannot be asked."""
    return addresses.absolute(response.url, address)


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
