"""List pages, item pages, pictures: a site read by the CSS selectors of the recipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scrapbag import sources
from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.errors import RecipeError
from spiders.pages import own_block
from spiders.pages.address import absolute
from spiders.pages.css import Rule
from spiders.pages.tiles import Tiles
from spiders.readers.base import Document, Reader, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.http import TextResponse

    from scrapbag.recipe import Scrape
    from spiders.pages.css import Found


_PSEUDO = re.compile(r"[^'\"]*::(?:text|attr\([^)]*\))")


class GalleryReader(Reader[sources.Gallery]):
    """Without `item`, each picture of a list page is an item of its own, and what is said nearest to it is its own.

    Raises RecipeError for what is no selector, or none that Scrapy has.
    """

    def __init__(self, source: sources.Gallery, settings: Scrape) -> None:
        super().__init__(source, settings)
        keys = ("image", "item", "next", "title", "tag", "rating")
        self._rules = {key: _rule(source.name, key, getattr(source, key)) for key in keys}
        for asked in _PSEUDO.findall(str(source.actions)):
            raise RecipeError(
                f"source {source.name!r} actions has {asked!r}: the browser knows no ::text and no ::attr()"
            )

    def start(self) -> Iterable[Page]:
        return [self._page(url) for url in self.source.start]

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:  # noqa: ARG002
        """A list page: its items, or its pictures, and the next list page."""
        if (page := document(response)) is None:
            return
        key = "item" if self.source.item else "image"
        things = self._find(key, page)
        tiles = Tiles([one.root for one in things])
        parts = ("rating",) if self.source.item else ("rating", "title", "tag")
        said = {part: tiles.index(self._rules[part].find(page.selector)) for part in parts}
        for thing in things:
            own = {part: tiles.own(thing.root, index) for part, index in said.items()}
            score = _score(own["rating"])
            if not self.source.item:
                shown = self._picture(page, thing, own["title"], own["tag"], score)
                yield from shown if self._enough(score) else (Thing(one.url) for one in shown)
            elif url := absolute(page.base, thing.link):
                if score is None or self._enough(score):
                    yield self._page(url, callback="item", meta={} if score is None else {"rating": score}, once=True)
                else:
                    yield Thing(url)
        for link in self._rules["next"].find(page.selector)[:1]:
            if url := absolute(page.base, link.link):
                yield self._page(url, follows=True)

    def item(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Picture]:
        """An item's page. What the list page said of its rating stands."""
        if (page := document(response)) is None:
            return
        images = self._find("image", page)
        title, tag = (self._find(key, page) if getattr(self.source, key) else [] for key in ("title", "tag"))
        rating = meta.get("rating")
        if rating is None and self.source.rating:
            rating = _score(self._own_stars(page, [*title[:1], *images[:1]]))
        if self._enough(rating):
            for image in images:
                yield from self._picture(page, image, title, tag, rating)

    def _own_stars(self, page: Document, anchors: list[Found]) -> list[Found]:
        """What shows the stars of the item itself: in the innermost block around its title or picture, else anywhere.

        Not those of other products that the page offers: they stand beside a link that `item` matches, or in a block
        whose class says so.
        """
        every = self._find("rating", page)
        links = [one for one in self._rules["item"].find(page.selector) if absolute(page.base, one.link) != page.url]
        tiles = Tiles([one.root for one in (*links, *anchors)])
        index = tiles.index(every)
        strangers = {star.root for link in links for star in tiles.own(link.root, index)}
        own = [star for star in every if star.root not in strangers and not own_block.is_offer(star.root)]
        for anchor in anchors:
            for block in anchor.root.iterancestors():
                if found := [star for star in own if block in star.root.iterancestors()]:
                    return found
        return own

    def _find(self, key: str, page: Document) -> list[Found]:
        return self.tally.look(key, page.response, self._rules[key].find(page.selector))

    def _page(self, url: str, **values: Any) -> Page:
        return Page(url, browser=self.source.browser, actions=self.source.actions, **values)

    def _picture(
        self, page: Document, image: Found, title: list[Found], tag: list[Found], rating: float | None
    ) -> Iterator[Picture]:
        address = image.picture
        if self.source.full:
            pattern, replacement = self.source.full
            address = re.sub(pattern, replacement, address)
        if url := absolute(page.base, address):
            name = title[0].text if title else image.root.get("alt", "").strip()
            tags = tuple(dict.fromkeys(filter(None, (one.text for one in tag))))
            yield Picture(url, page.url, title=name, tags=tags, rating=rating)

    def _enough(self, rating: float | None) -> bool:
        enough = not self.source.min_rating or (rating is not None and rating >= self.source.min_rating)
        self.tally.passed_over += not enough
        return enough


def _rule(name: str, key: str, selector: str) -> Rule:
    try:
        return Rule(selector)
    except ValueError as error:
        raise RecipeError(f"source {name!r} {key} is {selector!r}, which is no CSS selector: {error}") from None


def _score(found: list[Found]) -> float | None:
    return next((score for one in found if (score := one.rating) is not None), None)
