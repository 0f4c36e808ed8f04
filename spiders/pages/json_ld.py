"""JSON-LD as pages write it: comments, CDATA, trailing commas, several objects in one script; and its references.

Our own, because extruct gives up a block over any of these.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|//[^\n]*|<!--|-->|<!\[CDATA\[|\]\]>|\ufeff|,(?=\s*[}\]])', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|(.))', re.DOTALL)
_BETWEEN = re.compile(r"[\s;,]*")
_DECODER = json.JSONDecoder(strict=False)  # line breaks and control characters in strings
_MOST = 1000  # values of one script


def blocks(page: Any) -> list[Any]:
    """What the JSON-LD scripts of a page, an element of lxml, hold. A block that cannot be read costs itself."""
    scripts = (one for one in page.iter("script") if "ld+json" in (one.get("type") or "").lower())
    return [value for script in scripts for value in parse(script.text or "")]


def parse(text: str) -> list[Any]:
    """The values of one script, up to what cannot be read."""
    if '"' not in text and "&quot;" in text:
        text = html.unescape(text)
    text = _TOKEN.sub(_mended, text)
    found: list[Any] = []
    position = _BETWEEN.match(text).end()  # type: ignore[union-attr]  # it matches everywhere
    while position < len(text) and len(found) < _MOST:
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        found.append(value)
        position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]
    return found


class Graph:
    """The objects of a page by their @id, so that a reference can be followed. `base` is what an @id is relative to."""

    def __init__(self, items: Iterable[Any], base: str) -> None:
        self._base = base
        self._nodes: dict[str, dict[str, Any]] = {}
        for node in nodes(items):
            if (name := self._name(node.get("@id"))) and len(node) > 1:
                self._nodes[name] = {**node, **self._nodes.get(name, {})}

    def follow(self, value: Any) -> Any:
        """`value`, or the object that it refers to; None for a reference to nothing on this page."""
        if isinstance(value, list):
            return [self.follow(one) for one in value]
        if isinstance(value, dict):
            node = self._nodes.get(self._name(value.get("@id")), {})
            return {**node, **value} if node or len(value) > 1 or "#" not in str(value.get("@id")) else None
        if isinstance(value, str):
            return self._nodes.get(self._name(value)) or (None if value.startswith("#") else value)
        return value

    def _name(self, name: Any) -> str:
        try:
            return urljoin(self._base, name) if isinstance(name, str) and name else ""
        except ValueError:
            return ""


def nodes(items: Iterable[Any], skipped: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Every object inside `items`, whatever lists and graphs it hides in, in order, but for those under `skipped`."""
    stack = list(items)[::-1]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            yield one
            stack += [value for key, value in reversed(one.items()) if key not in skipped]
        elif isinstance(one, list):
            stack += one[::-1]


def _mended(token: re.Match[str]) -> str:
    if not token[0].startswith('"'):
        return " "  # a comment, or a comma before a bracket
    return _ESCAPE.sub(lambda escape: escape[0] if escape[1] else escape[2], token[0])
