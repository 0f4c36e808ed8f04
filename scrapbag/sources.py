"""The kinds of source that a recipe can name, one frozen dataclass a kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from scrapbag.check import Between
from scrapbag.errors import RecipeError

API_KEYS = "https://api.data.gov/signup/"  # where one gets a key of the Smithsonian's
Rating = Annotated[float, Between(0, 5)]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What every kind has. `licence` says what the site does not; without it the licence is recorded as unknown."""

    kind: ClassVar[str]
    local: ClassVar[bool] = False
    listed: ClassVar[bool] = False  # it names all its pictures at once; what it does not name any more is gone

    name: str  # for SITE=; left out, the kind
    licence: str = ""  # what holds where the source says nothing
    licence_url: str = ""  # the same
    creator: str = ""  # the same
    tags: tuple[str, ...] = ()  # of pictures that have none of their own


@dataclass(frozen=True, kw_only=True)
class Paged(Source):
    """A source of many pages."""

    max_pages: Annotated[int, Between(1)] = 50_000  # of lists and of single things together; more are not asked


@dataclass(frozen=True, kw_only=True)
class Gallery(Paged):
    """List pages, item pages, pictures, by CSS selector. Without `item`, pictures are taken from the list page."""

    kind = "gallery"
    start: tuple[str, ...]  # list pages
    image: str  # selector of what shows a picture; its largest version counts
    item: str = ""  # selector of links from a list page to pages of single things
    next: str = ""  # selector of the link to the next list page
    title: str = ""  # selector of the title; without one, the picture's alt text
    tag: str = ""  # selector of tags
    rating: str = ""  # selector of stars, on list or item pages
    min_rating: Rating = 0.0  # of 5; what has less, or none, is passed over
    full: tuple[str, ...] = ()  # [pattern, replacement]: a thumbnail's address to the full picture's
    browser: bool = False  # open pages in Chromium
    actions: tuple[Any, ...] = ()  # what to do there, in order: click, wait, scroll

    def __post_init__(self) -> None:
        if len(self.full) not in (0, 2):
            raise RecipeError(f"source {self.name!r} full is {self.full!r}; write [pattern, replacement]")
        if self.actions and not self.browser:
            raise RecipeError(f"source {self.name!r} has actions but no browser; add browser = true")
        for action in self.actions:
            if not _is_action(action):
                raise RecipeError(
                    f"source {self.name!r} actions has {action!r};"
                    ' write ["click", "css"], ["click", {css = "css", max = 50}], ["wait", "css"]'
                    ' or ["scroll", {count = "css", max = 50}]'
                )
        if self.full:
            _pattern(self.full[0], f"source {self.name!r} full", self.full[1])


@dataclass(frozen=True, kw_only=True)
class Product(Paged):
    """A shop's product pages, found by its sitemaps or named in `start`, read by their schema.org data."""

    kind = "product"
    start: tuple[str, ...]  # a site (its robots.txt names the sitemaps), a sitemap, or product pages
    match: str = ""  # a regular expression that a page's address must match
    min_rating: Rating = 0.0  # of 5; what has less, or none, is passed over
    browser: bool = False  # open pages in Chromium

    def __post_init__(self) -> None:
        _pattern(self.match, f"source {self.name!r} match")


@dataclass(frozen=True, kw_only=True)
class Shopify(Paged):
    """Shops on Shopify, by products.json."""

    kind = "shopify"
    start: tuple[str, ...]  # shops, or collections of them


@dataclass(frozen=True, kw_only=True)
class Woocommerce(Paged):
    """Shops on WooCommerce, by the Store API."""

    kind = "woocommerce"
    start: tuple[str, ...]  # shops
    min_rating: Rating = 0.0  # of 5; what has less, or none, is passed over


@dataclass(frozen=True, kw_only=True)
class Commons(Paged):
    """A category of Wikimedia Commons, by the MediaWiki API."""

    kind = "commons"
    category: str  # with its namespace: "Category:Quilts"
    depth: Annotated[int, Between(0, 5)] = 0  # how far into subcategories
    width: Annotated[int, Between(64, 4096)] = 1024  # of the thumbnails that are asked for
    api: str = "https://commons.wikimedia.org/w/api.php"  # where it is asked


@dataclass(frozen=True, kw_only=True)
class Met(Paged):
    """The Metropolitan Museum of Art: works in the public domain."""

    kind = "met"
    query: str  # words to search for
    version: str = "v1"  # of the API
    api: str = "https://collectionapi.metmuseum.org/public/collection"  # where it is asked


@dataclass(frozen=True, kw_only=True)
class Artic(Paged):
    """The Art Institute of Chicago: works in the public domain."""

    kind = "artic"
    query: str  # words to search for
    api: str = "https://api.artic.edu/api/v1"  # where it is asked


@dataclass(frozen=True, kw_only=True)
class Smithsonian(Paged):
    """Smithsonian Open Access."""

    kind = "smithsonian"
    query: str  # words to search for
    api_key_env: str = "SMITHSONIAN_API_KEY"  # the environment's variable with the key, free from api.data.gov
    api_key_file: str = ""  # or the file with the key, which only you may read (chmod 600)
    api: str = "https://api.si.edu/openaccess/api/v1.0"  # where it is asked

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.api_key_env):  # perhaps it is the key: it is not repeated
            raise RecipeError(
                f"source {self.name!r} api_key_env is no name of a variable, in capitals;"
                f' write one, such as "{Smithsonian.api_key_env}", and the key itself nowhere in the recipe'
            )


@dataclass(frozen=True, kw_only=True)
class Urls(Source):
    """A list of picture addresses: text in any dialect, JSON or Parquet. Columns with usual names need not be named."""

    kind = "urls"
    listed = True
    path: str  # of the list, of a folder of lists, or a pattern: "lists/*.csv"
    url: str = "url"  # the column of the addresses; it alone has to be there
    caption: str = "caption"  # the column of the titles
    licence_column: str = "licence"  # the column of the licences, or of their addresses
    licence_url_column: str = ""  # the column of the licences' addresses
    creator_column: str = ""  # the column of who made them
    page_column: str = ""  # the column of the pages that show them
    tags_column: str = ""  # the column of the tags
    sha256: str = "sha256"  # the column of the sums; bytes that come to another are not kept


@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Pictures on this computer: a directory, a zip or a tar, and what lies beside them and says whose they are."""

    kind = "folder"
    local = listed = True
    path: str  # a directory, a zip, a tar or one picture
    links: tuple[str, ...] = ()  # other folders that links in it may lead to
    members: Annotated[int, Between(1, 100_000_000)] = 100_000  # of an archive that are looked at; the rest is counted


KINDS: dict[str, type[Source]] = {
    cls.kind: cls for cls in (Gallery, Product, Shopify, Woocommerce, Commons, Met, Artic, Smithsonian, Urls, Folder)
}

_ACTIONS = {"click": {"css", "count", "max", "pause"}, "wait": {"css"}, "scroll": {"count", "max", "pause"}}


def _is_action(action: Any) -> bool:
    if not (isinstance(action, list | tuple) and len(action) == 2 and action[0] in _ACTIONS):
        return False
    name, value = action
    if isinstance(value, str):
        return bool(name != "scroll")
    return isinstance(value, dict) and set(value) <= _ACTIONS[name] and (name == "scroll" or "css" in value)


def _pattern(text: str, where: str, replacement: str = "") -> None:
    try:
        re.compile(text).sub(replacement, "")
    except (re.error, IndexError) as error:
        raise RecipeError(f"{where} is {text!r}, which is no regular expression: {error}") from None
