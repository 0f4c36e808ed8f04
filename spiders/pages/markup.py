"""What an element of a page says: the address of its largest picture, a rating, its text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from spiders.pages.address import is_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parsel import Selector

_LAZY = ("data-zoom-image", "data-large_image", "data-full", "data-original", "data-src", "data-lazy-src", "data-lazy")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/|out of|of|von|sur|de|su|av)\s*(\d+(?:[.,]\d+)?)", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_CLASS = re.compile(r"(?:^|[\s_-])(?:stars?|rating|rate)[\s_-]+(\d)(?:[-_.](\d))?(?![\d%])", re.IGNORECASE)
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_PLAIN = re.compile(r"^\W*(?:rat(?:ed|ing)\W*)?(\d(?:[.,]\d{1,2})?)(?!\d)\s*(?:$|\(|★|stars?\b)", re.IGNORECASE)


def text(element: Selector) -> str:
    """The element's words, blanks folded."""
    return " ".join(" ".join(element.xpath(".//text()[not(ancestor::script or ancestor::style)]").getall()).split())


def picture(element: Selector) -> str:
    """The address of the largest picture that an element names, as written; '' when it names none.

    Looks at data-a-dynamic-image, the srcsets, the attributes of lazy loaders, then src; for an element that is no
    picture, at its link to one, its background, or the first picture inside it.
    """
    if element.root.tag not in ("img", "source", "image", "input"):
        return _around(element)
    return next(_named(element), "")


def largest(srcset: str) -> str:
    """The address of the widest or densest candidate of a srcset; '' of an empty one."""
    best, size = "", -1.0
    for address, number, _unit in re.findall(r"\s*(\S*[^\s,])(?:\s+([\d.]+)([wxh]))?\s*(?:,|$)", srcset):
        if not address.startswith("data:") and (width := float(number or 1)) > size:
            best, size = address, width
    return best


def rating(element: Selector) -> float | None:
    """A rating of 5, from what an element shows: '4.5 out of 5', 90 %, star classes, an aria-label; None if unclear.

    Our own, because extruct reads only ratings that a page declares, and many pages only draw stars.
    """
    attributes = element.root  # not `attrib`, which raises over a name that no document may have
    content, best = attributes.get("content") or attributes.get("data-rating"), attributes.get("data-max")
    if content and (score := scaled(content, best)) is not None:
        return score
    for words in (
        attributes.get("aria-label", ""),
        attributes.get("title", ""),
        attributes.get("alt", ""),
        text(element),
    ):
        if (score := _said(words)) is not None:
            return score
    for style in (element.root.get("style", ""), *element.xpath(".//@style").getall()):
        if "width" in style and (percent := _PERCENT.search(style)):
            return _bounded(float(percent[1].replace(",", ".")) / 20)
    for names in (element.root.get("class", ""), *element.xpath(".//@class").getall()):
        if (score := _classed(names)) is not None:
            return score
    for words in element.xpath(".//@aria-label | .//@title | .//@alt").getall():
        if (score := _said(words)) is not None:
            return score
    full = element.root.xpath("string()").count("★")
    return float(full) if 0 < full <= 5 else None


def scaled(value: object, best: object = None) -> float | None:
    """A rating as one of 5, as schema.org gives it: `value` of `best`, which is 5 unless said. None if unclear."""
    try:
        score, top = _number(value), 5.0 if best in (None, "") else _number(best)
    except ValueError:
        return None
    return _bounded(score * 5 / top) if top > 0 else None


def _named(element: Selector) -> Iterator[str]:
    attributes = element.root
    try:
        sizes = json.loads(attributes.get("data-a-dynamic-image") or "{}")
        yield from sorted(sizes, key=lambda address: -sizes[address][0])[:1]
    except (ValueError, TypeError, KeyError, IndexError):
        pass
    for name in ("data-old-hires", "data-zoom-image", "data-large_image"):
        if attributes.get(name):
            yield attributes.get(name).strip()
    sets = [attributes.get(name, "") for name in _SETS]
    if element.root.tag == "img":
        sets += element.xpath(
            "ancestor::picture[1]//source/@srcset | ancestor::picture[1]//source/@data-srcset"
        ).getall()
    yield from filter(None, (largest(", ".join(filter(None, sets))),))
    for name in (*_LAZY, "src", "href"):
        if (address := attributes.get(name, "").strip()) and not address.startswith("data:"):
            yield address


def _around(element: Selector) -> str:
    link: str = element.root.get("href", "").strip()
    if is_picture(link):
        return link
    if found := re.search(r"url\(\s*['\"]?([^'\")]+)", element.root.get("style", "")):
        return found[1].strip()
    for inner in element.xpath(".//img"):
        if address := picture(inner):
            return address
    content: str = element.root.get("content", "").strip()
    return content or link


def _said(words: str) -> float | None:
    if found := _OF.search(words):
        return scaled(found[1], found[2])
    if found := _PERCENT.search(words):
        return _bounded(_number(found[1]) / 20)
    found = _PLAIN.search(words)  # "4.6", "4.6 (1,234)", "Rating: 4 stars"; not "4 reviews"
    return scaled(found[1]) if found else None


def _classed(names: str) -> float | None:
    if found := _CLASS.search(names):
        return _bounded(float(f"{found[1]}.{found[2] or 0}"))
    if re.search(r"star|rating", names, re.IGNORECASE):
        return next((float(_WORDS[word]) for word in names.lower().split() if word in _WORDS), None)
    return None


def _number(value: object) -> float:
    return float(str(value).strip().replace(",", "."))


def _bounded(score: float) -> float | None:
    return round(score, 3) if 0 <= score <= 5 else None
