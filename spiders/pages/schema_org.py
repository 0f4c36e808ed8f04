"""What a page says about its product: schema.org in JSON-LD and microdata (read by extruct), and OpenGraph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import extruct

from spiders.pages import json_ld
from spiders.pages.address import absolute
from spiders.pages.headings import likeness, words
from spiders.pages.payload import first, listed, tidy
from spiders.pages.ratings import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parsel import Selector

TYPES = {"product", "productgroup", "productmodel", "individualproduct", "someproducts", "vehicle", "car"}
_FILMS = {"videoobject", "clip", "movieclip"}
_OTHERS = frozenset({  # what these lead to is not the product that the page is about
    "isRelatedTo", "isSimilarTo", "isAccessoryOrSparePartFor", "isConsumableFor", "itemListElement", "itemReviewed",
    "review", "reviews", "mentions", "hasVariant", "breadcrumb", "video", "subjectOf",
})  # fmt: skip
_READ = {  # types of schema.org and OpenGraph
    "article", "newsarticle", "reportagenewsarticle", "opinionnewsarticle", "analysisnewsarticle", "liveblogposting",
    "blogposting", "blog", "report", "socialmediaposting", "discussionforumposting", "techarticle", "scholarlyarticle",
    "profile", "profilepage", "video", "music", "recipe", "qapage", "news", "webarticle",
}  # fmt: skip
_PUBLISHED = (
    "//meta[@property='article:published_time' or @property='article:author' or @property='article:section'"
    " or @name='article:published_time' or @itemprop='datePublished']"
)
_SIGNED = "//article | //time | //*[@rel='author' or contains(@class, 'byline') or contains(@class, 'author')]"
_PRICED = (
    "//*[@itemprop='price' or @itemprop='offers'] | //meta[@property='product:price:amount' or"
    " @property='og:price:amount' or @property='product:price' or @property='product:availability']"
)
_CART = re.compile(
    r"add[-_ ]?(?:item)?[-_ ]?(?:to|2)[-_ ]?(?:cart|bag|basket)|cart[-_/ ]?add|buy[-_ ]?(?:now|box)|panier|warenkorb"
    r"|carrito|carrello|winkelwagen|koszyk|product[-_]?price|price[-_]?(?:box|block|value|current)|price$",
    re.IGNORECASE,
)
_SENTENCE, _PROSE = 80, 2_000  # letters of a paragraph that is read, and of all of them on a page for reading
_BROKEN_MARKUP = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)  # of extruct


@dataclass(frozen=True)
class Shown:
    """One picture of a product, with what is said of it."""

    url: str
    creator: str = ""
    licence_url: str = ""
    attribution: str = ""


@dataclass(frozen=True)
class PageProduct:
    """The product of a page. `rating` is of 5."""

    name: str
    sku: str
    tags: tuple[str, ...]
    rating: float | None
    pictures: tuple[Shown, ...]


def product_of(page: Selector, url: str) -> PageProduct | None:
    """The product that a page is about; None when no schema.org data names one.

    Of several, the one whose name the page's title has; the pictures of all that share its name are its own.
    """
    items = items_of(page, url)
    graph = json_ld.Graph(items, url)
    every = [graph.follow(thing) for thing in json_ld.nodes(items, _OTHERS)]
    things = [thing for thing in every if thing and TYPES & types(thing)]
    if not things:
        return None
    title = words(
        " ".join(page.xpath("//title/text() | //h1//text() | //meta[@property='og:title']/@content").getall())
    )
    main = max(things, key=lambda thing: likeness(words(_said(thing.get("name"))), title))
    name = _said(main.get("name"))
    same = [main, *(thing for thing in things if thing is not main and name and _said(thing.get("name")) == name)]
    rated = [*same, *(_reviewed(thing, graph, name) for thing in every)]
    return PageProduct(
        name=name,
        sku=next(filter(None, (_said(main.get(key)) for key in ("sku", "productID", "mpn", "productGroupID"))), ""),
        tags=_tags(main),
        rating=next((score for score in (_rating(thing, graph) for thing in rated) if score is not None), None),
        pictures=unique(shown for thing in same for shown in _pictures(thing, graph, url)),
    )


def opengraph(page: Selector, url: str) -> tuple[str, ...]:
    """The addresses that og:image names, in order; not by extruct, which wants them right under <head>, by property."""
    names = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
    tests = " or ".join(f"@{key}='{name}'" for key in ("property", "name") for name in names)
    named = page.xpath(f"//meta[{tests}]/@content").getall()
    named += page.xpath("//link[contains(concat(' ', @rel, ' '), ' image_src ')]/@href").getall()
    return tuple(shown.url for shown in unique(Shown(absolute(url, address)) for address in named))


def is_article(page: Selector, url: str) -> bool:
    """Whether a page is something to read: it says so, or is long prose, and nothing on it is for sale."""
    og = "".join(page.xpath("//meta[@property='og:type']/@content").getall()[:1]).strip().lower()
    said = og.partition(".")[0] in _READ or bool(page.xpath(_PUBLISHED))
    said = said or any(types(one) & _READ for one in json_ld.nodes(items_of(page, url), _OTHERS))
    if og in ("product", "og:product", "product.item"):
        return False
    paragraphs = (len("".join(one.xpath(".//text()").getall())) for one in page.xpath("//p"))
    prose = sum(letters for letters in paragraphs if letters > _SENTENCE)
    signed = prose > _PROSE and bool(page.xpath(_SIGNED))
    return (said or signed) and not _is_for_sale(page)


def _is_for_sale(page: Selector) -> bool:
    named = page.xpath("//body//@class | //body//@id | //body//@name | //form/@action").getall()
    return bool(page.xpath(_PRICED)) or any(_CART.search(one) for one in named)


def items_of(page: Selector, url: str) -> list[Any]:
    """Every schema.org item of the page, those of JSON-LD first."""
    items = json_ld.blocks(page.root)
    try:
        found = extruct.extract(page.root, base_url=url, syntaxes=["microdata"], uniform=True)
        return items + list(found["microdata"])
    except _BROKEN_MARKUP:
        return items


def types(thing: dict[str, Any]) -> set[str]:
    """The types of an item, in small letters and without their vocabulary."""
    return {re.split(r"[/#:]", str(one).rstrip("/"))[-1].lower() for one in listed(thing.get("@type"))}


def _pictures(thing: dict[str, Any], graph: json_ld.Graph, url: str) -> Iterator[Shown]:
    for image in listed(graph.follow(thing.get("image"))):
        said = image if isinstance(image, dict) else {"url": image}
        if _FILMS & types(said):
            continue
        keys = ("contentUrl", "url", "@id")
        address = next(filter(None, (absolute(url, _text(said.get(key))) for key in keys if _is_whole(said, key))), "")
        if address:
            yield Shown(
                address,
                creator=_said(graph.follow(said.get("creator") or said.get("author") or said.get("copyrightHolder"))),
                licence_url=absolute(url, _text(said.get("license"))),
                attribution=_said(said.get("creditText") or said.get("copyrightNotice")),
            )
    for variant in listed(graph.follow(thing.get("hasVariant"))):
        if isinstance(variant, dict):
            yield from _pictures({**variant, "hasVariant": None}, graph, url)


def _is_whole(said: dict[str, Any], key: str) -> bool:
    """Whether what `key` says may be an address: an @id with a fragment is a name."""
    return key != "@id" or "#" not in str(said.get(key))


def _reviewed(thing: Any, graph: json_ld.Graph, name: str) -> dict[str, Any]:
    """A rating that stands alone and names what it rates, as that thing."""
    if not isinstance(thing, dict) or "aggregaterating" not in types(thing):
        return {}
    rated = graph.follow(thing.get("itemReviewed"))
    same = name and isinstance(rated, dict) and _said(rated.get("name")) == name
    return {"aggregateRating": thing} if same else {}


def _rating(thing: dict[str, Any], graph: json_ld.Graph) -> float | None:
    for said in listed(graph.follow(thing.get("aggregateRating"))):
        if isinstance(said, dict):
            score = scaled(_text(said.get("ratingValue")), _text(said.get("bestRating")))
            if score is not None:
                return score
    return None


def _tags(thing: dict[str, Any]) -> tuple[str, ...]:
    keys = ("brand", "category", "color", "material", "pattern", "keywords")
    said = [_said(one) for key in keys for one in listed(thing.get(key))]
    parts = [word.strip() for text in said for word in re.split(r"[>,]", text)]
    return tuple(dict.fromkeys(word for word in parts if 0 < len(word) <= 60 and not word.startswith(("$", "{"))))


def _text(value: Any) -> str:
    return first(value, "name", "@value", "url", "@id")


def _said(value: Any) -> str:
    """As `_text`, for people: without tags and entities."""
    return tidy(_text(value))


def unique(shown: Iterable[Shown]) -> tuple[Shown, ...]:
    """The first of each address; http and https are one."""
    first: dict[str, Shown] = {}
    for one in shown:
        if one.url:
            first.setdefault(one.url.partition(":")[2], one)
    return tuple(first.values())
