"""Sitemaps by sitemaps.org: indexes, url sets with Google's image extension, plain lists, any of them gzipped.

Our own, because Scrapy's reader keeps no images and knows no plain lists.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024  # the protocol allows 50 MB, inflated


@dataclass(frozen=True)
class Image:
    """image:image of a page."""

    url: str
    licence_url: str = ""
    title: str = ""


@dataclass(frozen=True)
class Entry:
    """One address of a sitemap; `is_index` when it is a further sitemap."""

    url: str
    is_index: bool = False
    images: tuple[Image, ...] = ()


def entries(body: bytes) -> Iterator[Entry]:
    """What a sitemap lists, in its order; of a broken one, what stands before the break."""
    body = _inflated(body)
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = body.decode("utf-8", "replace").splitlines()
        yield from (Entry(line.strip()) for line in lines if line.strip().startswith(("http://", "https://")))
        return
    try:
        yield from _elements(body)
    except (ParseError, DefusedXmlException):
        return


def named_in_robots(text: str) -> list[str]:
    """The sitemaps that a robots.txt names, as written."""
    return list(dict.fromkeys(re.findall(r"^\s*sitemap\s*:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)))


def _elements(body: bytes) -> Iterator[Entry]:
    said: dict[str, str] = {}
    image: dict[str, str] = {}
    images: list[Image] = []
    for _, element in iterparse(BytesIO(body), events=("end",)):
        space, _, name = element.tag.rpartition("}")
        text = (element.text or "").strip()
        if "sitemap-image" in space:
            if name == "image":
                if image.get("loc"):
                    images.append(Image(image["loc"], image.get("license", ""), image.get("title", "")))
                image = {}
            else:
                image[name] = text
        elif name in ("url", "sitemap"):
            if said.get("loc"):
                yield Entry(said["loc"], name == "sitemap", tuple(images))
            said, images = {}, []
            element.clear()
        else:
            said[name] = text


def _inflated(body: bytes) -> bytes:
    """The body, unpacked when it is gzip, cut at MAX_BYTES and at the first broken byte."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:MAX_BYTES]
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MAX_BYTES)
    except zlib.error:
        return b""
