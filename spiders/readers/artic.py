"""The Art Institute of Chicago: a search in pages of 100, pictures by IIIF. At most 60 requests a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.errors import RecipeError
from scrapbag.sources import Artic
from spiders.pages import payload
from spiders.pages.licence import CC0, CC0_URL
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse

    from scrapbag.recipe import Scrape

_FIELDS = (
    "id,title,image_id,alt_image_ids,is_public_domain,copyright_notice,artist_title,artist_display,credit_line,"
    "classification_titles,material_titles,term_titles"
)
_LAST = 10_000  # the search shows no more results than these
_IIIF = "https://www.artic.edu/iiif/2"


class ArticReader(Reader[Artic]):
    def __init__(self, source: Artic, settings: Scrape) -> None:
        super().__init__(source, settings)
        if source.api == Artic.api and settings.delay_s < 1:
            raise RecipeError("the Art Institute allows 60 requests a minute; write delay_s = 1.0 or more")

    @property
    def headers(self) -> dict[str, str]:
        """The museum asks for a header of its own that says who is asking."""
        return {"AIC-User-Agent": f"scrapbag ({self.settings.contact})"}

    def start(self) -> Iterator[Page]:
        yield self._page(1)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:
        answer = payload.load(response)
        iiif = payload.text(payload.at(answer, "config", "iiif_url")) or _IIIF
        for work in payload.objects(payload.at(answer, "data")):
            yield Thing(payload.text(work.get("id")))
            yield from self.pictures(response, work, iiif)
        pages = payload.at(answer, "pagination", "total_pages")
        if isinstance(pages, int) and meta["page"] < min(pages, _LAST // 100):
            yield self._page(meta["page"] + 1)

    def pictures(self, response: TextResponse, work: dict[str, Any], iiif: str) -> Iterator[Picture]:
        """The pictures of one work, 843 pixels wide as the museum advises. A work in the public domain is CC0."""
        free = work.get("is_public_domain") is True
        names = [work.get("image_id"), *payload.listed(work.get("alt_image_ids"))]
        for name in filter(None, map(payload.text, names)):
            if not (url := absolute(response, f"{iiif}/{name}/full/843,/0/default.jpg")):
                continue
            yield Picture(
                url=url,
                page_url=f"https://www.artic.edu/artworks/{work.get('id')}",
                source_id=payload.text(work.get("id")),
                title=payload.text(work.get("title")),
                tags=payload.words(*(work.get(f"{key}_titles") for key in ("classification", "material", "term"))),
                creator=payload.text(work.get("artist_title") or work.get("artist_display")),
                licence=CC0 if free else "",
                licence_url=CC0_URL if free else "",
                attribution=payload.text(work.get("copyright_notice") or work.get("credit_line")),
            )

    def _page(self, number: int) -> Page:
        only = {"q": self.source.query, "query[term][is_public_domain]": "true"}
        address = payload.query(
            f"{self.source.api}/artworks/search", {**only, "fields": _FIELDS, "limit": 100, "page": number}
        )
        return Page(address, meta={"page": number}, follows=number > 1)
