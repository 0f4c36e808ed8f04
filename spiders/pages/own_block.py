"""The picture of a product on a page that names none: the likeliest one of the product's own block.

Each picture is weighed by what stands beside it: an alt text like the heading's, a place near the heading, a large
size or a zoom, an address with the product's words. What the page shows of itself (logos, sprites, badges) and of
other products does not count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from spiders.pages import markup
from spiders.pages.address import absolute, is_picture
from spiders.pages.headings import heading, likeness, title, words
from spiders.pages.sizes import declared, size

if TYPE_CHECKING:
    from parsel import Selector

_FURNITURE = re.compile(
    r"(?<![a-z])(?:logo|sprite|favicon|icons?|pixel|placeholder|blank|spacer|spinner|load(?:er|ing|indicator)|avatar"
    r"|captcha|paypal|visa|mastercard|maestro|klarna|payments?|badge|banner|flags?|stars?|track|arrow|button|play"
    r"|no[-_]?(?:image|photo|picture)|default|social|facebook|instagram|twitter|pinterest|whatsapp|youtube|secure)s?(?![a-z])"
)
_FILM = re.compile(  # the still of a film
    r"//(?:img|i\d?)\.(?:youtube|ytimg)\.com/|/vi(?:_webp)?/[\w-]{11}/|vimeocdn\.com/video/|dmcdn\.net/"
    r"|[-_/]video[-_]?(?:thumb|poster|still|preview)|\.(?:mp4|webm|mov)\b",
    re.IGNORECASE,
)
_DRAWER = re.compile(r"/(?:logos?|icons?|sprites?)/")
_ELSEWHERE = re.compile(
    r"(?<![a-z])(?:related|recommend\w*|similar|upsell|cross-?sell|also|recent\w*|viewed|reviews?|ratings?|footer|header"
    r"|nav|navigation|menu|breadcrumbs?|basket|cart|ads?|sponsored|sims|carousel-card|product-tile|product-thumb"
    r"|comparison|popover|modal|mini|merchant|brands?|logos?|producer|seller|newsletter|cookies?)(?![a-z])"
)
_OFFER = re.compile(
    r"(?<![a-z])(?:related|recommend\w*|similar|upsell|cross-?sell|also|recent\w*|viewed|sims|carousel|comparison)(?![a-z])"
)
_OWN = re.compile(r"product|gallery|zoom|main|detail|primary|hero|image|photo|picture|fancybox|lightbox|slider|pdp")
_ZOOM = "@data-a-dynamic-image | @data-old-hires | @data-zoom-image | @data-large_image | @data-zoom | @itemprop"


def is_furniture(url: str) -> bool:
    """Whether an address that a page names as its picture is yet a logo, an icon, a placeholder, or a film's."""
    stem = unquote(urlsplit(url).path).lower().rpartition("/")[2].partition(".")[0]
    kinds = "logo|favicon|icon|pixel|placeholder|blank|spacer|no[-_]?image"
    return bool(_FILM.search(url)) or bool(re.fullmatch(rf"(?:\w*[-_])?(?:{kinds})[-_\dx]*", stem))


def picture(page: Selector, base: str, url: str = "") -> str:
    """The absolute address of the likeliest picture of the page's product, in its largest size; '' when none is.

    `base` is what the page's addresses are relative to, `url` its own.
    """
    url = url or base
    own = heading(page, url)
    name = words(title(page, url))
    near = set(own.root.iterancestors()) if own is not None else set()
    number = set(re.findall(r"\d{3,}", url))
    best, most = "", 2.0  # below this a page shows no product
    for image in page.xpath("//body//img"):
        address = absolute(base, markup.picture(image))
        if not address:
            continue
        weight = _weight(image, address, name, near)
        if weight and number & words(urlsplit(address).path):
            weight += 1  # the product's number
        if weight > most:
            best, most = address, weight
    return best


def films(page: Selector, base: str) -> set[str]:
    """The addresses of pictures that are stills of films: links to one, or told so by their own attributes."""
    stills = page.xpath("//img[ancestor::a[contains(@href, 'youtu') or contains(@href, 'vimeo')] or ancestor::video]")
    stills += page.xpath("//*[contains(@itemtype, 'VideoObject')]//img | //img[@data-video or @data-video-url]")
    return {address for image in stills if (address := absolute(base, image.root.get("src")))}


def versions(page: Selector, base: str) -> dict[str, str]:
    """The largest version that an <img> of the page names, by each other address that it names."""
    found: dict[str, str] = {}
    for image in page.xpath("//img"):
        largest, *others = (absolute(base, one) for one in markup.versions(image.root))
        if largest:
            found |= {other: largest for other in others if other and size(largest) >= size(other)}
    return found


def is_offer(element: Any) -> bool:
    """Whether an element stands where a page offers other products: "you may also like", "recently viewed"."""
    above = [element, *element.iterancestors()]
    named = " ".join(f"{one.get('class', '')} {one.get('id', '')}" for one in above if one.tag not in ("html", "body"))
    return bool(_OFFER.search(named.lower())) or any(one.tag in ("aside", "footer", "nav") for one in above)


def _weight(image: Selector, address: str, name: set[str], near: set[Any]) -> float:
    path = unquote(urlsplit(address).path).lower()
    said = " ".join(image.root.get(key, "") for key in ("alt", "title"))
    signs = " ".join(image.root.get(key, "") for key in ("class", "id", "data-a-image-name")).lower()
    above = list(image.root.iterancestors())
    around = " ".join(f"{one.get('class', '')} {one.get('id', '')}" for one in above[:8]).lower()
    side = max(declared(address), _side(image))
    furniture = _FURNITURE.search(f"{path.rpartition('/')[2]} {signs}") or _DRAWER.search(path)
    if furniture or path.endswith(".svg") or 0 < side < 100:
        return 0.0
    if any(one.tag in ("header", "footer", "nav", "aside") for one in above):
        return 0.0
    # the weights are set by hand on 61 real pages whose data was hidden: docs/sources.md lists them
    weight = 4 * likeness(name, words(said)) + 2 * likeness(words(said), name) * bool(said)
    weight += 2 * sum(one in near for one in above) / max(1, len(near))
    weight += 2 * bool(image.xpath(_ZOOM)) + bool(_OWN.search(f"{signs} {around}"))
    weight += min(2.0, side / 400) + len(words(path) & name) / max(1, len(name))
    elsewhere, leads_away = bool(_ELSEWHERE.search(around)), _leads_away(image)
    return weight - 3 * elsewhere - 2 * leads_away - 2 * (elsewhere and leads_away)


def _leads_away(image: Selector) -> bool:
    """Whether the picture is a link to another page: an offer, or another product."""
    link = image.xpath("ancestor::a[1]/@href").get("").strip().lower()
    return bool(link) and not link.startswith(("#", "javascript:")) and not is_picture(link)


def _side(image: Selector) -> int:
    found = [re.match(r"\d{1,5}", image.root.get(key, "").strip()) for key in ("width", "height")]
    return max((int(one[0]) for one in found if one), default=0)
