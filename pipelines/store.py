"""Item pipelines: a picture's bytes to the disk as they were served, then its row to the catalog."""

from __future__ import annotations

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from pipelines.guards.failures import RefusedError
from pipelines.sniff import Sniffed, TooManyPixelsError, look
from scrapbag.crawl.frontier import Answer, Frontier, Lease, Stored
from scrapbag.disk import sync
from scrapbag.formats.quiet import quiet

if TYPE_CHECKING:
    import sqlite3

    from scrapy.crawler import Crawler

    from scrapbag.layout import Data

_PARTS = count()


@dataclass
class Arrival:
    """A picture on its way from the network to the catalog."""

    lease: Lease
    body: bytes = field(repr=False)
    answer: Answer
    stored: Stored | None = None


class StorePicture:
    """Hashes, looks and writes on a thread, so that the reactor does not wait for decoders and disks."""

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        self._data: Data = spider.data
        self._frontier: Frontier = spider.frontier
        self.max_pixels = crawler.settings.getint("MAX_PIXELS")
        self._thread = ThreadPoolExecutor(2, thread_name_prefix="store")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePicture:
        return cls(crawler)

    def open_spider(self) -> None:
        tidy(self._data)

    def close_spider(self) -> None:
        self._thread.shutdown()

    async def process_item(self, item: Arrival) -> Arrival:
        expected = item.lease.meta.get("sha256", "")
        try:
            item.stored = await self.keep(item.body, self.max_pixels, expected)
        except RefusedError as error:
            self._frontier.lost(item.lease, error.reason, item.answer)
            raise DropItem(str(error)) from error
        item.body = b""
        return item

    async def keep(self, body: bytes, max_pixels: int, expected: str) -> Stored:
        """`store` on a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, store, self._data, body, max_pixels, expected)


class RecordPicture:
    """The last pipeline: the picture and the done-mark of its request, in one transaction."""

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        self._frontier: Frontier = spider.frontier

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RecordPicture:
        return cls(crawler)

    def process_item(self, item: Arrival) -> Arrival:
        if item.stored is None:
            raise AssertionError(item.lease.url)
        self._frontier.picture_done(item.lease, item.stored, item.answer)
        return item


def tidy(data: Data) -> None:
    """Before pictures are stored: remove what a run that was killed left half written."""
    quiet()
    for part in data.images.glob("*/.*.part"):
        part.unlink()


def store(data: Data, body: bytes, max_pixels: int, expected: str = "") -> Stored:
    """Put a picture's bytes into the store, safe from a power cut when this returns.

    Raises RefusedError when the bytes are not those that were expected, or too many pixels to ever decode.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    if expected and expected.lower() != sha256:
        raise RefusedError("mismatch", f"sha256 is {sha256}, not {expected}")
    try:
        seen: Sniffed = look(body, max_pixels)
    except TooManyPixelsError as error:
        raise RefusedError("too_many_pixels", str(error)) from None
    _write(str(data.image(sha256, seen.extension)), body)
    return Stored(sha256, seen.extension, len(body), seen.width, seen.height, seen.problem)


def lost_files(connection: sqlite3.Connection, data: Data) -> list[str]:
    """The sha256 of each picture whose file is not there, or not whole."""
    rows = connection.execute("select sha256, extension, bytes from picture")
    return [sha256 for sha256, extension, size in rows if not _is_there(str(data.image(sha256, extension)), size)]


def _is_there(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size  # noqa: PTH116
    except FileNotFoundError:
        return False


def _write(path: str, body: bytes) -> None:
    """Temp file in the same folder, fsync, rename, fsync the folder: no half file, and no file that a crash undoes.

    Plain calls of the system: pathlib would cost as much as looking at the picture does.
    """
    if _is_there(path, len(body)) and Path(path).read_bytes() == body:  # else it was damaged since
        return
    folder, name = os.path.split(path)
    part = f"{folder}/.{name[:64]}.{next(_PARTS)}.part"
    handle = _create(part)
    try:
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123
            written = 0
            while written < len(body):
                written += file.write(memoryview(body)[written:])
            getattr(os, "fdatasync", os.fsync)(handle)  # macOS has no fdatasync
        os.replace(part, path)  # noqa: PTH105
    except BaseException:
        os.unlink(part)  # noqa: PTH108
        raise
    sync(Path(folder))


def _create(part: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(part, flags, 0o644)
    except FileNotFoundError:  # the first picture of its folder
        folder = Path(part).parent
        folder.mkdir(parents=True, exist_ok=True)
        sync(folder.parent)
        return os.open(part, flags, 0o644)
