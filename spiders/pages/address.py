"""The addresses that pages and APIs name, as they can be asked."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit

from w3lib.url import safe_url_string


def absolute(base: str, address: str | None) -> str:
    """`address` as seen from `base`: http or https, escaped, without its fragment; '' when it cannot be asked."""
    address = (address or "").replace("&amp;", "&").strip()  # escaped once too often, inside JSON
    try:
        url = urldefrag(urljoin(base, address)).url if address else ""
        parts = urlsplit(url)
        return safe_url_string(url) if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""
