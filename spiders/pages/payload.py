"""JSON from other people's servers, read without trusting its shape."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scrapy.http import Response


def load(response: Response) -> Any:
    """The response's JSON; None when it is something else, as a shop without such an API answers."""
    try:
        value = response.json()  # type: ignore[attr-defined]  # of TextResponse; of another it raises just this
    except (ValueError, AttributeError, NotImplementedError):
        return None
    if b"\\ud" in response.body.lower():  # half a character, as of a cut emoji, which no address and no file takes
        return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value


def at(value: Any, *path: str) -> Any:
    """What lies at `path` inside nested objects; None where there is no such thing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def listed(value: Any) -> list[Any]:
    """A value as a list: APIs give one thing alone where there is but one, and null where there is none."""
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects among the values of `listed`."""
    return [one for one in listed(value) if isinstance(one, dict)]


def text(value: Any) -> str:
    """A value as words for people: as `first`, with markup removed and entities resolved. Not for addresses."""
    return first(value, "content", "name", "value", clean=tidy)


def first(value: Any, *keys: str, clean: Callable[[str], str] = str) -> str:
    """A value as text, blanks folded: of an object what its first full key of `keys` says, of a list the first text."""
    if isinstance(value, dict):
        return first(next(filter(None, (value.get(key) for key in keys)), None), *keys, clean=clean)
    if isinstance(value, list):
        return next(filter(None, (first(one, *keys, clean=clean) for one in value)), "")
    return "" if value is None or isinstance(value, bool) else " ".join(clean(str(value)).split())


def words(*values: Any, most: int = 60) -> tuple[str, ...]:
    """The short texts in `values`, each once, in order: tags."""
    found = (text(one) for value in values for one in listed(value))
    return tuple(dict.fromkeys(word for word in found if 0 < len(word) <= most))


def query(address: str, parameters: Mapping[str, Any]) -> str:
    """`address` with parameters, in their order, so that one request is always one address."""
    return f"{address}?{urlencode(parameters)}"


def tidy(markup: str) -> str:
    """Words for people: without tags, with entities resolved, also those that were escaped once more, blanks folded."""
    bare = BeautifulSoup(markup, "lxml").get_text(" ") if "<" in markup else markup
    return " ".join(html.unescape(html.unescape(bare)).split())
