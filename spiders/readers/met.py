"""The Metropolitan Museum of Art: a search answers with numbers only; each object is then asked for by its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture
from scrapbag.sources import Met
from spiders.pages import payload
from spiders.pages.licence import CC0, CC0_URL
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse


class MetReader(Reader[Met]):
    def start(self) -> Iterator[Page]:
        yield Page(payload.query(f"{self._base}/search", {"hasImages": "true", "q": self.source.query}))

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page]:  # noqa: ARG002
        for number in payload.listed(payload.at(payload.load(response), "objectIDs")):
            yield Page(f"{self._base}/objects/{number}", "parse_object", once=True)

    def parse_object(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Picture]:  # noqa: ARG002
        """An object's pictures. What is in the public domain is CC0 by the museum's Open Access policy."""
        thing = payload.load(response)
        if not isinstance(thing, dict):
            return
        free = thing.get("isPublicDomain") is True
        for address in (thing.get("primaryImage"), *payload.listed(thing.get("additionalImages"))):
            if url := absolute(response, payload.text(address)):
                yield Picture(
                    url=url,
                    page_url=absolute(response, payload.text(thing.get("objectURL"))) or response.url,
                    source_id=payload.text(thing.get("objectID")),
                    title=payload.text(thing.get("title")),
                    tags=payload.words(
                        *(thing.get(key) for key in ("objectName", "classification", "culture")),
                        [one.get("term") for one in payload.objects(thing.get("tags"))],
                    ),
                    creator=payload.text(thing.get("artistDisplayName")),
                    licence=CC0 if free else "",
                    licence_url=CC0_URL if free else "",
                    attribution=payload.text(thing.get("creditLine")),
                )

    @property
    def _base(self) -> str:
        return f"{self.source.api}/{self.source.version}"
