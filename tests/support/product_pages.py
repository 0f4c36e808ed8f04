"""What a product page's HTML gives, by the reader that crawls use."""

from __future__ import annotations

import json
from typing import Any

from scrapy.http import HtmlResponse

from scrapbag import sources
from scrapbag.crawl.frontier import Picture
from scrapbag.recipe import Scrape
from spiders.readers.product import ProductReader

URL = "https://shop.example/p/red-bag-12345"


def read(html: str, **values: Any) -> list[Picture]:
    """The pictures of a page at URL; `values` are keys of the source."""
    reader = ProductReader(sources.Product(name="p", start=(URL,), **values), Scrape())
    found = reader.parse(HtmlResponse(URL, body=html.encode(), encoding="utf-8"), {})
    return [one for one in found if isinstance(one, Picture)]


def addresses(html: str) -> list[str]:
    return [one.url.removeprefix("https://shop.example") for one in read(html)]


def ld(value: Any) -> str:
    """A JSON-LD script of a text, or of what becomes one."""
    text = value if isinstance(value, str) else json.dumps(value)
    return f'<script type="application/ld+json">{text}</script>'
