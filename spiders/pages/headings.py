"""What a page calls the thing that it is about: its title, without what the site says around it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from spiders.pages import markup
from spiders.pages.payload import tidy

if TYPE_CHECKING:
    from parsel import Selector

_SEAM = re.compile(r"\s*[|·•\u2013\u2014:»-]\s+|\s+[|·•\u2013\u2014:»-]\s*")  # between a page's name and its site's
_CODE = re.compile(r"\s+(?:[^\W\d]+\s*[:№#]+\s*|SKU\s+)[\w-]*\d[\w-]*$")  # "Код: 01245" after a name
_OG = "//meta[@property='og:title']/@content"
_WHOLE = "//title[not(ancestor::svg)]//text()"


def heading(page: Selector, url: str = "") -> Selector | None:
    """The heading that shares most with the page's title, and, between equals, with its address; None without any."""
    whole = words(
        " ".join([*page.xpath(_WHOLE).getall(), *page.xpath("//meta[@property='og:title']/@content").getall()])
    )
    slug = words(_plain(re.sub(r"[_\W]+", " ", url)))

    def fit(one: Selector) -> tuple[float, float]:
        said = words(markup.text(one))
        return agreement(said, whole) + 0.1 * (one.root.tag == "h1"), likeness(slug, words(_plain(markup.text(one))))

    headings = page.xpath("//h1 | //*[@itemprop='name'][not(self::meta)] | //h2")
    return max((one for one in headings if markup.text(one)), key=fit, default=None)


def title(page: Selector, url: str = "") -> str:
    """The page's own heading, `cleaned`; else its title without the site's name."""
    whole = _first(page, _WHOLE)
    named = _first(page, _OG)
    own = heading(page, url)
    if own is None:
        return _without_site(whole or named, _first(page, "//meta[@property='og:site_name']/@content"))
    return cleaned(page, tidy(markup.text(own)))


def cleaned(page: Selector, said: str) -> str:
    """A name on a page without "Details about", a login line or an article's number, by the page's own title."""
    whole, named = _first(page, _WHOLE), _first(page, _OG)
    for other in (whole, named):
        said = _from_where(said, other)
    bare = _CODE.sub("", said)
    return bare if bare and said not in (whole, named) else said


def words(text: str) -> set[str]:
    """The words of a text, for comparing."""
    return set(re.findall(r"\w+", text.casefold()))


def likeness(name: set[str], title: set[str]) -> float:
    """How much of `name` is in `title`, 0 to 1."""
    return len(name & title) / len(name) if name else 0.0


def agreement(one: set[str], other: set[str]) -> float:
    """How much two sets of words have in common, 0 to 1 (F1)."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _from_where(said: str, whole: str) -> str:
    """`said` from where it goes on as the page's title begins: what stood in front is the site's."""
    start = whole.casefold()
    parts = said.split()
    for skipped in range(1, min(8, len(parts))):
        rest = " ".join(parts[skipped:])
        core = rest.casefold()[: max(12, len(rest) // 2)]
        if start.startswith(core) and len(parts) - skipped >= 2:
            return rest
        if start.startswith(rest.casefold()) and len(rest) >= 4:
            return rest
    return said


def _without_site(whole: str, site: str) -> str:
    if not site:
        return whole
    parts = [part for part in _SEAM.split(whole) if part.strip()]
    kept = [part for part in parts if part.strip().casefold() != site.casefold()]
    if len(kept) == len(parts) or not kept:
        return whole
    start = whole.index(kept[0])
    return whole[start : whole.rindex(kept[-1]) + len(kept[-1])].strip()


def _first(page: Selector, path: str) -> str:
    return next(filter(None, (tidy(one) for one in page.xpath(path).getall())), "")


def _plain(text: str) -> str:
    """Without accents, as addresses write a name."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
