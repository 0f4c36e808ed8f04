"""Redirects by status and by <meta http-equiv=refresh>: each is a request like any other, and passes every guard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from parsel import Selector
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.http import TextResponse
from w3lib.url import safe_url_string

from pipelines.guards.challenges import is_block, is_check
from pipelines.guards.referrer import tell
from scrapbag.crawl.sessions import plain

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

LONGEST_S = 10  # a page that waits longer is there to be read
_REFRESH = re.compile(r"""http-equiv\s*=\s*["']?\s*refresh\b""", re.IGNORECASE)
_SECONDS = re.compile(r"\s*(?:(\d+)[\d.]*|\.[\d.]*)(?:\s*[;,]\s*|\s+|$)")
_NAMED = re.compile(r"url\s*=\s*", re.IGNORECASE)
_QUOTED = re.compile(r"""(["'])(.*?)(?:\1|$)""", re.DOTALL)
_META = "//meta[not(ancestor::noscript or ancestor::template or ancestor::svg)]"


class Redirects(RedirectMiddleware):
    """Scrapy's own; and a page that leads elsewhere at once is a redirect as well, unless it leads to itself.

    The Referer stays that of the page that names the request, by the rules for its new address.
    """

    def _engine_started(self) -> None:
        """Scrapy's own part that tells a Referer is not loaded: it would see every picture, and not know its page."""

    def handle_referer(self, request: Request, response: Response) -> None:  # noqa: ARG002
        """Called with every redirect."""
        tell(request)

    def process_response(  # type: ignore[override]  # without the spider, which Scrapy no longer wants there
        self, request: Request, response: Response
    ) -> Request | Response:
        if request.meta.get("kind") != "page" or not 200 <= response.status < 300:
            return super().process_response(request, response)
        url = target(response)
        if not url or _place(url) == _place(response.url) or is_block(response) or is_check(response):
            return response
        return self._redirect(self._build_redirect_request(request, response, url=url), request, "refresh")


def target(response: Response) -> str:
    """Where a page leads within seconds, by its Refresh header or the first such <meta>; '' where it stays."""
    header = (response.headers.get("Refresh") or b"").decode("latin-1")
    if header:
        return _address(response.url, header)
    if not isinstance(response, TextResponse) or not _REFRESH.search(response.text):
        return ""
    page = Selector(response.text, type="html")
    base = urljoin(response.url, page.xpath("//base/@href").get("").strip())
    for meta in page.xpath(_META):
        if meta.attrib.get("http-equiv", "").strip().lower() == "refresh" and meta.attrib.get("content"):
            return _address(base, meta.attrib["content"])
    return ""


def _address(base: str, content: str) -> str:
    """What a refresh says, by the standard's steps (HTML, 4.2.5.3): seconds, a comma or semicolon, `url=` or not."""
    waits = _SECONDS.match(content)
    if not waits or int(waits[1] or 0) > LONGEST_S:
        return ""
    address = content[waits.end() :]
    if named := _NAMED.match(address):
        address = address[named.end() :]
    if quoted := _QUOTED.match(address):
        address = quoted[2]
    try:
        url = safe_url_string(urljoin(base, address.strip()))
    except ValueError:
        return ""
    return url if address.strip() and url.startswith(("http://", "https://")) else ""


def _place(url: str) -> str:
    return plain(urldefrag(url).url)
