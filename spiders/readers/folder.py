"""Pictures on this computer, treated as all others are: a reader lists them, a download handler fetches them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Response

from pipelines.guards.failures import RefusedError
from scrapbag import sources
from scrapbag.crawl.found import LOCAL, Picture
from spiders.readers.archives import Box, TooLargeError, UnreadableError, box
from spiders.readers.base import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request
    from scrapy.crawler import Crawler


class FolderReader(Reader[sources.Folder]):
    """The folders that a picture lies in are its tags."""

    def start(self) -> Iterator[Picture]:
        page = f"{LOCAL}{quote(self.source.name)}"
        path = Path(self.source.path).expanduser()
        for name, version in box(path).versions():
            inside = PurePosixPath(name.encode(errors="replace").decode())
            yield Picture(
                f"{page}/{quote(name, errors='surrogateescape')}",
                page,
                source_id=str(inside),
                title=inside.stem,
                tags=(*(part for part in inside.parent.parts if part not in (".", "..", "/")), *self.source.tags),
                version=f"{version} {path}",  # the same names in another folder are other files
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
            self._boxes[source] = box(Path(crawl.readers[source].source.path).expanduser())
        return self._boxes[source].read(name, self._max_bytes)
