"""Bot checks: an answer that wants to see a person, instead of what was asked for.

Most pages behind a vendor's firewall carry its scripts and say nothing by them. A vendor's word counts only beside a
status or a header that blocks, or on a page that has nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsel import Selector
from scrapy.http import HtmlResponse

from pipelines.guards.failures import HostStoppedError
from scrapbag.crawl.found import host_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

BLOCKING = {401, 403, 405, 406, 429, 430, 503}
_HEADERS = {"cf-mitigated": {b"challenge", b"block"}, "x-amzn-waf-action": {b"captcha", b"challenge", b"block"}}
# what only a check itself has
_CHECK = re.compile(
    rb"""/cdn-cgi/challenge-platform/\w+/\w+/orchestrate|_cf_chl_opt|/errors/validateCaptcha|id=["']?px-captcha"""
    rb"""|Pardon Our Interruption|/\.well-known/sgcaptcha"""
    rb"""|<title>\s*(?:Just a moment\.\.\.|Access denied|Attention Required!|Robot Check|Are you (?:a )?human)""",
    re.IGNORECASE,
)
# what vendors also put into pages that let one pass
_VENDOR = re.compile(
    rb"/cdn-cgi/challenge-platform/|cf-chl-|captcha-delivery\.com|_Incapsula_Resource|awsWaf|sgcaptcha|perimeterx"
    rb"|px-captcha",
    re.IGNORECASE,
)
_CHECK_BYTES = 200_000  # a page longer than this is no mere check
_CHECK_LETTERS, _EMPTY_LETTERS = 2_000, 200  # what a check says, and what a page says that says nothing


class Challenge:
    """Gives up the host of a bot check, for the source that met it. We are a bot, and do not pretend otherwise."""

    def process_response(self, request: Request, response: Response) -> Response:
        kind = request.meta.get("kind")
        if kind and (is_block(response) or (kind == "picture" and is_bare_check(response))):
            raise challenged(response)
        return response


def challenged(response: Response) -> HostStoppedError:
    """The error for a response that is a bot check."""
    return HostStoppedError("challenge", host_of(response.url), f"{response.url} shows a challenge")


def is_block(response: Response) -> bool:
    """Whether a response says by its status or its headers that it is a bot check."""
    for name, words in _HEADERS.items():
        if (response.headers.get(name) or b"").strip().lower() in words:
            return True
    return response.status in BLOCKING and _is_page(response) and bool(_marks(response))


def is_check(response: Response) -> bool:
    """Whether a page has what only a bot check has."""
    return _is_page(response) and _marks(response) is _CHECK


def is_bare_check(response: Response) -> bool:
    """Whether a page is a bot check and nothing else.

    For a picture's address that is enough; of a page also the reader must have found nothing on it.
    """
    if not _is_page(response) or not (marks := _marks(response)):
        return False
    page = Selector(response.body.decode("utf-8", "replace"), type="html")
    words = page.xpath("//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript)]").getall()
    letters = len("".join("".join(words).split()))
    return letters < _CHECK_LETTERS if marks is _CHECK else letters < _EMPTY_LETTERS and not page.xpath("//img | //h1")


def _is_page(response: Response) -> bool:
    return b"html" in (response.headers.get("Content-Type") or b"").lower() or isinstance(response, HtmlResponse)


def _marks(response: Response) -> re.Pattern[bytes] | None:
    if len(response.body) < _CHECK_BYTES:
        return next((marks for marks in (_CHECK, _VENDOR) if marks.search(response.body)), None)
    return None
