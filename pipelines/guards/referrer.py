"""The Referer of a request: the page that names it, told as far as a browser would tell it.

https://www.w3.org/TR/referrer-policy/: strict-origin-when-cross-origin, unless the page itself wants less to be told.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from parsel import Selector
from scrapy.http import TextResponse
from scrapy.spidermiddlewares import referer as policies

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

_DEFAULT = policies.StrictOriginWhenCrossOriginPolicy()
_STRICTER = {
    "no-referrer": policies.NoReferrerPolicy(),
    "never": policies.NoReferrerPolicy(),  # as it was written once
    "same-origin": policies.SameOriginPolicy(),
    "origin": policies.StrictOriginPolicy(),
    "strict-origin": policies.StrictOriginPolicy(),
}
_KNOWN = {*_STRICTER, "default", "always", "unsafe-url", "no-referrer-when-downgrade"}
_KNOWN |= {"origin-when-cross-origin", "origin-when-crossorigin", "strict-origin-when-cross-origin"}
_META = re.compile(r"""<meta\b[^>]*\bname\s*=\s*["']?referrer\b[^>]*>""", re.IGNORECASE)


def tell(request: Request) -> None:
    """Write the Referer of a request, which may be a redirect to another host, by its meta["referrer"]."""
    page, policy = request.meta.get("referrer", ("", ""))
    if told := referrer(page, request.url, policy):
        request.headers["Referer"] = told
    else:
        request.headers.pop("Referer", None)


def referrer(page: str, url: str, policy: str = "") -> str:
    """What the server of `url` is told of the `page` that names it; '' is nothing."""
    if not page.startswith(("http://", "https://")):
        return ""
    return _told(page, "/".join(url.split("/", 3)[:3]), policy)


def policy_of(response: Response) -> str:
    """The policy that a page's header or <meta> states, the last that is known of several; '' where none is."""
    stated = b",".join(response.headers.getlist("Referrer-Policy")).decode("latin-1").split(",")
    if isinstance(response, TextResponse) and (meta := _META.search(response.text)):
        stated.append(Selector(meta[0], type="html").xpath("//meta/@content").get(""))
    return next((one for one in reversed([one.strip().lower() for one in stated]) if one in _KNOWN), "")


@lru_cache(maxsize=4096)
def _told(page: str, origin: str, policy: str) -> str:
    """Only the origin of what is asked matters, so that the pictures of a page are one question."""
    try:
        return _STRICTER.get(policy, _DEFAULT).referrer(page, f"{origin}/") or ""
    except ValueError:
        return ""
