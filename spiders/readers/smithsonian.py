"""Smithsonian Open Access: a search in pages of 1,000 records, for media under CC0. Needs a key from api.data.gov."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.crawl.keys import key
from scrapbag.errors import RecipeError
from scrapbag.sources import API_KEYS, Smithsonian
from spiders.pages import payload
from spiders.pages.licence import CC0_URL
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse

    from scrapbag.recipe import Scrape

_ROWS = 1000


class SmithsonianReader(Reader[Smithsonian]):
    def __init__(self, source: Smithsonian, settings: Scrape) -> None:
        super().__init__(source, settings)
        self.key = key(source.name, source.api_key_env, source.api_key_file)
        if self.key is None:
            raise RecipeError(
                f"source {source.name!r} needs a key (free, from {API_KEYS}): export {source.api_key_env}=…, or write"
                " api_key_file; or take the source out"
            )

    @property
    def headers(self) -> dict[str, str]:
        """The key travels here, and so never into the catalog or a report."""
        return {"X-Api-Key": self.key.reveal()} if self.key else {}

    def start(self) -> Iterator[Page]:
        yield self._page(0)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:
        answer = payload.at(payload.load(response), "response")
        rows = payload.objects(payload.at(answer, "rows"))
        for row in rows:
            yield Thing(payload.text(row.get("id")) or payload.text(row.get("title")))
            yield from self._pictures(response, row)
        total = payload.at(answer, "rowCount")
        after = meta["start"] + _ROWS
        if rows and isinstance(total, int) and after < total:
            yield self._page(after)

    def _pictures(self, response: TextResponse, row: dict[str, Any]) -> Iterator[Picture]:
        """A record's pictures under CC0. Types vary by museum: one thing or a list, text or an object."""
        said = payload.at(row, "content", "descriptiveNonRepeating")
        indexed = payload.at(row, "content", "indexedStructured")
        for medium in payload.objects(payload.at(said, "online_media", "media")):
            access = payload.text(payload.at(medium, "usage", "access"))
            url = absolute(response, _address(medium))
            if not url or access != "CC0" or payload.text(medium.get("type")) not in ("", "Images"):
                continue
            yield Picture(
                url=url,
                page_url=absolute(response, payload.text(payload.at(said, "record_link") or payload.at(said, "guid")))
                or response.url,
                source_id=payload.text(payload.at(said, "record_ID") or row.get("id")),
                title=payload.text(row.get("title") or payload.at(said, "title")),
                tags=payload.words(*(payload.at(indexed, key) for key in ("object_type", "topic", "culture"))),
                creator=payload.text(payload.at(indexed, "name")),
                licence=access,
                licence_url=CC0_URL,
                attribution=payload.text(payload.at(said, "data_source")),
            )

    def _page(self, start: int) -> Page:
        asked = f'{self.source.query} AND media_usage:CC0 AND online_media_type:"Images"'
        address = payload.query(f"{self.source.api}/search", {"q": asked, "start": start, "rows": _ROWS})
        return Page(address, meta={"start": start}, follows=start > 0)


def _address(medium: dict[str, Any]) -> str:
    """The picture in screen size where there is one: originals here run to hundreds of megabytes."""
    sizes = {
        payload.text(one.get("label")): payload.text(one.get("url")) for one in payload.objects(medium.get("resources"))
    }
    return sizes.get("Screen Image") or payload.text(medium.get("content"))
