"""What an element of a page says: its text, and the address of the largest picture that it names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lxml.etree import XPath

from spiders.pages import sizes, srcset
from spiders.pages.address import is_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parsel import Selector

_IMAGES = {"img", "amp-img", "amp-anim", "image", "source", "input", "video", "amp-video"}
_SETS = re.compile(r"(?:^|-|_)(?:src|bg|image|img|lazy)-?set$", re.IGNORECASE)
# attributes of an image as written by lazy loaders, zooms and lightboxes, whose names nobody has agreed on
_NO = re.compile(
    r"thumb|small|tiny|mini|low|lq|placeholder|blur|preview|mobile|hover|alt|title|caption|name|desc|video|icon|logo|avatar"
    r"|fallback|ratio|type|format|author|class|style|secondary|swatch|sizes|widths|aria"
    r"|(?:^|-)(?:id|index|count|key|sku|width|height)(?:-|$)"
)
_FULL = re.compile(
    r"zoom|large|big|full|orig|master|hi-?(?:gh-?)?res|hires|retina|2x|magnify|mfp|pswp|fancybox|lightbox"
)
_LAZY = re.compile(r"src|lazy|image|img|echo|bg|background|poster|photo|picture|defer|layzr|href|url|file|media|pin")
_EXACT = ("data-old-hires", "data-zoom-image", "data-large_image", "data-orig-file")  # before all others
_TEXTS = XPath(".//text()[not(ancestor::script or ancestor::style)]", smart_strings=False)
_SET = re.compile(r"\s\d+(?:\.\d+)?[wx]\s*(?:,|$)")
_INSIDE = re.compile(r"""(?:https?:)?\\?/\\?/[^"'\s<>]+""")  # addresses inside JSON
_NOTE = re.compile(r"\[[^\]]*\]")
_SLOT = re.compile(r"(?:\{|%7B)\s*(w|width|size|h|height)\s*(?:\}|%7D)", re.IGNORECASE)
_WIDEST = 2048  # pixels: what a template is filled with where the page names no widths
_URL = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|((?:[^()\s"'\\]|\\.)+)|([^"']*?))\s*\)(?=\s*(?:[;,!\d}]|$|[a-z-]))""",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Named:
    """An address as an element names it, with the width in pixels told beside it, 0 where none is."""

    address: str
    width: int = 0


def text(element: Selector) -> str:
    """The element's words, blanks folded."""
    return words(element.root)


def words(root: Any) -> str:
    """As `text`, of an element of lxml."""
    return " ".join(" ".join(_TEXTS(root)).split())


def picture(element: Selector) -> str:
    """The address of the largest picture that an element names, as written; '' when it names none.

    Looks at data-a-dynamic-image, the attributes of zooms, a link to a picture, srcset, the attributes of lazy loaders,
    then src; for an element that is no picture, also at its background and at the pictures inside it. The first that
    is there says which picture it is, and the others which of its versions is the largest.
    """
    return of(element.root)


def of(root: Any) -> str:
    """As `picture`, of an element of lxml."""
    named = list(_image(root) if root.tag in _IMAGES else _around(root))
    if len(named) < 2:
        return named[0].address if named else ""
    same = sizes.identity(named[0].address)
    versions = (one for one in named[1:] if one != named[0] and sizes.identity(one.address) == same)
    return max((named[0], *versions), key=lambda one: sizes.size(one.address, one.width)).address


def versions(root: Any) -> list[str]:
    """Every address that an image, an element of lxml, names of itself: the largest first."""
    named = dict.fromkeys(one.address for one in _image(root))
    best = of(root)
    return [best, *(one for one in named if one != best)]


def every(page: Selector) -> Iterator[str]:
    """The addresses of pictures in the attributes of a page, as written: each once, those of srcsets one by one."""
    values: list[str] = page.xpath("//body//@*[contains(., '/')] | //link/@href").getall()
    for value in dict.fromkeys(values):
        if value[:1] in "[{":
            yield from (one.replace("\\/", "/") for one in _INSIDE.findall(value))
        elif _SET.search(value):
            yield from (one.address for one in srcset.parse(value))
        elif is_picture(value) or "/is/image/" in value:
            yield value


def largest(text: str) -> str:
    """The address of the widest or densest candidate of a srcset; '' of an empty one."""
    best = srcset.largest(srcset.parse(text))
    return best.address if best else ""


def styled(style: str) -> Iterator[str]:
    """The addresses of url() in CSS, also in quotes or with parentheses of their own."""
    for found in _URL.finditer(style):
        address = next(filter(None, found.groups()), "").strip()
        if address and not address.startswith("data:"):
            yield re.sub(r"\\(.)", r"\1", address)


def _image(root: Any) -> Iterator[Named]:
    """What an image names, the likeliest to be its largest version first."""
    yield from _dynamic(root)
    yield from _attributes(root, _EXACT)
    yield from _guessed(root, "full")
    if root.tag == "img" and (link := _link_around(root)):
        yield Named(link)
    yield from _sets(root)
    yield from _guessed(root, "lazy")
    names = ("poster",) if "video" in root.tag else ("src", "href", "{http://www.w3.org/1999/xlink}href", "xlink:href")
    plain = list(_attributes(root, names))
    yield from plain
    if not plain or not is_picture(plain[0].address):
        following = root.getnext()
        for one in following.iter("img") if following is not None and following.tag == "noscript" else ():
            yield from _attributes(one, ("src",))


def _around(root: Any) -> Iterator[Named]:
    """What an element that is no image names: by itself, by its link, its background, and by what is inside."""
    yield from _attributes(root, _EXACT)
    yield from _guessed(root, "full")
    link = (root.get("href") or "").strip()
    if is_picture(link):
        yield Named(link)
    yield from _sets(root)
    yield from _guessed(root, "lazy")
    yield from map(Named, styled(root.get("style") or ""))
    images = (*root.iter(*(_IMAGES - {"source"})), *srcset.fitting(root if root.tag == "picture" else None))
    inside = next(filter(None, (list(_image(inner)) for inner in images)), [])
    yield from inside or (Named(one) for inner in root.iter() for one in styled(inner.get("style") or ""))
    yield from map(Named, filter(None, ((root.get("content") or "").strip(), link)))


def _dynamic(root: Any) -> Iterator[Named]:
    try:
        told = json.loads(root.get("data-a-dynamic-image") or "{}")
        yield from sorted((Named(address, int(side[0])) for address, side in told.items()), key=lambda one: -one.width)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return


def _sets(root: Any) -> Iterator[Named]:
    """The largest candidate of the element's srcsets, and of those of the <source>s that fit."""
    sources = srcset.sources(root)
    told = [value for one in (root, *sources) for key, value in one.items() if _kind(key.lower())[0] == "set"]
    plain = [one.get("src") or one.get("data-src") for one in sources]
    parts = (_NOTE.sub("", part) for value in told for part in value.split(" | "))  # as lazysizes has it
    candidates = [one for part in parts for one in srcset.parse(part)] + [srcset.Candidate(one) for one in plain if one]
    if best := srcset.largest(candidates):
        yield Named(best.address, best.width)


def _guessed(root: Any, kind: str) -> Iterator[Named]:
    """The values of attributes of no standard whose names are of this `kind`, where they look like addresses."""
    for key, value in root.items():
        told, sure = _kind(key.lower())
        for address in _addresses(root, value) if told == kind else ():
            if is_picture(address) or (sure and "/" in address and not re.search(r"\s|[<>{}]", address)):
                yield Named(address)


@lru_cache(maxsize=2048)
def _kind(name: str) -> tuple[str, bool]:
    """Whether an attribute of this name has a srcset, or the address of the `full` picture, or of one loaded `lazy`.

    `sure`: what has it is an address, also when it does not end like a picture's.
    """
    if _SETS.search(name):
        return "set", True
    if _NO.search(name) or not ("-" in name or re.search(r"lazy|src.", name)):
        return "", False
    kind = "full" if _FULL.search(name) else "lazy" if _LAZY.search(name) else ""
    return kind, bool(re.search(r"src|image|img|lazy|echo|bg|background|poster|zoom|full|orig|large", name))


def _attributes(root: Any, names: Iterable[str]) -> Iterator[Named]:
    for name in names:
        yield from map(Named, _addresses(root, root.get(name) or ""))


def _addresses(root: Any, value: str) -> Iterator[str]:
    """What an attribute's value names: an address, url() around one, or a template of one."""
    value = value.strip()
    if value[:4].lower() == "url(":
        yield from styled(value)
    elif value and not value.startswith(("data:", "{", "[", "javascript:", "#")):
        yield _filled(value, root) if _SLOT.search(value) else value


def _filled(template: str, root: Any) -> str:
    """A template's `{width}` and `{height}` by data-widths and data-aspectratio."""
    told = [int(one) for one in re.findall(r"\d{2,5}", root.get("data-widths") or "")]
    width = max(told, default=_WIDEST)
    try:
        height = round(width / float(root.get("data-aspectratio") or 1))
    except (ValueError, ZeroDivisionError, OverflowError):
        height = width
    sides = {"w": width, "width": width, "h": height, "height": height, "size": f"{width}x{height}"}
    return _SLOT.sub(lambda slot: str(sides[slot[1].lower()]), template)


def _link_around(root: Any) -> str:
    """The picture that an image is a link to, '' where its link leads elsewhere or has other pictures in it."""
    for above in root.iterancestors():
        if above.tag == "a":
            link: str = (above.get("href") or "").strip()
            images = sum(image.getparent().tag != "noscript" for image in above.iter("img"))
            return link if is_picture(link) and images == 1 else ""
    return ""
