"""Opt-outs: X-Robots-Tag and tdm-reservation in the headers of an answer, and the same in a page's <meta>."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsel import Selector
from scrapy import signals
from scrapy.http import TextResponse

from pipelines.guards.failures import OptedOutError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.http.headers import Headers

OUR_NAME = "scrapbag"  # our product token (RFC 9309, 2.2.1)
_NO = {
    "page": {"noai", "noimageai", "noimageindex"},
    "picture": {"noai", "noimageai", "noimageindex", "noindex", "none"},
}
_VALUED = re.compile(r"unavailable_after|max-[a-z-]+")  # rules that have a value after their colon
_AGENT = re.compile(
    r"\s*([^\s:]+(?: [^\s:]+)*)\s*:\s*(?=[a-z_-]+(?:\s+[a-z_-]+)*\s*(?:[:;,]|$))"
)  # `name: rule`, of one crawler
_SPOKEN_OF = re.compile(rf"robots|{OUR_NAME}|tdm-reservation", re.IGNORECASE)  # a page without these has no opt-out


class OptOut:
    """Refuses what opts out in its last answer, if that is a success: a 404, a 429 or a redirect is just that."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> OptOut:
        guard = cls()
        crawler.signals.connect(guard.headers_received, signal=signals.headers_received)
        return guard

    def headers_received(self, headers: Headers, request: Request) -> None:
        """Let the body of a picture that opts out stay where it is; the status, which is not told here, decides."""
        html = b"html" in (headers.get("Content-Type") or b"").lower()  # no picture, but why there is none
        if request.meta.get("kind") == "picture" and not html and opted_out(headers, "picture"):
            raise OptedOutError(fail=False)

    def process_response(self, request: Request, response: Response) -> Response:
        if (kind := request.meta.get("kind")) and 200 <= response.status < 300:
            words = _meta_rules(response) if kind == "page" else set()
            if opted_out(response.headers, kind) or words & _NO["page"]:
                raise RefusedError("opt_out", f"{response.url} is not for us", skipped=True)
        return response


def opted_out(headers: Headers, kind: str) -> bool:
    """Whether the headers of a page or a picture ask not to be used so."""
    if any(value.strip() == b"1" for value in headers.getlist("tdm-reservation")):
        return True
    values = (value.decode("latin-1") for value in headers.getlist("X-Robots-Tag"))
    return bool(rules(values) & _NO[kind])


def rules(values: Iterable[str]) -> set[str]:
    """The rules of X-Robots-Tag headers that are for everyone or for us.

    A value is a list with commas; `name: rule` is for that crawler, and so is what follows it in the same value. The
    date of unavailable_after has commas and colons of its own, and names nobody: no rule follows a colon there.
    """
    return {rule for value in values for name, rule in _named(value.lower()) if name in ("", "*", OUR_NAME)}


def _named(value: str) -> Iterator[tuple[str, str]]:
    """Each rule of one value with the crawler that it is for, '' for all of them."""
    name = ""
    for part in re.split(r"[,;]", value):
        if (agent := _AGENT.match(part)) and not _VALUED.fullmatch(agent[1]):
            name = agent[1].partition("/")[0].strip()
            part = part[agent.end() :]  # noqa: PLW2901
        yield from ((name, word.strip("\"'")) for word in part.split())


def _meta_rules(response: Response) -> set[str]:
    """The rules of a page's <meta name=robots>, and of those that carry our name or a header's."""
    if not isinstance(response, TextResponse) or not _SPOKEN_OF.search(text := response.text):
        return set()
    found = set()
    for meta in Selector(text, type="html").root.iter("meta"):  # of our own: Scrapy's raises over a bad <base>
        name = (meta.get("name") or meta.get("http-equiv") or meta.get("property") or "").strip().lower()
        content = meta.get("content") or ""
        if name in ("robots", OUR_NAME, "x-robots-tag"):
            found |= rules([content])
        elif name == "tdm-reservation" and content.strip() == "1":
            found.add("noai")
    return found
