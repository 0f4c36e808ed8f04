"""What goes into the frontier and comes out: what a page names, how the catalog writes it down, a lease, an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from scrapbag.border.hosts import askable

LOCAL = "folder://"  # how the address of a file of this computer begins


@dataclass(frozen=True)
class Page:
    """A page to read. `callback` names the method of the source's reader that reads it; `meta` must survive JSON.

    `once` says that the page is not asked again in a later scrape: an item's page, where a list page would be.
    `follows`: it is the next page of the list that the page which names it is a part of.
    """

    url: str
    callback: str = "parse"
    meta: dict[str, Any] = field(default_factory=dict)
    browser: bool = False
    actions: tuple[Any, ...] = ()
    once: bool = False
    follows: bool = False
    referrer: str = ""  # the page that names it, '' where no page does
    policy: str = ""  # the Referrer-Policy of that page; '' is a browser's own


@dataclass(frozen=True)
class Picture:
    """A picture as a page names it. `sha256` is what its bytes must come to, '' where nobody says.

    `version` is whatever changes when its bytes do, such as a file's size and time; '' where nothing is known.
    """

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
    version: str = ""
    policy: str = ""  # the Referrer-Policy of its page; '' is a browser's own


@dataclass(frozen=True)
class Thing:
    """Something that a list page shows, be it taken or not: a page that shows a new one is no repetition."""

    key: str  # an address, or a number that the site has for it


@dataclass(frozen=True)
class Lease:
    """A request that this run has taken upon itself."""

    id: int
    url: str
    host: str
    source: str
    kind: str
    callback: str
    meta: dict[str, Any]
    attempts: int  # answers since it was queued anew, that to this request included
    etag: str
    last_modified: str
    page_url: str = ""  # of a picture: the page that it was first found on

    @property
    def referrer(self) -> tuple[str, str]:
        """The page that names it, '' where none does, and the Referrer-Policy of that page."""
        return self.meta.get("referrer", "") if self.kind == "page" else self.page_url, self.meta.get("policy", "")

    @property
    def local(self) -> bool:
        """Whether it asks for a file of this computer, and no host."""
        return self.url.startswith(LOCAL)


@dataclass(frozen=True)
class Answer:
    """What a response said about itself."""

    status: int | None = None
    etag: str = ""
    last_modified: str = ""
    digest: bytes = b""  # of a page's body


@dataclass(frozen=True)
class Stored:
    """A picture whose bytes are on the disk. `problem` says why nobody can look at it, '' when one can."""

    sha256: str
    extension: str
    bytes: int
    width: int | None
    height: int | None
    problem: str = ""


class Listener(Protocol):
    """Who wants to know what the frontier does: the scheduler."""

    def found(self, hosts: set[str]) -> None:
        """These hosts have something new."""

    def settled(self, lease: Lease) -> None:
        """A lease has ended, however it did."""


def host_of(url: str) -> str:
    """The host of an address, small, with its port where the address names one; '' of what is no address."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def leased(row: tuple[Any, ...]) -> Lease:
    """A lease from a request's columns, in the order of its fields; `meta` is JSON."""
    id_, url, host, source, kind, callback, meta, *rest = row
    return Lease(id_, url, host, source, kind, callback, json.loads(meta), *rest)


def request_row(source: str, found: Page | Picture) -> tuple[str, str, str, str, str, str, bool]:
    """url, host, source, kind, callback, meta, once."""
    url = askable(_sound(found.url))
    host = host_of(url)
    if isinstance(found, Picture):
        said = {"sha256": found.sha256, "version": found.version, "policy": found.policy}
        meta: dict[str, Any] = {key: value for key, value in said.items() if value}
        return url, host, source, "picture", "", json.dumps(meta), False
    told = {"meta": found.meta, "referrer": found.referrer, "policy": found.policy}
    meta = {key: value for key, value in told.items() if value}
    if found.browser:
        meta["actions"] = found.actions
    return url, host, source, "page", found.callback, json.dumps(meta), found.once


def sighting_row(source: str, seen: Picture) -> tuple[object, ...]:
    """The columns of a sighting, in the order of its table."""
    texts = (
        askable(_sound(seen.url)),
        seen.page_url,
        source,
        seen.source_id,
        seen.title,
        ", ".join(seen.tags),
        seen.creator,
        seen.licence or "unknown",
        seen.licence_url,
        seen.attribution,
    )
    return (*map(_sound, texts), seen.rating)


def _sound(text: str) -> str:
    """Without the half characters that JSON may hold (a cut emoji), which no database and no file takes."""
    return text.encode(errors="replace").decode()
