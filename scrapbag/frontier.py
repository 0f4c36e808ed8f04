"""What a crawl has found and has still to ask for: the catalog's requests, and every transaction that changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Page:
    """A page to read. `callback` names the method of the source's reader that reads it; `meta` must survive JSON.

    `once` says that the page is not asked again in a later scrape: an item's page, where a list page would be.
    """

    url: str
    callback: str = "parse"
    meta: dict[str, Any] = field(default_factory=dict)
    browser: bool = False
    actions: tuple[Any, ...] = ()
    once: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture as a page names it. `sha256` is what its bytes must come to, '' where nobody says."""

    url: str
    page_url: str
    source_id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    creator: str = ""
    licence: str = ""
    licence_url: str = ""
    attribution: str = ""
    rating: float | None = None  # of 5
    sha256: str = ""
