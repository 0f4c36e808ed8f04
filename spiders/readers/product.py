"""A shop's product pages, found by its sitemaps, and the pictures that they name or show of their product."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scrapbag.crawl.frontier import Page, Picture
from scrapbag.sources import Product
from spiders.pages import markup, own_block, sitemap, sizes
from spiders.pages.address import absolute
from spiders.pages.headings import cleaned, title
from spiders.pages.licence import licence_name
from spiders.pages.schema_org import PageProduct, Shown, is_article, opengraph, product_of, unique
from spiders.readers.base import Document, Reader, document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.http import TextResponse


class ProductReader(Reader[Product]):
    def start(self) -> Iterable[Page | Picture]:
        for address in self.source.start:
            path = urlsplit(address).path
            if path in ("", "/"):
                yield Page(urljoin(address, "/robots.txt"), "parse_robots")
                yield Page(urljoin(address, "/sitemap.xml"), "parse_sitemap")  # where most have one, named or not
            elif path.endswith((".xml", ".xml.gz", ".txt", ".txt.gz", "/robots.txt")):
                yield Page(address, "parse_robots" if path.endswith("/robots.txt") else "parse_sitemap")
            else:
                yield self._item(address)

    def parse_robots(self, response: TextResponse, _meta: dict[str, Any]) -> Iterable[Page | Picture]:
        """The sitemaps that the site's robots.txt names."""
        for address in sitemap.named_in_robots(response.body.decode("utf-8", "replace")):
            if url := absolute(response.url, address):
                yield Page(url, "parse_sitemap")

    def parse_sitemap(self, response: TextResponse, _meta: dict[str, Any]) -> Iterable[Page | Picture]:
        listed = sitemap.Sitemap(response.body)
        for entry in listed:
            address = absolute(response.url, entry.url)
            if address and entry.is_index:
                yield Page(address, "parse_sitemap")
            elif address and self.tally.look("match", response, re.findall(self.source.match, address)):
                yield self._item(address, images=[[one.url, one.licence_url, one.title] for one in entry.images])
        if listed.partly:
            self.tally.partly.append(response.url)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterable[Page | Picture]:
        """The pictures of one product. `meta["images"]` is what the sitemap said of them."""
        if (page := document(response)) is None:
            return
        product = product_of(page.selector, page.base)
        if self.source.min_rating and (product is None or (product.rating or 0) < self.source.min_rating):
            self.tally.passed_over += 1
            return
        name = cleaned(page.selector, product.name) if product and product.name else title(page.selector, page.url)
        listed = [Shown(url, licence_url=licence) for url, licence, _ in meta.get("images", ())]
        licences = {shown.url: shown.licence_url for shown in listed}
        for shown in self.tally.look("picture of a product", response, self._shown(page, product) or listed):
            licence_url = shown.licence_url or licences.get(shown.url, "")
            yield Picture(
                url=shown.url,
                page_url=response.url,
                source_id=product.sku if product else "",
                title=name,
                tags=product.tags if product else (),
                creator=shown.creator,
                licence=licence_name(licence_url) or licence_url,
                licence_url=licence_url,
                attribution=shown.attribution,
                rating=product.rating if product else None,
            )

    def _shown(self, page: Document, product: PageProduct | None) -> tuple[Shown, ...]:
        """The product's pictures: those that the page names, else the first of OpenGraph, else the likeliest one.

        Each in its largest version; none of a page for reading.
        """
        named = [one for one in (product.pictures if product else ()) if not own_block.is_furniture(one.url)]
        if not named and product is None and is_article(page.selector, page.base):
            return ()
        preview = [one for one in opengraph(page.selector, page.base) if not own_block.is_furniture(one)]
        if not named:
            named = [Shown(one) for one in preview[:1]]
        if not named and (likeliest := own_block.picture(page.selector, page.base, page.url)):
            named = [Shown(likeliest)]
        films = own_block.films(page.selector, page.base)
        others = [absolute(page.base, address) for address in markup.every(page.selector)]
        versions = sizes.Versions([*filter(None, others), *preview, *(one.url for one in named)])
        same = own_block.versions(page.selector, page.base)
        largest = [versions.largest(same.get(one.url, one.url)) for one in named]
        largest[:1] = [sizes.preview(one, preview) for one in largest[:1]]
        return unique(replace(one, url=url) for one, url in zip(named, largest, strict=True) if one.url not in films)

    def _item(self, address: str, **meta: Any) -> Page:
        return Page(address, meta=meta, browser=self.source.browser, once=True)
