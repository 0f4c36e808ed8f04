"""The addresses that pages and APIs name, as they can be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit

from w3lib.url import safe_url_string

from scrapbag.border.hosts import askable

if TYPE_CHECKING:
    from parsel import Selector

EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"}
_PICTURE = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(EXTENSIONS)))})(?:\?|$)", re.IGNORECASE)


def is_picture(address: str) -> bool:
    """Whether an address ends like a picture's file."""
    return bool(_PICTURE.search(address))


def base(page: Selector, url: str) -> str:
    """What a page's addresses are relative to: its first <base href> that is an address, else its own `url`."""
    for href in page.xpath("//base/@href").getall():
        if found := absolute(url, href):
            return found
    return url


def absolute(base: str, address: str | None) -> str:
    """`address` as seen from `base`: http or https, escaped, without its fragment; '' when it cannot be asked."""
    address = (address or "").replace("&amp;", "&").strip()  # escaped once too often, inside JSON
    try:
        url = askable(urldefrag(urljoin(base, address)).url) if address else ""
        parts = urlsplit(url)
        return safe_url_string(url) if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""
