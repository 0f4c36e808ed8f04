"""CSS selectors as Scrapy has them, with ::text and ::attr(name), and what they select."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cssselect import ExpressionError, FunctionalPseudoElement, SelectorError
from cssselect import parse as parse_css
from lxml.etree import XPath
from parsel.csstranslator import HTMLTranslator

from spiders.pages import markup, ratings

if TYPE_CHECKING:
    from parsel import Selector

_TEXTS = XPath("text()", smart_strings=False)


@dataclass(frozen=True)
class Found:
    """An element of lxml, and of `::text` or `::attr()` what that says: `said` is None where the element is meant."""

    root: Any
    said: str | None = None
    attribute: str = ""

    @property
    def text(self) -> str:
        """The words, blanks folded."""
        return markup.words(self.root) if self.said is None else " ".join(self.said.split())

    @property
    def picture(self) -> str:
        """The address of the picture: the largest that the element names, or the very attribute that was asked for."""
        if self.said is None:
            return markup.of(self.root)
        if self.attribute.endswith("set"):
            return markup.largest(self.said)
        return next(markup.styled(self.said), self.said.strip())

    @property
    def link(self) -> str:
        """The address that it leads to: its own href, or that of the first link inside or around it."""
        if self.said is not None:
            return self.said.strip()
        near = (self.root, *self.root.iter("a"), *self.root.iterancestors("a"))
        return next(filter(None, ((one.get("href") or "").strip() for one in near)), "")

    @property
    def rating(self) -> float | None:
        """A rating of 5, None where it is unclear."""
        return ratings.shown(self.root) if self.said is None else ratings.said(self.said)


class Rule:
    """A compiled selector. '' selects nothing. Raises ValueError for what is no selector, or not Scrapy's."""

    def __init__(self, css: str) -> None:
        try:
            parsed = parse_css(css) if css else []
            self._parts = [(_path(one), *_wanted(one.pseudo_element)) for one in parsed]
        except (SelectorError, ExpressionError) as error:
            raise ValueError(str(error)) from None
        paths = " | ".join(path for path, *_ in self._parts)
        self._every = XPath(paths, smart_strings=False) if paths else None
        self._each = [(XPath(path, smart_strings=False), text, name) for path, text, name in self._parts]

    def find(self, page: Selector) -> list[Found]:
        """What it selects on a page, in the order of the page."""
        if self._every is None or not hasattr(page.root, "iter"):
            return []
        elements = self._every(page.root)
        if len(self._each) == 1:
            _, text, name = self._each[0]
            return [one for element in elements if (one := _found(element, text, name))]
        ways: dict[Any, list[tuple[bool, str]]] = defaultdict(list)  # each part of `h1::text, img` has its own
        for path, text, name in self._each:
            for element in path(page.root):
                ways[element].append((text, name))
        found = ((_found(element, *way) for way in ways[element]) for element in elements)
        return [one for each in found if (one := next(filter(None, each), None))]


def _path(selector: Any) -> str:
    return str(HTMLTranslator().selector_to_xpath(selector, translate_pseudo_elements=False))


def _wanted(pseudo: Any) -> tuple[bool, str]:
    """Whether a pseudo-element asks for text, and the attribute that it asks for."""
    if pseudo is None:
        return False, ""
    if pseudo == "text":
        return True, ""
    if isinstance(pseudo, FunctionalPseudoElement) and pseudo.name == "attr":
        if pseudo.argument_types() in (["STRING"], ["IDENT"]):
            return False, str(pseudo.arguments[0].value)
        raise ExpressionError("::attr() takes one name")
    name = getattr(pseudo, "name", pseudo)
    raise ExpressionError(f"::{name} is not of Scrapy's, which are ::text and ::attr(name)")


def _found(element: Any, text: bool, name: str) -> Found | None:
    if text:
        own = " ".join(_TEXTS(element))
        return Found(element, own) if own.strip() else None
    if name:
        value = element.get(name)
        return None if value is None else Found(element, value, name)
    return Found(element)
