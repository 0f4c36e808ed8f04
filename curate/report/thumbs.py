"""Small pictures for the report, as data URIs; each is made once and kept beside the catalog."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from curate.look.decode import UnusableError, load
from scrapbag.disk import writing

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.catalog import Record
    from scrapbag.layout import Data

SIDE = 128  # of the longer side, in pixels; another value is another folder
VERSION = 2  # raise it by hand when thumbnails come out differently


def thumb(data: Data, row: Record) -> str:
    """The picture of `row` as a data URI, '' when there is none or it cannot be read."""
    if not row.sha256:
        return ""
    cached = data.thumbs / f"{SIDE}-v{VERSION}" / row.sha256[:2] / f"{row.sha256}.webp"
    content = cached.read_bytes() if cached.exists() else b""
    if not content and (content := _made(data.image(row.sha256, row.extension))):
        with writing(cached, durable=False) as part:  # a lost thumbnail is made again
            part.write_bytes(content)
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}" if content else ""


def _made(path: Path) -> bytes:
    """WebP bytes, b'' for what is no picture or not there now."""
    try:
        small = load(path, at_least=SIDE).image
    except (UnusableError, OSError):
        return b""
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    file = BytesIO()
    small.save(file, "WEBP", quality=68, method=2)
    return file.getvalue()
