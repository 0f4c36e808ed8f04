"""Cookies: a jar for each source, in memory and for one run; no other source, catalog or log sees what is in it."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

from scrapy.http.cookies import CookieJar

from pipelines.guards.suffixes import suffixes

if TYPE_CHECKING:
    from http.cookiejar import Cookie

    from scrapy import Request
    from scrapy.http import Response

# RFC 6265, 6.1: what a browser holds at least, and all that this one does
_BYTES, _OF_A_DOMAIN, _IN_ALL = 4096, 50, 3000


class Cookies:
    """A downloader middleware. Scrapy's own asks a public suffix list of the network, and holds without limit."""

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def process_request(self, request: Request) -> None:
        request.headers.pop("Cookie", None)  # of the hop before a redirect
        if jar := self._jars.get(_source(request)):
            jar.add_cookie_header(request)

    def process_response(self, request: Request, response: Response) -> Response:
        if "Set-Cookie" in response.headers and (source := _source(request)):
            said = response.headers.getlist("Set-Cookie")
            if any(len(one) > _BYTES for one in said):
                said = [one for one in said if len(one) <= _BYTES]
                response = response.replace(headers={**response.headers, "Set-Cookie": said})
            jar = self._jars.setdefault(source, CookieJar(DefaultCookiePolicy(strict_ns_domain=_HOST_ONLY)))
            for cookie in jar.make_cookies(response, request):
                if not (cookie.domain_specified and _is_public_suffix(cookie.domain)):
                    _make_room(jar, cookie)
                    jar.set_cookie_if_ok(cookie, request)
        return response


_HOST_ONLY = DefaultCookiePolicy.DomainStrictNonDomain  # RFC 6265, 5.4: without a Domain, for its very host alone


def _source(request: Request) -> str:
    """'' of a robots.txt, which belongs to no source."""
    lease = request.meta.get("lease")
    return lease.source if lease else ""


def _make_room(jar: CookieJar, new: Cookie) -> None:
    """Drop the oldest where a domain, or all of them, have as many as they may."""
    every = list(jar)
    alike = [one for one in every if one.domain == new.domain]
    for held, most in ((alike, _OF_A_DOMAIN), (every, _IN_ALL)):
        if len(held) >= most:
            jar.clear(held[0].domain, held[0].path, held[0].name)
            return


def _is_public_suffix(domain: str) -> bool:
    return not suffixes()(domain.removeprefix(".")).domain
