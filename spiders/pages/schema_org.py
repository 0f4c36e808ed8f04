"""What a page says about its product: schema.org in JSON-LD and microdata, read by extruct, and OpenGraph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import extruct
from extruct.jsonld import JsonLdExtractor

from spiders.pages.address import absolute
from spiders.pages.ratings import scaled
from spiders.pages.payload import first, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parsel import Selector

TYPES = {"Product", "ProductGroup", "ProductModel", "IndividualProduct", "SomeProducts", "Vehicle", "Car"}
_OTHERS = {  # what these lead to is not the product that the page is about
    "isRelatedTo", "isSimilarTo", "isAccessoryOrSparePartFor", "isConsumableFor", "itemListElement", "itemReviewed",
    "review", "reviews", "mentions", "hasVariant", "breadcrumb",
}  # fmt: skip
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
    things = [thing for thing in _things(_items(page, url)) if TYPES & _types(thing)]
    if not things:
        return None
    title = words(
        " ".join(page.xpath("//title/text() | //h1//text() | //meta[@property='og:title']/@content").getall())
    )
    main = max(things, key=lambda thing: likeness(words(_text(thing.get("name"))), title))
    name = _text(main.get("name"))
    same = [main, *(thing for thing in things if thing is not main and name and _text(thing.get("name")) == name)]
    return PageProduct(
        name=name,
        sku=next(filter(None, (_text(main.get(key)) for key in ("sku", "productID", "mpn", "productGroupID"))), ""),
        tags=_tags(main),
        rating=next((score for score in map(_rating, same) if score is not None), None),
        pictures=unique(shown for thing in same for shown in _pictures(thing, url)),
    )


def opengraph(page: Selector, url: str) -> tuple[str, ...]:
    """The addresses that og:image names, in order; not by extruct, which wants them right under <head>, by property."""
    names = ("og:image", "og:image:url")
    tests = " or ".join(f"@{key}='{name}'" for key in ("property", "name") for name in names)
    named = page.xpath(f"//meta[{tests}]/@content").getall()
    return tuple(shown.url for shown in unique(Shown(absolute(url, address)) for address in named))


def _items(page: Selector, url: str) -> list[Any]:
    """Every item of the page. One broken block of JSON-LD costs that block, not the others."""
    items: list[Any] = []
    for script in page.root.iter("script"):
        if (script.get("type") or "").strip().lower().startswith("application/ld+json"):
            try:
                script.set("type", "application/ld+json")
                items += JsonLdExtractor().extract_items(script)
            except _BROKEN_MARKUP:
                continue
    try:
        found = extruct.extract(page.root, base_url=url, syntaxes=["microdata"], uniform=True)
        return items + list(found["microdata"])
    except _BROKEN_MARKUP:
        return items


def _things(items: list[Any]) -> Iterator[dict[str, Any]]:
    """Every object inside `items`, whatever lists and graphs it hides in, in the order of the page."""
    stack = list(reversed(items))
    while stack:
        thing = stack.pop()
        if isinstance(thing, dict):
            yield thing
            stack += [value for key, value in reversed(thing.items()) if key not in _OTHERS]
        elif isinstance(thing, list):
            stack += reversed(thing)


def _pictures(thing: dict[str, Any], url: str) -> Iterator[Shown]:
    for image in listed(thing.get("image")):
        said = image if isinstance(image, dict) else {"url": image}
        address = next(filter(None, (absolute(url, _text(said.get(key))) for key in ("contentUrl", "url", "@id"))), "")
        if address:
            yield Shown(
                address,
                creator=_text(said.get("creator") or said.get("author") or said.get("copyrightHolder")),
                licence_url=absolute(url, _text(said.get("license"))),
                attribution=_text(said.get("creditText") or said.get("copyrightNotice")),
            )
    for variant in listed(thing.get("hasVariant")):
        if isinstance(variant, dict):
            yield from _pictures({**variant, "hasVariant": None}, url)


def _rating(thing: dict[str, Any]) -> float | None:
    for said in listed(thing.get("aggregateRating")):
        if isinstance(said, dict):
            score = scaled(_text(said.get("ratingValue")), _text(said.get("bestRating")))
            if score is not None:
                return score
    return None


def _tags(thing: dict[str, Any]) -> tuple[str, ...]:
    keys = ("brand", "category", "color", "material", "pattern", "keywords")
    said = [_text(one) for key in keys for one in listed(thing.get(key))]
    parts = [word.strip() for text in said for word in re.split(r"[>,]", text)]
    return tuple(dict.fromkeys(word for word in parts if 0 < len(word) <= 60))


def _types(thing: dict[str, Any]) -> set[str]:
    return {str(one).rstrip("/").rpartition("/")[2] for one in listed(thing.get("@type"))}


def _text(value: Any) -> str:
    return first(value, "name", "@value", "url", "@id")


def words(text: str) -> set[str]:
    """The words of a text, for comparing."""
    return set(re.findall(r"\w+", text.casefold()))


def likeness(name: set[str], title: set[str]) -> float:
    """How much of `name` is in `title`, 0 to 1."""
    return len(name & title) / len(name) if name else 0.0


def unique(shown: Iterable[Shown]) -> tuple[Shown, ...]:
    """The first of each address; http and https are one."""
    first: dict[str, Shown] = {}
    for one in shown:
        if one.url:
            first.setdefault(one.url.partition(":")[2], one)
    return tuple(first.values())
