"""Opt-outs (X-Robots-Tag, tdm-reservation, meta robots), pauses (429, Retry-After) and bot checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.http import HtmlResponse, TextResponse

from pipelines.guards.failures import BusyError, HostStoppedError, OptedOutError, RefusedError
from scrapbag.crawl.found import host_of
from scrapbag.crawl.times import retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.http.headers import Headers

BUSY = {429, 430, 503}
OUR_NAME = "scrapbag"
_NO = {
    "page": {"noai", "noimageai", "noimageindex"},
    "picture": {"noai", "noimageai", "noimageindex", "noindex", "none"},
}
_CHALLENGES = re.compile(
    rb"""/cdn-cgi/challenge-platform/|cf-chl-|<title>Just a moment\.\.\.|captcha-delivery\.com|id=["']?px-captcha"""
    rb"""|_Incapsula_Resource|/errors/validateCaptcha|Pardon Our Interruption|awsWafCookieDomainList|sgcaptcha"""
    rb"""|<title>\s*(?:Access denied|Attention Required!|Robot Check|Are you (?:a )?human)""",
    re.IGNORECASE,
)
_CHALLENGE_BYTES = 200_000  # a page longer than this is no mere challenge


class OptOut:
    """Refuses what opts out by X-Robots-Tag or tdm-reservation in its headers, or by a page's meta robots."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> OptOut:
        guard = cls()
        crawler.signals.connect(guard.headers_received, signal=signals.headers_received)
        return guard

    def headers_received(self, headers: Headers, request: Request) -> None:
        if "kind" in request.meta and opted_out(headers, request.meta["kind"]):
            raise OptedOutError(fail=True)

    def process_response(self, request: Request, response: Response) -> Response:
        """For pages that a browser brought there was no signal, so the headers are looked at here as well."""
        if "kind" in request.meta and response.status < 300:
            words = _meta_words(response) if request.meta["kind"] == "page" else set()
            if opted_out(response.headers, request.meta["kind"]) or words & _NO["page"]:
                raise RefusedError("opt_out", f"{response.url} is not for us", skipped=True)
        return response


def opted_out(headers: Headers, kind: str) -> bool:
    """Whether the headers of a page or a picture ask not to be used so."""
    if (headers.get("tdm-reservation") or b"").strip() == b"1":
        return True
    values = (value.decode("latin-1") for value in headers.getlist("X-Robots-Tag"))
    return bool(_rules(values) & _NO[kind])


class Busy:
    """Turns 429, 430 and 503 into a pause of the host, as long as its Retry-After says."""

    def process_response(self, request: Request, response: Response) -> Response:
        lagging = response.headers.get("MediaWiki-API-Error") == b"maxlag"  # with status 200, and a Retry-After
        if (lagging or response.status in BUSY) and "lease" in request.meta:
            after = response.headers.get("Retry-After")
            if after or response.status != 503:
                raise BusyError(503 if lagging else response.status, retry_after((after or b"").decode("latin-1")))
        return response


class Challenge:
    """Gives up a host that answers with a bot check. We are a bot, and do not pretend otherwise."""

    def process_response(self, request: Request, response: Response) -> Response:
        if "kind" in request.meta and is_challenge(response):
            raise HostStoppedError("challenge", host_of(request.url), f"{response.url} shows a challenge")
        return response


def is_challenge(response: Response) -> bool:
    """Whether a response is a bot check instead of what was asked for."""
    headers = response.headers
    if headers.get("cf-mitigated") == b"challenge" or headers.get("x-amzn-waf-action") in (b"captcha", b"challenge"):
        return True
    page = b"html" in (headers.get("Content-Type") or b"").lower() or isinstance(response, HtmlResponse)
    return page and len(response.body) < _CHALLENGE_BYTES and bool(_CHALLENGES.search(response.body))


def _rules(values: Iterable[str]) -> set[str]:
    """The words of X-Robots-Tag that are for everyone or for us; `name: word` is for that crawler alone."""
    words = set()
    for value in values:
        name = ""
        for part in value.lower().split(","):
            head, colon, tail = part.partition(":")
            if colon and head.strip() not in (
                "unavailable_after",
                "max-snippet",
                "max-image-preview",
                "max-video-preview",
            ):
                name, part = head.strip(), tail  # noqa: PLW2901
            if name in ("", "*", OUR_NAME):
                words.add(part.strip())
    return words


def _meta_words(response: Response) -> set[str]:
    if not isinstance(response, TextResponse) or b"<meta" not in response.body[:100_000]:
        return set()
    words = set()
    for meta in response.css("meta[name]"):
        name, content = meta.attrib["name"].strip().lower(), meta.attrib.get("content", "").lower()
        if name in ("robots", OUR_NAME):
            words |= {word.strip() for word in content.split(",")}
        if name == "tdm-reservation" and content.strip() == "1":
            words.add("noai")
    return words
