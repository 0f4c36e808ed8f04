"""Pictures on this computer, treated as all others are: a reader lists them, a download handler fetches them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Response

from pipelines.guards.failures import RefusedError
from scrapbag import sources
from scrapbag.crawl.found import LOCAL, Picture
from spiders.files.boxes import Box, TooLargeError, UnreadableError
from spiders.files.directory import box
from spiders.files.sidecars import Sidecars
from spiders.readers.base import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request
    from scrapy.crawler import Crawler

    from spiders.files.columns import Said


class FolderReader(Reader[sources.Folder]):
    """The folders that a picture lies in are its tags; what lies beside it may say more of it."""

    def start(self) -> Iterator[Picture]:
        sidecars = Sidecars(self.passed)
        self._place = Path(self.source.path).expanduser()
        for _, members in groupby(_opened(self.source).members(self.passed), lambda member: member.group):
            pictures = []
            for member in members:
                if member.kind == "picture":
                    pictures.append((member.name, member.path, member.version))
                else:
                    sidecars.add(member)
            for name, path, version in pictures:
                yield self._picture(name, path, version, sidecars.of(path))
            sidecars.close()

    def _picture(self, name: str, path: str, version: str, said: Said) -> Picture:
        page = f"{LOCAL}{quote(self.source.name)}"
        path = path.encode(errors="replace").decode()
        *folders, file = (part for part in path.split("/") if part not in ("", ".", ".."))
        stem, dot, _ = file.rpartition(".")
        if folders[:1] == ["snapshots"]:
            folders = folders[2:]  # of a Hugging Face cache: no words
        return Picture(
            f"{page}/{quote(name, errors='surrogateescape')}",
            said.page_url or said.url or page,
            source_id=said.source_id or path,
            title=said.title or (stem if dot and stem else file),
            tags=(*said.tags, *folders, *self.source.tags),
            creator=said.creator,
            licence=said.licence,
            licence_url=said.licence_url,
            attribution=said.attribution,
            rating=said.rating,
            version=f"{version} {self._place}",  # the same names elsewhere are other files
        )


class FolderHandler(BaseDownloadHandler):
    """Fetches folder://source/name. One thread, because an archive is read from front to back."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._max_bytes = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="folder")
        self._boxes: dict[str, Box] = {}

    async def download_request(self, request: Request) -> Response:
        lease: Any = request.meta["lease"]
        name = unquote(lease.url.partition("://")[2].partition("/")[2], errors="surrogateescape")
        try:
            body = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, lease.source, name)
        except TooLargeError as error:
            raise DownloadCancelledError(str(error)) from error
        except UnreadableError as error:
            raise RefusedError("unreadable", str(error)) from error
        return Response(request.url, body=body, request=request)

    async def close(self) -> None:
        self._thread.shutdown()

    def _read(self, source: str, name: str) -> bytes:
        if source not in self._boxes:
            crawl: Any = self.crawler.spider
            self._boxes[source] = _opened(crawl.readers[source].source)
        return self._boxes[source].read(name, self._max_bytes)


def _opened(source: Any) -> Box:
    """The box of a source. Raises UnreadableError for a source that is no folder: a list that names folder://."""
    if not isinstance(source, sources.Folder):
        raise UnreadableError(f"source {source.name!r} has no files")
    return box(Path(source.path).expanduser(), source.links, source.members)
