"""A list of picture addresses, or a folder of lists: every row is a picture, or is counted with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w3lib.url import safe_url_string

from scrapbag import sources
from scrapbag.border.hosts import askable
from scrapbag.crawl.frontier import Picture
from scrapbag.errors import UsageError
from spiders.files import lists
from spiders.files.columns import said
from spiders.readers.base import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class UrlsReader(Reader[sources.Urls]):
    """Only the addresses have to be there; a column that is missing says nothing."""

    def start(self) -> Iterator[Picture]:
        found = lists.files(self.source.path, self.passed)
        faults: list[UsageError] = []
        for path in found:
            try:
                yield from self._pictures(path)
            except UsageError as error:
                if len(found) == 1:
                    raise
                faults.append(error)
                self.passed.add("no_column" if "has no column" in str(error) else "unreadable", path.name)
        if len(faults) == len(found):
            raise faults[0]

    def _pictures(self, path: Path) -> Iterator[Picture]:
        source = self.source
        named = (
            *(("url", source.url), ("title", source.caption), ("licence", source.licence_column)),
            *(("sha256", source.sha256), ("creator", source.creator_column), ("page_url", source.page_column)),
            *(("licence_url", source.licence_url_column), ("tags", source.tags_column)),
        )
        chosen = tuple((field, column) for field, column in named if column)
        number = 0
        for number, row in enumerate(lists.rows(path, chosen), 1):
            words = said(row, chosen) if row is not None else None
            if words is None or not words.url:
                self.passed.add("bad_row" if words is None else "no_address", f"{path.name}, row {number:,}", "row")
                continue
            yield Picture(
                _safe(words.url),
                page_url=words.page_url,
                source_id=words.source_id,
                title=words.title,
                tags=words.tags,
                creator=words.creator,
                licence=words.licence,
                licence_url=words.licence_url,
                attribution=words.attribution,
                rating=words.rating,
                sha256=words.sha256,
            )
        if not number:
            self.passed.add("no_column", path.name)


def _safe(url: str) -> str:
    try:
        return safe_url_string(askable(url))
    except ValueError:
        return url  # the crawl says what is wrong with it
