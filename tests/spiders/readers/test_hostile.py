"""Answers of other people's interfaces with anything in any place: a reader passes over it, and never ends a crawl."""

from __future__ import annotations

import json
import os
import random
from typing import Any
from urllib.parse import urlsplit

import pytest
from replicas import Replica
from scrapy.http import Response, TextResponse

from scrapbag import sources
from scrapbag.crawl.found import sighting_row
from scrapbag.crawl.frontier import Page, Picture
from scrapbag.recipe import Scrape
from spiders.readers.artic import ArticReader
from spiders.readers.base import Reader
from spiders.readers.commons import CommonsReader
from spiders.readers.met import MetReader
from spiders.readers.shopify import ShopifyReader
from spiders.readers.smithsonian import SmithsonianReader
from spiders.readers.woocommerce import WoocommerceReader

SITE = "http://shop.example"
os.environ["KEY_OF_A_TEST"] = "KEY"
READERS: list[Reader[Any]] = [
    CommonsReader(sources.Commons(name="c", category="Quilts", depth=1, api=f"{SITE}/w/api.php"), Scrape()),
    MetReader(sources.Met(name="m", query="quilt", api=f"{SITE}/met"), Scrape()),
    ArticReader(sources.Artic(name="a", query="quilt", api=f"{SITE}/artic"), Scrape(contact="me@example.org")),
    SmithsonianReader(
        sources.Smithsonian(name="s", query="quilt", api_key_env="KEY_OF_A_TEST", api=f"{SITE}/si"), Scrape()
    ),
    ShopifyReader(sources.Shopify(name="y", start=(SITE,)), Scrape()),
    WoocommerceReader(sources.Woocommerce(name="w", start=(SITE,), min_rating=4), Scrape()),
]
ODD = (
    None,
    True,
    0,
    -1.5,
    10**30,
    "",
    "x",
    "http://[",
    "half \ud83d",
    "<b",
    "\x00",
    [],
    [[]],
    {},
    {"": None},
    [None, 1, "x", {"a": []}],
)


def answers(reader: Reader[Any]) -> list[tuple[Page, Any]]:
    """Every page that the reader asks of a replica, with the JSON it got."""
    replica = Replica()
    replica.host, replica.lagged = "shop.example", 1
    waiting, seen = [page for page in reader.start() if isinstance(page, Page)], []
    while waiting:
        page = waiting.pop()
        parts = urlsplit(page.url)
        answer = replica.answer(
            f"{parts.path}?{parts.query}", {name.lower(): text for name, text in reader.headers.items()}
        )
        if answer.status == 200 and page.url not in [one.url for one, _ in seen]:
            seen.append((page, json.loads(answer.body)))
            waiting += [one for one in read(reader, page, answer.body) if isinstance(one, Page)]
    return seen


def read(reader: Reader[Any], page: Page, body: bytes) -> list[Page | Picture]:
    response = TextResponse(page.url, body=body, headers={"Content-Type": "application/json"}, encoding="utf-8")
    return list(getattr(reader, page.callback)(response, page.meta))


def spoilt(value: Any, chance: random.Random) -> Any:
    """A copy with here and there something else in its place."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {key: spoilt(one, chance) for key, one in value.items() if chance.random() > 0.02}
    return [spoilt(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("reader", READERS, ids=[reader.source.kind for reader in READERS])
def test_anything_in_any_place_of_an_answer_is_passed_over(reader: Reader[Any]) -> None:
    pages = answers(reader)
    assert pages
    chance = random.Random(7)
    pictures = 0
    for _ in range(1500):
        page, answer = chance.choice(pages)
        for found in read(reader, page, json.dumps(spoilt(answer, chance)).encode()):
            json.dumps(found.meta if isinstance(found, Page) else "")  # it must survive in the catalog
            if isinstance(found, Picture):
                assert found.url.startswith("http")
                assert "".join(map(str, sighting_row("x", found))).encode(), "a database takes it"
                assert all(isinstance(word, str) for word in (found.title, found.creator, found.licence, *found.tags))
                pictures += 1
    assert pictures


@pytest.mark.parametrize("reader", READERS, ids=[reader.source.kind for reader in READERS])
@pytest.mark.parametrize("body", [b"", b"<html>no such page</html>", b"null", b"[1]", b'"x"', b"{", b"\xff\xfe"])
def test_what_is_no_such_answer_names_nothing(reader: Reader[Any], body: bytes) -> None:
    (page, *_) = [one for one in reader.start() if isinstance(one, Page)]
    assert read(reader, page, body) == []
    assert list(getattr(reader, page.callback)(Response(page.url, body=body), page.meta)) == []
