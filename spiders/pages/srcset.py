"""srcset as the HTML standard parses it, and which <source> of a <picture> the widest screen gets.

https://html.spec.whatwg.org/multipage/images.html#parse-a-srcset-attribute
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ADDRESS = re.compile(r"[\t\n\f\r ,]*([^\t\n\f\r ]+)")
_DESCRIPTORS = re.compile(r"((?:\([^)]*\)?|[^,(]+)*),?")  # to the next comma outside parentheses
_DESCRIPTOR = re.compile(r"(?:\([^)]*\)?|[^\t\n\f\r (])+")
_WIDTH = re.compile(r"\d+w")
_DENSITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?x", re.IGNORECASE)
_HEIGHT = re.compile(r"\d+h")
_NUMBER = re.compile(r"\d{1,5}")
_TYPES = re.compile(r"\s*(?:image/(?:jpe?g|pjpeg|png|apng|gif|webp|avif|bmp|tiff))?\s*(?:;.*)?", re.IGNORECASE)
_FEATURE = re.compile(r"\(([^()]*)\)")
_FROM = re.compile(r"^min-|[<>]")
_UP_TO = re.compile(r"(?:width|height|ratio|resolution)\s*<|>=?\s*(?:width|height|aspect|resolution)")
# what holds on the widest screen of the highest density, by the feature of a media query
_HOLDS = {
    "orientation": {"landscape"},
    "prefers-color-scheme": {"light", "no-preference"},
    "prefers-reduced-motion": {"no-preference"},
    "hover": {"", "hover"},
    "pointer": {"", "fine"},
    "color": {""},
}


@dataclass(frozen=True)
class Candidate:
    """An address of a srcset. `width` in pixels, 0 where none is told; `valid`: its descriptors are of the grammar."""

    address: str
    width: int = 0
    density: float = 1.0
    valid: bool = True

    @property
    def rank(self) -> tuple[bool, int, float]:
        """The larger the better: what the grammar allows first, then widths, then densities."""
        return self.valid, self.width, self.density


def parse(srcset: str) -> Iterator[Candidate]:
    """The candidates of a srcset, in their order; those with a broken descriptor too, marked as not valid."""
    position = 0
    while found := _ADDRESS.match(srcset, position):
        position = found.end()
        if found[1].endswith(","):
            yield Candidate(found[1].rstrip(","))
            continue
        told = _DESCRIPTORS.match(srcset, position)
        position = told.end() if told else len(srcset)
        yield _candidate(found[1], _DESCRIPTOR.findall(told[1] if told else ""))


def largest(candidates: Iterable[Candidate]) -> Candidate | None:
    """The widest candidate, or the densest; the first of equals. None when there is none to ask for."""
    askable = (one for one in candidates if one.address and not one.address.startswith("data:"))
    return max(askable, key=lambda one: one.rank, default=None)


def sources(image: Any) -> list[Any]:
    """The <source> elements around an <img> that the widest screen may choose from, in their order: by type and media.

    `image` is an element of lxml. Without one that fits, and without an address of the image's own, it is all of them.
    """
    parent = image.getparent()
    while parent is not None and parent.tag != "picture":
        parent = parent.getparent()
    if image.tag != "img":
        return []
    bare = not any(image.get(name) for name in ("src", "srcset", "data-src", "data-srcset"))
    return fitting(parent, every=bare)


def fitting(picture: Any, *, every: bool = True) -> list[Any]:
    """The <source> elements of a <picture> that fit by type and media; if none does, and `every`, those of a type."""
    typed = [] if picture is None else picture.iter("source")
    known = [one for one in typed if _TYPES.fullmatch(one.get("type") or "")]
    return [one for one in known if fits(one.get("media") or "")] or (known if every else [])


def fits(media: str) -> bool:
    """Whether a media query holds on the widest screen there is: every min-width does, and no max-width."""
    queries = media.lower().split(",")
    return not media.strip() or any(_query(query.strip()) for query in queries)


def _query(query: str) -> bool:
    words = _FEATURE.sub(" ", query).split()
    negated = "not" in words
    kinds = [word for word in words if word not in ("and", "only", "not", "or")]
    holds = [_feature(feature) for feature in _FEATURE.findall(query)]
    every = any(holds) if "or" in words else all(holds)
    return (every and all(kind in ("all", "screen") for kind in kinds)) != negated


def _feature(feature: str) -> bool:
    name, _, value = (part.strip() for part in feature.partition(":"))
    name = name.replace("-webkit-", "").replace("-moz-", "")
    if name in _HOLDS:
        return value in _HOLDS[name]
    return bool(_FROM.search(name)) and not _UP_TO.search(name)


def _candidate(address: str, descriptors: list[str]) -> Candidate:
    width, density, height = 0, 0.0, False
    valid = True
    for one in descriptors:
        if _WIDTH.fullmatch(one) and not (width or density):
            width = int(one[:-1][:6])
            valid &= width > 0
        elif _DENSITY.fullmatch(one) and not (width or density or height):
            density = float(one[:-1])
        elif _HEIGHT.fullmatch(one) and not (height or density):
            height = True
        else:
            valid = False
    valid &= width > 0 or not height
    if not valid:  # a browser would drop it; where all are so, the number still tells which is the largest
        numbers = _NUMBER.search(" ".join(descriptors))
        return Candidate(address, int(numbers[0]) if numbers else 0, valid=False)
    return Candidate(address, width, density or 1.0)
