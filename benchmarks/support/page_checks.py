"""What a saved product page states, told crudely on purpose: not by our own reading of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.http import HtmlResponse

_NAMES_ONE = (
    rb"<meta[^>]*og:image[^>]*content=[\"'][^\"']{8}",
    rb"\"@type\"\s*:\s*\"Product\".{0,4000}?\"image\"\s*:\s*\[?\s*[\"{]",
    rb"schema\.org/Product.{0,20000}?itemprop=[\"']image[\"']",
)


def names_one(body: bytes) -> bool:
    """Whether a page names a picture in og:image or schema.org."""
    return any(re.search(sign, body, re.DOTALL) for sign in _NAMES_ONE)


def stated_rating(body: bytes) -> float | None:
    """The rating of 5 in the page's JSON-LD or microdata, where it is of more than nothing."""
    found = re.search(rb'"aggregateRating"\s*:\s*\{[^{}]*\}|itemprop="aggregateRating".{0,600}', body, re.DOTALL)
    if not found:
        return None
    value = re.search(rb'ratingValue"[^0-9]{1,20}([\d.,]*\d)', found[0])
    best = re.search(rb'bestRating"[^0-9]{1,20}(\d+)', found[0])
    score = float(value[1].replace(b",", b".")) if value else 0.0
    return round(score * 5 / float(best[1] if best else 5), 3) or None


def larger_named(taken: str, body: bytes) -> bool:
    """Whether an attribute or structured data has the same file name with a larger width in it."""
    stem = re.sub(r"\d+", "0", taken.partition(":")[2])
    names = re.findall(
        rb"""(?:https?:)?//[^"'\s<>\\,)]+""", re.sub(rb"<script(?![^>]*json).*?</script>", b"", body, flags=re.DOTALL)
    )
    same = {one.decode("utf-8", "replace").replace("&amp;", "&") for one in names}
    digits = re.compile(r"\d+")
    for one in same:
        if re.sub(r"\d+", "0", one[one.index("//") :]) == stem:
            pairs = list(zip(digits.findall(one), digits.findall(taken), strict=True))
            differing = [(int(a), int(b)) for a, b in pairs if a != b]
            if differing and all(b >= 50 and 5 * b < 4 * a < 20_000 for a, b in differing):
                return True
    return False


def is_faulty(title: str, response: HtmlResponse) -> bool:
    """Whether a title has an entity or an icon's letter, is empty, or begins before its page's <title> does."""
    whole = " ".join(response.xpath("//title//text() | //meta[@property='og:title']/@content").getall()).casefold()
    words = title.casefold().split()
    late = any(whole.startswith(" ".join(words[skipped:])) for skipped in range(1, len(words) - 1))
    return bool(re.search(r"&\w+;|[\ue000-\uf8ff]", title)) or not words or late
