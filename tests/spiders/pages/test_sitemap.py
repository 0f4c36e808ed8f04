"""Sitemaps as they come: in whatever encoding, with whatever around and inside them."""

from __future__ import annotations

import gzip

import pytest

from spiders.pages import sitemap
from spiders.pages.sitemap import Entry, Image, Sitemap

NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)
ONE, TWO = "https://a.example/1", "https://a.example/2"


def urlset(urls: str) -> str:
    return f"<urlset {NAMESPACES}>{urls}</urlset>"


def read(body: bytes | str) -> tuple[list[str], bool]:
    lines = Sitemap(body.encode() if isinstance(body, str) else body)
    return [one.url for one in lines], lines.partly


BOTH = urlset(f"<url><loc> {ONE} </loc></url><url><loc>{TWO}</loc></url>")
XML = '<?xml version="1.0" encoding="{}"?>'


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        (BOTH, [ONE, TWO]),
        ("\n\n" + XML.format("UTF-8") + BOTH, [ONE, TWO]),
        ("<br />\n<b>Notice</b>: Undefined index in <b>/x.php</b><br />\n" + XML.format("UTF-8") + BOTH, [ONE, TWO]),
        ("Warning: mysql_connect()\n" + BOTH, [ONE, TWO]),
        (urlset(f"<url><loc>{ONE}?a=1&b=2</loc></url><url><loc>{TWO}</loc></url>"), [f"{ONE}?a=1&b=2", TWO]),
        (urlset(f"<url><loc>{ONE}?a=1&amp;b=2</loc></url>"), [f"{ONE}?a=1&b=2"]),
        (urlset(f"<url><loc>{ONE}/caf&eacute;</loc></url><url><loc>{TWO}</loc></url>"), [f"{ONE}/café", TWO]),
        (urlset(f"<url><loc>{ONE}/caf&#233;</loc></url>"), [f"{ONE}/café"]),
        (urlset(f"<url><loc>{ONE}/café</loc></url><url><loc>{TWO}</loc></url>").encode("latin-1"), [f"{ONE}/café",
         TWO]),
        ((XML.format("ISO-8859-1") + urlset(f"<url><loc>{ONE}/é</loc></url>")).encode("latin-1"), [f"{ONE}/é"]),
        (BOTH.replace(ONE, f"{ONE}\x0b\x00"), [ONE, TWO]),
        ((XML.format("UTF-16") + BOTH).encode("utf-16"), [ONE, TWO]),
        ((XML.format("UTF-16") + BOTH).encode("utf-16-be"), [ONE, TWO]),
        (b"\xef\xbb\xbf" + BOTH.encode(), [ONE, TWO]),
        (BOTH.replace("loc>", "LOC>").replace("<url>", "<Url>").replace("</url>", "</Url>"), [ONE, TWO]),
        (BOTH.replace("<urlset", "<sm:urlset").replace("</urlset", "</sm:urlset"), [ONE, TWO]),
        (f"<urlset><url><loc><![CDATA[{ONE}?a&b]]></loc></url></urlset>", [f"{ONE}?a&b"]),
        (f"<urlset><url><loc>{ONE}</loc></url></urlset><!-- made in 0.1 s -->", [ONE]),
        (gzip.compress(BOTH.encode()), [ONE, TWO]),
        (f"{ONE}\nnonsense\n{TWO}\n", [ONE, TWO]),
        ("", []),
    ],
    ids=[
        "plain", "blank lines", "notice", "warning", "bare &", "&amp;", "&eacute;", "&#233;", "latin-1", "declared",
        "control", "utf-16", "utf-16 unmarked", "mark", "capitals", "prefix", "cdata", "comment", "gzip", "list",
         "empty",
    ],
)  # fmt: skip
def test_a_sitemap_is_read_whole_however_it_is_written(body: bytes | str, urls: list[str]) -> None:
    assert read(body) == (urls, False)


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        (BOTH[:-40], [ONE]),
        (BOTH[:-15], [ONE, TWO]),
        (BOTH.replace("</loc></url>", "</lok></url>", 1), [ONE, TWO]),
        (BOTH.replace("</url>", "", 1), [ONE, TWO]),
        (gzip.compress(BOTH.encode())[:-8], [ONE, TWO]),
        ("<html><body>Not found</body></html>", []),
    ],
    ids=["cut", "cut after", "wrong end", "no end", "gzip cut", "page"],
)
def test_what_is_read_in_part_says_so(body: bytes | str, urls: list[str]) -> None:
    found, partly = read(body)
    assert partly
    assert found == urls


def test_images_keep_their_licence_and_title_and_indexes_lead_on() -> None:
    image = "<image:image><image:loc>/a.jpg</image:loc><image:license>/l</image:license>"
    image += "<image:title>A &amp; B</image:title>"
    body = urlset(f"<url><loc>{ONE}</loc>{image}</image:image></url>")
    assert list(Sitemap(body.encode())) == [Entry(ONE, images=(Image("/a.jpg", "/l", "A & B"),))]
    index = f"<sitemapindex {NAMESPACES}><sitemap><loc>{ONE}</loc></sitemap></sitemapindex>"
    assert list(Sitemap(index.encode())) == [Entry(ONE, is_index=True)]


def test_a_sitemap_may_not_expand_entities_nor_unpack_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + urlset("<url><loc>&b;</loc></url>")
    assert read(bomb)[0] == []
    files = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + urlset("<url><loc>http://x/&f;</loc></url>")
    assert read(files)[0] == ["http://x/"]
    monkeypatch.setattr(sitemap, "MAX_BYTES", 10_000)
    many = urlset("".join(f"<url><loc>https://a.example/{n}</loc></url>" for n in range(5000)))
    found, partly = read(gzip.compress(many.encode()))
    assert 0 < len(found) < 500
    assert partly
