"""Shops on Shopify: /products.json, 250 products a page, until a page is empty. It states no licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.sources import Shopify
from spiders.pages import payload
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse


class ShopifyReader(Reader[Shopify]):
    def start(self) -> Iterator[Page]:
        for shop in self.source.start:
            yield self._page(shop.rstrip("/"), 1)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:
        products = payload.objects(payload.at(payload.load(response), "products"))
        parts = urlsplit(response.url)
        for product in products:
            yield Thing(payload.text(product.get("id")) or payload.text(product.get("handle")))
            tags = product.get("tags")  # a list, or one text with commas, by the age of the shop's theme
            tags = tags.split(",") if isinstance(tags, str) else tags
            for image in payload.objects(product.get("images")):
                if url := absolute(response, payload.text(image.get("src"))):
                    yield Picture(
                        url=url,
                        page_url=f"{parts.scheme}://{parts.netloc}/products/{payload.text(product.get('handle'))}",
                        source_id=payload.text(product.get("id")),
                        title=payload.text(product.get("title")),
                        tags=payload.words(product.get("vendor"), product.get("product_type"), tags),
                    )
        if products:
            yield self._page(meta["shop"], meta["page"] + 1)

    def _page(self, shop: str, number: int) -> Page:
        address = payload.query(f"{shop}/products.json", {"limit": 250, "page": number})
        return Page(address, meta={"shop": shop, "page": number}, follows=number > 1)
