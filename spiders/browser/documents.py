"""Which documents a browser was sent, by its own log: a window's address alone says little, for a page may write it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from scrapbag.border.hosts import PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Rendered:
    """A page as the browser holds it: after its scripts, its redirects and the recipe's actions.

    `url`, `status` and `headers` are those of the answer that brought the document: an opt-out, a pause.
    """

    url: str
    status: int
    headers: dict[str, str]  # names in small letters, several values joined
    html: str = ""
    moved: bool = False  # it lies elsewhere than was asked, so it was not read


@dataclass
class Documents:
    """Documents by their loaders: what the browser calls one navigation of one frame."""

    _seen: dict[str, Rendered] = field(default_factory=dict)

    def read(self, log: Iterable[dict[str, Any]]) -> None:
        """Take in entries of the performance log."""
        for entry in log:
            event = json.loads(entry["message"])["message"]
            said = event["params"]
            if event["method"] == "Network.responseReceived" and said["type"] == "Document":
                answer = said["response"]
                headers = {name.lower(): value.replace("\n", ", ") for name, value in answer["headers"].items()}
                self._seen[said["loaderId"]] = Rendered(answer["url"].partition("#")[0], answer["status"], headers)

    def of(self, loader: str) -> Rendered | None:
        """The answer that brought the document of a loader; None for one that no server sent, such as about:blank."""
        found = self._seen.get(loader)
        return found if found and found.url.startswith(("http://", "https://")) else None


def same_place(one: str, other: str) -> bool:
    """Whether two addresses lead to one page, however they are spelt and whatever follows the path."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme), unquote(parts.path) or "/"
