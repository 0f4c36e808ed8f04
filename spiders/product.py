"""A shop's product pages, found by its sitemaps, and the pictures that they name or show of their product."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scrapy.http import TextResponse

from scrapbag.frontier import Page, Picture
from scrapbag.sources import Product
from spiders import schema_org, sitemap
from spiders.base import Reader, fill
from spiders.licence import licence_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.http import Response


class ProductReader(Reader[Product]):
    def start(self) -> Iterable[Page | Picture]:
        for address in self.source.start:
            path = urlsplit(address).path
            if path in ("", "/"):
                yield Page(urljoin(address, "/robots.txt"), "parse_robots")
            elif path.endswith((".xml", ".xml.gz", ".txt", ".txt.gz", "/robots.txt")):
                yield Page(address, "parse_robots" if path.endswith("/robots.txt") else "parse_sitemap")
            else:
                yield self._item(address)

    def parse_robots(self, response: Response, _meta: dict[str, Any]) -> Iterable[Page | Picture]:
        """The sitemaps that the site's robots.txt names, or the one at the place where most sites have it."""
        named = sitemap.named_in_robots(response.body.decode("utf-8", "replace"))
        for address in named or ["/sitemap.xml"]:
            yield Page(urljoin(response.url, address), "parse_sitemap")

    def parse_sitemap(self, response: Response, _meta: dict[str, Any]) -> Iterable[Page | Picture]:
        for entry in sitemap.entries(response.body):
            address = schema_org.absolute(response.url, entry.url)
            if address and entry.is_index:
                yield Page(address, "parse_sitemap")
            elif address and re.search(self.source.match, address):
                yield self._item(address, images=[[one.url, one.licence_url, one.title] for one in entry.images])

    def parse(self, response: Response, meta: dict[str, Any]) -> Iterable[Page | Picture]:
        """The pictures of one product. `meta["images"]` is what the sitemap said of them."""
        if not isinstance(response, TextResponse) or response.selector.type != "html":
            return
        product = schema_org.product(response.selector, response.url)
        if self.source.min_rating and (product is None or (product.rating or 0) < self.source.min_rating):
            return
        listed = [schema_org.Shown(url, licence_url=licence) for url, licence, _ in meta.get("images", ())]
        licences = {shown.url: shown.licence_url for shown in listed}
        for shown in self._shown(response, product) or listed:
            licence_url = shown.licence_url or licences.get(shown.url, "")
            yield fill(
                Picture(
                    url=shown.url,
                    page_url=response.url,
                    source_id=product.sku if product else "",
                    title=(product and product.name) or _title(response),
                    tags=product.tags if product else (),
                    creator=shown.creator,
                    licence=licence_name(licence_url) or licence_url,
                    licence_url=licence_url,
                    attribution=shown.attribution,
                    rating=product.rating if product else None,
                ),
                self.source,
            )

    def _shown(self, response: TextResponse, product: schema_org.Product | None) -> list[schema_org.Shown]:
        if product and product.pictures:
            return list(product.pictures)
        return [schema_org.Shown(url) for url in schema_org.opengraph(response.selector, response.url)[:1]]

    def _item(self, address: str, **meta: Any) -> Page:
        return Page(address, meta=meta, browser=self.source.browser, once=True)


def _title(response: TextResponse) -> str:
    words: Iterator[str] = (
        " ".join(text.split())
        for text in response.xpath("//meta[@property='og:title']/@content | //h1//text() | //title/text()").getall()
    )
    return next(filter(None, words), "")
