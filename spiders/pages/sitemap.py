"""Sitemaps by sitemaps.org: indexes, url sets with Google's image extension, plain lists, any of them gzipped.

Our own, because Scrapy's reader keeps no images and knows no plain lists. Read leniently, as they come: whatever stands
in front, bare ampersands, HTML's entities, broken bytes and tags cost nothing but themselves.
"""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lxml import etree
from w3lib.encoding import read_bom, resolve_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024  # the protocol allows 50 MB, inflated
_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:urlset|sitemapindex)\b", re.IGNORECASE)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)
_ENTITY = re.compile(
    r"<!\[CDATA\[.*?\]\]>|&(?:(#\d+|#x[0-9a-f]+|amp|lt|gt|quot|apos);|(\w+);|)", re.IGNORECASE | re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


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


@dataclass
class Sitemap:
    """What a sitemap lists, in its order. `partly` when some of it could not be read, known once all is listed."""

    body: bytes
    partly: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[Entry]:
        text = _text(self._inflated())
        if root := _ROOT.search(text):
            yield from self._elements(_CONTROL.sub("", _ENTITY.sub(_entity, text[root.start() :])))
        elif not text.lstrip().startswith("<"):
            lines = (line.strip() for line in text.splitlines())
            yield from (Entry(line) for line in lines if line.startswith(("http://", "https://")))
        else:
            self.partly = bool(text.strip())  # a page of HTML, or another kind of XML

    def _elements(self, text: str) -> Iterator[Entry]:
        said: dict[str, str] = {}
        image: dict[str, str] = {}
        images: list[Image] = []
        inside = False  # an image:image
        parser = etree.iterparse(
            BytesIO(text.encode("utf-8", "replace")),
            events=("start", "end"),
            encoding="utf-8",
            recover=True,
            resolve_entities=False,
            no_network=True,
        )
        for event, element in parser:
            name = _name(element.tag)
            if event == "start":
                if name in ("url", "sitemap") and said.get("loc"):  # the one before has no end
                    yield Entry(said["loc"], name == "sitemap", tuple(images))
                    said, images = {}, []
                inside = inside or name == "image"
            elif name == "image":
                if image.get("loc"):
                    images.append(Image(image["loc"], image.get("license", ""), image.get("title", "")))
                image, inside = {}, False
            elif name in ("url", "sitemap"):
                if said.get("loc"):
                    yield Entry(said["loc"], name == "sitemap", tuple(images))
                said, images = {}, []
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
            else:
                part = image if inside else said
                part.setdefault(name, " ".join("".join(element.itertext()).split()))
        if said.get("loc"):
            yield Entry(said["loc"], images=tuple(images))  # the end is missing, not the address
        self.partly = self.partly or any(one.domain_name != "NAMESPACE" for one in parser.error_log)

    def _inflated(self) -> bytes:
        """The body, unpacked when it is gzip, cut at MAX_BYTES and at the first broken byte."""
        body, inflate = self.body, zlib.decompressobj(wbits=31)
        if body.startswith(b"\x1f\x8b"):
            parts = []
            try:
                parts.append(inflate.decompress(body, MAX_BYTES))
                self.partly = not inflate.eof
            except zlib.error:
                self.partly = True
            body = b"".join(parts)
        self.partly |= len(body) > MAX_BYTES
        return body[:MAX_BYTES]


def named_in_robots(text: str) -> list[str]:
    """The sitemaps that a robots.txt names, as written."""
    return list(dict.fromkeys(re.findall(r"^\s*sitemap\s*:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)))


@lru_cache(maxsize=256)
def _name(tag: Any) -> str:
    """An element's name in small letters, without its namespace, declared or not; '' of a comment."""
    return re.split(r"[}:]", tag)[-1].lower() if isinstance(tag, str) else ""


def _text(body: bytes) -> str:
    """The body by its byte order mark, its declaration, or as UTF-8; a byte that is none of that is of Windows-1252."""
    encoding, mark = read_bom(body)
    if not encoding and (body[:4].count(0) == 2):
        encoding = "utf-16-le" if body[1] == 0 else "utf-16-be"
    if not encoding and (declared := _DECLARED.match(body)):
        encoding = resolve_encoding(declared[1].decode("ascii"))
    encoding = encoding or "utf-8"
    body = body[len(mark or b"") :]
    try:
        return body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return "".join(_lines(body, encoding if encoding.startswith("utf-16") else "utf-8"))


def _lines(body: bytes, encoding: str) -> Iterator[str]:
    if encoding != "utf-8":
        yield body.decode(encoding, "replace")
        return
    for line in body.splitlines(keepends=True):
        try:
            yield line.decode()
        except UnicodeDecodeError:
            yield line.decode("cp1252", "replace")


def _entity(found: re.Match[str]) -> str:
    """An entity as XML has it: HTML's as its letter, an unknown one as nothing, a bare & as one, CDATA as it is."""
    if found[0][0] == "<":
        return found[0]
    if found[1]:
        return found[0].lower() if found[1][0] != "#" else found[0]
    if found[2]:
        letter = html.unescape(found[0])
        return "" if letter == found[0] else letter
    return "&amp;"
