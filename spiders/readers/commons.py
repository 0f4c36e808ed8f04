"""A category of Wikimedia Commons by the MediaWiki API: one request at a time, thumbnails instead of originals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.errors import RecipeError
from scrapbag.sources import Commons
from spiders.pages import payload
from spiders.readers.base import Reader, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import TextResponse

    from scrapbag.recipe import Scrape

_STATED = "LicenseShortName|LicenseUrl|Artist|Attribution|Credit|ObjectName|Categories"
_FORMAT = {"action": "query", "format": "json", "formatversion": "2", "maxlag": "5"}  # maxlag: wait when it is busy


class CommonsReader(Reader[Commons]):
    def __init__(self, source: Commons, settings: Scrape) -> None:
        super().__init__(source, settings)
        if source.api == Commons.api and settings.per_host > 1:
            raise RecipeError("Wikimedia Commons wants one request at a time; write per_host = 1 under [scrape]")

    def start(self) -> Iterator[Page]:
        name = self.source.category
        return self._category(name if name.startswith("Category:") else f"Category:{name}", 0)

    def parse(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page | Picture | Thing]:
        """Files of a category. A batch may be spread over several answers, which `continue` leads through."""
        answer = payload.load(response)
        for page in payload.objects(payload.at(answer, "query", "pages")):
            yield Thing(payload.text(page.get("pageid")) or payload.text(page.get("title")))
            for info in payload.objects(page.get("imageinfo")):
                yield from self._picture(response, page, info)
        for further in payload.objects(payload.at(answer, "continue")):
            yield Page(payload.query(self.source.api, meta["asked"] | further), meta=meta, follows=True)

    def parse_categories(self, response: TextResponse, meta: dict[str, Any]) -> Iterator[Page]:
        """Subcategories. They may loop; the catalog asks no address twice."""
        answer = payload.load(response)
        for one in payload.objects(payload.at(answer, "query", "categorymembers")):
            yield from self._category(payload.text(one.get("title")), meta["depth"] + 1)
        for further in payload.objects(payload.at(answer, "continue")):
            yield Page(payload.query(self.source.api, meta["asked"] | further), "parse_categories", meta, follows=True)

    def _category(self, title: str, depth: int) -> Iterator[Page]:
        files = {
            **_FORMAT, "generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": "50",
            "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata", "iiurlwidth": str(self.source.width),
            "iiextmetadatafilter": _STATED,
        }  # fmt: skip
        yield Page(payload.query(self.source.api, files), meta={"asked": files})
        if depth < self.source.depth:
            below = {**_FORMAT, "list": "categorymembers", "cmtitle": title, "cmtype": "subcat", "cmlimit": "500"}
            address = payload.query(self.source.api, below)
            yield Page(address, "parse_categories", {"asked": below, "depth": depth})

    def _picture(self, response: TextResponse, page: dict[str, Any], info: dict[str, Any]) -> Iterator[Picture]:
        width = info.get("width")
        thumbnail = info.get("thumburl") if isinstance(width, int) and width > self.source.width else None
        url = absolute(response, payload.text(thumbnail or info.get("url")))
        if not url or not payload.text(info.get("mime")).startswith("image/"):
            return
        said = {key: payload.text(payload.at(info, "extmetadata", key)) for key in _STATED.split("|")}
        name = payload.text(page.get("title")).removeprefix("File:")
        yield Picture(
            url=url,
            page_url=absolute(response, payload.text(info.get("descriptionurl"))) or response.url,
            source_id=payload.text(page.get("pageid")),
            title=said["ObjectName"] or name.rpartition(".")[0] or name,
            tags=payload.words(said["Categories"].split("|")),
            creator=said["Artist"],
            licence=said["LicenseShortName"],
            licence_url=absolute(response, said["LicenseUrl"]),
            attribution=said["Attribution"] or said["Credit"],
        )
