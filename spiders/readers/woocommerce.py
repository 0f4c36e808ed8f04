"""Shops on WooCommerce, by the Store API: 100 products a page until a page is empty. The API states no licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.sources import Woocommerce
from spiders.pages import payload
from spiders.pages.ratings import scaled
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse


class WoocommerceReader(Reader[Woocommerce]):
    def start(self) -> Iterator[Page]:
        for shop in self.source.start:
            yield self._page(shop.rstrip("/"), 1)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:
        products = payload.objects(payload.load(response))
        for product in products:
            yield Thing(payload.text(product.get("id")) or payload.text(product.get("permalink")))
            rating = _rating(product)
            if self.source.min_rating and (rating or 0) < self.source.min_rating:
                self.tally.passed_over += 1
                continue
            for image in payload.objects(product.get("images")):
                if url := absolute(response, payload.text(image.get("src"))):
                    yield Picture(
                        url=url,
                        page_url=absolute(response, payload.text(product.get("permalink"))) or meta["shop"],
                        source_id=payload.text(product.get("id")),
                        title=payload.text(product.get("name")),
                        tags=payload.words(product.get("categories"), product.get("tags"), product.get("brands")),
                        rating=rating,
                    )
        if products:
            yield self._page(meta["shop"], meta["page"] + 1)

    def _page(self, shop: str, number: int) -> Page:
        address = payload.query(f"{shop}/wp-json/wc/store/v1/products", {"per_page": 100, "page": number})
        return Page(address, meta={"shop": shop, "page": number}, follows=number > 1)


def _rating(product: dict[str, Any]) -> float | None:
    """The rating of 5, or None if nobody has rated the product: the API then says "0"; average_rating is text."""
    score = scaled(payload.text(product.get("average_rating")))
    return score if score and product.get("review_count") != 0 else None
