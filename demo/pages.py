"""The pages of a shop: lists, items with schema.org data, a sitemap, and one page that grows as it is scrolled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import jinja2

from demo.server import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PER_PAGE = 24


@dataclass(frozen=True)
class Item:
    """Something for sale; `pictures` are paths on the same server."""

    number: int
    title: str
    tags: tuple[str, ...]
    pictures: tuple[str, ...]
    rating: float | None = None
    votes: int = 0
    price: int = 0

    @property
    def path(self) -> str:
        return f"/item/{self.number}"


@dataclass(frozen=True)
class Storefront:
    """A shop's items by the three ways that lead to them, and how its pictures are fetched."""

    name: str
    identity: str
    listed: Sequence[Item]  # on the list pages
    mapped: Sequence[Item]  # in the sitemap
    tiles: Sequence[str]  # pictures of the endless page
    picture: Callable[[str], Reply | None]  # by path
    closed: tuple[str, ...] = ()  # folders that robots.txt asks to leave alone

    @cached_property
    def items(self) -> dict[int, Item]:
        """Every item by its number."""
        return {item.number: item for item in (*self.mapped, *self.listed)}

    def answer(self, path: str, base: str) -> Reply | None:
        """The reply to GET `path`; None for what is not here."""
        parts = urlsplit(path)
        match parts.path.split("/")[1:]:
            case ["robots.txt"]:
                return _text(self._robots(base))
            case ["sitemap.xml"]:
                return Reply(_render("sitemap.xml", base=base, items=self.mapped).encode(), "application/xml")
            case [""]:
                return self._html("home.html")
            case ["shop", page] if page.isdecimal():
                return self._list(int(page))
            case ["item", number] if number.isdecimal():
                return self._item(int(number), base)
            case ["endless"] if self.tiles:
                return self._html("endless.html", count=len(self.tiles), step=PER_PAGE)
            case ["endless", "tiles"]:
                start = parse_qs(parts.query).get("from", ["0"])[0]
                first = int(start) if start.isdecimal() else 0
                return Reply(json.dumps(list(self.tiles[first : first + PER_PAGE])).encode(), "application/json")
        return self.picture(parts.path)

    def _list(self, page: int) -> Reply | None:
        last = max(1, -(-len(self.listed) // PER_PAGE))
        if not 1 <= page <= last:
            return None
        items = self.listed[(page - 1) * PER_PAGE : page * PER_PAGE]
        return self._html("list.html", items=items, page=page, last=last)

    def _item(self, number: int, base: str) -> Reply | None:
        item = self.items.get(number)
        return None if item is None else self._html("item.html", item=item, data=_schema(item, base))

    def _html(self, template: str, **values: object) -> Reply:
        return Reply(_render(template, shop=self, **values).encode(), "text/html; charset=utf-8")

    def _robots(self, base: str) -> str:
        closed = "".join(f"Disallow: {folder}\n" for folder in self.closed) or "Disallow:\n"
        return f"User-agent: *\n{closed}Sitemap: {base}/sitemap.xml\n"


def _schema(item: Item, base: str) -> dict[str, object]:
    """An item as schema.org tells it."""
    data: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": item.title,
        "sku": str(item.number),
        "url": base + item.path,
        "keywords": ", ".join(item.tags),
        "image": [base + picture for picture in item.pictures],
    }
    if item.price:
        data["offers"] = {"@type": "Offer", "price": item.price, "priceCurrency": "EUR"}
    if item.rating is not None:
        data["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": item.rating,
            "bestRating": 5,
            "reviewCount": item.votes,
        }
    return data


def _text(words: str) -> Reply:
    return Reply(words.encode(), "text/plain; charset=utf-8")


@cache
def _environment() -> jinja2.Environment:
    folder = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    return jinja2.Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)
