"""Files of a folder as a dataset, as if they had been scraped: through SQL, without a crawl."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from PIL import Image

from scrapbag import catalog
from scrapbag.layout import Data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TYPES = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}


def dataset(root: Path, files: Iterable[Path], **words: Mapping[Path, str]) -> Data:
    """A catalog with a picture, a request and a sighting for each file; `words` are sighting columns by file."""
    data = Data(root)
    connection = catalog.connect(data.catalog, create=True)
    connection.execute("begin immediate")
    for number, file in enumerate(files):
        body = file.read_bytes()
        sha256 = hashlib.sha256(body).hexdigest()
        extension, size = _header(file)
        data.image(sha256, extension).parent.mkdir(parents=True, exist_ok=True)
        if not data.image(sha256, extension).exists():
            data.image(sha256, extension).symlink_to(file.resolve())
        url = f"http://127.0.0.1/{number}/{file.name}"
        connection.execute(
            "insert or ignore into picture (sha256, extension, bytes, width, height, added_at)"
            " values (?, ?, ?, ?, ?, ?)",
            (sha256, extension, len(body), *size, "2026-11-22T10:00:00Z"),
        )
        connection.execute(
            "insert into request (url, host, source, kind, state, attempts, fetched_at, sha256)"
            " values (?, '127.0.0.1', 'files', 'picture', 'done', 1, '2026-11-22T10:00:00Z', ?)",
            (url, sha256),
        )
        said = {"title": file.name, "licence": "CC0-1.0"} | {key: value[file] for key, value in words.items()}
        connection.execute(
            f"insert into sighting (url, page_url, source, {', '.join(said)})"
            f" values (?, 'http://127.0.0.1/', 'files', {', '.join('?' * len(said))})",
            (url, *said.values()),
        )
    connection.execute("commit")
    connection.close()
    return data


def _header(file: Path) -> tuple[str, tuple[int | None, int | None]]:
    try:
        with Image.open(file, formats=tuple(TYPES)) as image:
            return TYPES[image.format or ""], image.size
    except Exception:  # noqa: BLE001  a helper for files that nobody vouches for
        return "bin", (None, None)
