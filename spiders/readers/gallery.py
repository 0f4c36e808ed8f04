"""List pages, item pages, pictures: a site read by the CSS selectors of the recipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cssselect import ExpressionError, SelectorError
from parsel import css2xpath

from scrapbag import sources
from scrapbag.crawl.frontier import Page, Picture
from scrapbag.errors import RecipeError
from spiders.pages import markup, own_block
from spiders.readers.base import Reader, absolute, legible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parsel import Selector, SelectorList
    from scrapy.http import TextResponse

    from scrapbag.recipe import Scrape


class GalleryReader(Reader[sources.Gallery]):
    """Without `item`, each picture of a list page is an item of its own, and what is said nearest to it is its own."""

    def __init__(self, source: sources.Gallery, settings: Scrape) -> None:
        super().__init__(source, settings)
        for key in ("image", "item", "next", "title", "tag", "rating"):
            _check(source.name, key, getattr(source, key))

    def start(self) -> Iterable[Page]:
        return [self._page(url) for url in self.source.start]

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture]:  # noqa: ARG002
        """A list page: its items, or its pictures, and the next list page."""
        if not legible(response):
            return
        if self.source.item:
            links = self._find("item", response)
            for link in links:
                rating = self._rating(_block(link, links, self.source.rating))
                if (url := absolute(response, link.root.get("href"))) and (rating is None or self._enough(rating)):
                    yield self._page(url, callback="item", meta={} if rating is None else {"rating": rating}, once=True)
        else:
            images = self._find("image", response)
            for image in images:
                parts = (self.source.rating, self.source.title, self.source.tag)
                stars, title, tag = (_block(image, images, part) for part in parts)
                if self._enough(score := self._rating(stars)):
                    yield from self._picture(response, image, title, tag, score)
        for link in response.css(self.source.next)[:1] if self.source.next else ():
            if url := absolute(response, link.root.get("href")):
                yield self._page(url)

    def item(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Picture]:
        """An item's page. What the list page said of its rating stands."""
        if not legible(response):
            return
        images = self._find("image", response)
        title, tag = (self._find(key, response) if getattr(self.source, key) else None for key in ("title", "tag"))
        rating = meta.get("rating")
        if rating is None and self.source.rating:
            rating = self._rating(self._own_stars(response, [*(title or ())[:1], *images[:1]]))
        if self._enough(rating):
            for image in images:
                yield from self._picture(response, image, title, tag, rating)

    def _own_stars(self, response: TextResponse, anchors: list[Selector]) -> Iterable[Selector]:
        """What shows the stars of the item itself: in the innermost block around its title or picture, else anywhere.

        Not those of other products that the page offers: they stand beside a link that `item` matches, or in a block
        whose class says so.
        """
        every = response.css(self.source.item) if self.source.item else []
        links = [one for one in every if absolute(response, one.root.get("href")) != response.url]
        strangers = {star.root for one in links for star in _block(one, [*links, *anchors], self.source.rating) or ()}
        own = [star for star in self._find("rating", response) if star.root not in strangers]
        own = [star for star in own if not own_block.is_offer(star)]
        roots = {star.root for star in own}
        for anchor in anchors:
            for block in reversed(anchor.xpath("ancestor::*")):
                if found := [star for star in block.css(self.source.rating) if star.root in roots]:
                    return found
        return own

    def _find(self, key: str, response: TextResponse) -> SelectorList[Selector]:
        return self.tally.look(key, response, response.css(getattr(self.source, key)))

    def _page(self, url: str, **values: Any) -> Page:
        return Page(url, browser=self.source.browser, actions=self.source.actions, **values)

    def _picture(
        self,
        response: TextResponse,
        image: Selector,
        title: SelectorList[Selector] | None,
        tag: SelectorList[Selector] | None,
        rating: float | None,
    ) -> Iterator[Picture]:
        address = markup.picture(image)
        if self.source.full:
            pattern, replacement = self.source.full
            address = re.sub(pattern, replacement, address)
        if url := absolute(response, address):
            name = markup.text(title[0]) if title else image.root.get("alt", "").strip()
            tags = tuple(dict.fromkeys(filter(None, map(markup.text, tag or ()))))
            yield Picture(url, response.url, title=name, tags=tags, rating=rating)

    def _rating(self, elements: Iterable[Selector] | None) -> float | None:
        return next((score for one in elements or () if (score := markup.rating(one)) is not None), None)

    def _enough(self, rating: float | None) -> bool:
        enough = not self.source.min_rating or (rating is not None and rating >= self.source.min_rating)
        self.tally.passed_over += not enough
        return enough


def _check(name: str, key: str, selector: str) -> None:
    try:
        css2xpath(selector or "*")
    except (SelectorError, ExpressionError) as error:
        raise RecipeError(f"source {name!r} {key} is {selector!r}, which is no CSS selector: {error}") from None


def _block(element: Selector, others: Iterable[Selector], selector: str) -> SelectorList[Selector] | None:
    """What `selector` finds in the innermost block around `element` that has any, if it holds none of the `others`."""
    if not selector:
        return None
    strangers = {one.root for one in others if one.root.get("href", one.root) != element.root.get("href", element.root)}
    for block in reversed(element.xpath("ancestor-or-self::*")):
        if any(one in strangers for one in block.root.iter()):
            return None
        if found := block.css(selector):
            return found
    return None
