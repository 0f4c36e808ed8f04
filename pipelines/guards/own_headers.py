"""Headers that a source sets, a key above all: they leave for the source's own host, on whatever hop, and for no other.

Ours and not Scrapy's: its redirects drop Cookie and Authorization alone, and carry every other header to the next host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlencode, urljoin, urlsplit

from pipelines.guards.failures import RefusedError
from scrapbag.border.hosts import PORTS

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response


class OwnHeaders:
    """A downloader middleware. meta["own"] has the headers, meta["lease"] the address that they are for."""

    def process_request(self, request: Request) -> None:
        own: dict[str, str] = request.meta.get("own") or {}
        for name in own:
            request.headers.pop(name, None)
        if own and is_own(request.meta["lease"].url, request.url):
            for name, value in own.items():
                request.headers[name] = value

    def process_response(self, request: Request, response: Response) -> Response:
        """Take what a header says out of the address of a redirect to another host, should it be repeated there."""
        location = response.headers.get("Location")
        own: dict[str, str] = request.meta.get("own") or {}
        if location and own:
            url = urljoin(request.url, location.decode("utf-8", "replace"))
            if not is_own(request.meta["lease"].url, url) and _repeats(url, own):
                response.headers["Location"] = bare = _without(url, own)
                if _repeats(bare, own):
                    raise RefusedError("redirect", f"{request.url} leads a header's words to another host")
        return response


def is_own(url: str, other: str) -> bool:
    """Whether `other` is at the same scheme, host and port as `url`, or at the same host, by TLS now."""
    one, two = _origin(url), _origin(other)
    raised = (one[0], one[2], two[0], two[2]) == ("http", 80, "https", 443)
    return one[1] == two[1] and (raised or one == two)


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").removesuffix("."), parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None


def _repeats(url: str, own: dict[str, str]) -> bool:
    spelt = {url, unquote_plus(url)}
    return any(
        form in one for value in own.values() for form in (value, quote(value), quote_plus(value)) for one in spelt
    )


def _without(url: str, own: dict[str, str]) -> str:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return parts._replace(query=urlencode([pair for pair in pairs if not _repeats("=".join(pair), own)])).geturl()
