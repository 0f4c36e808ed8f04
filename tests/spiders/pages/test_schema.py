"""Product pages: which pictures are the product's, by data where there is some, by the page's own shape where not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from product_pages import URL, addresses, ld, read
from scrapy.http import HtmlResponse, Response

from scrapbag import sources
from scrapbag.crawl.frontier import Page
from scrapbag.recipe import Scrape
from spiders.pages import sitemap, sizes
from spiders.pages.licence import licence_name
from spiders.readers.product import ProductReader

PRODUCT: dict[str, Any] = {"@context": "https://schema.org", "@type": "Product", "name": "Red bag"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PRODUCT | {"image": "/a.jpg"}, ["/a.jpg"]),
        (PRODUCT | {"image": ["/a.jpg", "/b.jpg", "/a.jpg"]}, ["/a.jpg", "/b.jpg"]),
        (PRODUCT | {"image": {"@type": "ImageObject", "contentUrl": "/a.jpg"}}, ["/a.jpg"]),
        (PRODUCT | {"image": [{"url": {"@id": "/a.jpg"}}, None, 5, "data:image/gif;base64,R0"]}, ["/a.jpg", "/p/5"]),
        ([{"@type": "WebSite"}, PRODUCT | {"image": "/a.jpg"}], ["/a.jpg"]),
        ({"@graph": [{"@type": "Organization", "logo": "/l.png"}, PRODUCT | {"image": "/a.jpg"}]}, ["/a.jpg"]),
        ({"@type": "ItemPage", "mainEntity": PRODUCT | {"image": "/a.jpg"}}, ["/a.jpg"]),
        (
            {**PRODUCT, "@type": "ProductGroup", "hasVariant": [PRODUCT | {"image": "/s.jpg"}, {"image": "/m.jpg"}]},
            ["/s.jpg", "/m.jpg"],
        ),
        (PRODUCT | {"image": "/a.jpg", "isRelatedTo": PRODUCT | {"image": "/x.jpg"}}, ["/a.jpg"]),
        ({**PRODUCT, "@type": ["http://schema.org/Product", "Thing"], "image": "/a.jpg"}, ["/a.jpg"]),
        (PRODUCT | {"image": "https://cdn.example/a.jpg?w=80&amp;h=80"}, ["https://cdn.example/a.jpg?w=80&h=80"]),
    ],
    ids=["text", "list", "object", "odd", "top list", "graph", "nested", "variants", "related", "types", "escaped"],
)  # fmt: skip
def test_json_ld_names_the_pictures_in_whatever_shape(data: Any, expected: list[str]) -> None:
    assert addresses(f"<title>Red bag</title>{ld(data)}") == expected


def test_a_broken_block_of_json_ld_costs_that_block_alone() -> None:
    assert addresses(ld('{"@type": "Product", "image": "/x.jpg",,}') + ld(PRODUCT | {"image": "/a.jpg"})) == ["/a.jpg"]
    assert addresses(ld("/* a comment */\n" + json.dumps(PRODUCT | {"image": "/a.jpg"}))) == ["/a.jpg"]


def test_of_several_products_the_one_of_the_title_is_meant() -> None:
    others = [{"@type": "Product", "name": name, "image": f"/{name[0]}.jpg"} for name in ("Blue hat", "Red bag")]
    assert addresses(f"<title>Red bag - shop</title>{ld(others)}") == ["/R.jpg"]


def test_microdata_names_it_too() -> None:
    html = (
        '<div itemscope itemtype="http://schema.org/Product"><h1 itemprop="name">Red bag</h1>'
        '<img itemprop="image" src="/a.jpg"><span itemprop="brand">Ann</span>'
        '<div itemprop="aggregateRating" itemscope itemtype="http://schema.org/AggregateRating">'
        '<b itemprop="ratingValue">90</b><i itemprop="bestRating">100</i></div></div>'
    )
    (picture,) = read(html)
    assert (picture.url, picture.tags, picture.rating) == ("https://shop.example/a.jpg", ("Ann",), 4.5)


@pytest.mark.parametrize("attribute", ["property", "name"])
def test_og_image_is_second_wherever_it_stands(attribute: str) -> None:
    assert addresses(f'<body><p><meta {attribute}="og:image" content="/og.jpg"></p></body>') == ["/og.jpg"]
    assert addresses(f'<meta {attribute}="og:image" content="/og.jpg">{ld(PRODUCT | {"image": "/a.jpg"})}') == [
        "/a.jpg"
    ]


@pytest.mark.parametrize("icon", ["/logo.png", "/img/shop-logo.jpg", "/assets/favicon-192x192.png", "/pixel.png"])
def test_a_logo_is_no_product_even_if_it_is_named_as_one(icon: str) -> None:
    assert addresses(f'<meta property="og:image" content="{icon}">{ld(PRODUCT | {"image": icon})}') == []


def test_the_name_of_a_product_may_have_the_word_logo() -> None:
    assert addresses(ld(PRODUCT | {"image": "/t-shirt-with-logo-print.jpg"})) == ["/t-shirt-with-logo-print.jpg"]


BLOCK = """<title>Red bag - shop</title><header><a href=/><img src=/brand.png alt="Red bag shop"></a></header>
<div class=row><div class=left>{picture}</div><div><h1>Red bag</h1></div></div>
<div class=related><a href=/p/blue-hat><img src=/hat.jpg alt="Red bag and hat" width=500></a></div>
<footer><img src=/img/paypal.svg alt="Red bag payment"><img src=/img/visa.png width=300 alt="Red bag"></footer>"""


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ('<img src=/i/1.jpg alt="Red bag" data-a-dynamic-image=\'{"/i/2.jpg":[3,3],"/i/3.jpg":[9,9]}\'>', "/i/3.jpg"),
        ('<img src=/i/1.jpg alt="Red bag" srcset="/i/1.jpg 300w, /i/2.jpg 1200w, /i/3.jpg 600w">', "/i/2.jpg"),
        ('<img src="data:image/gif;base64,R0lGOD" data-src=/i/2.jpg alt="Red bag">', "/i/2.jpg"),
        ('<a class=zoom href=/i/big.jpg><img src=/i/1.jpg data-zoom-image=/i/2.jpg alt="Red bag"></a>', "/i/2.jpg"),
        ("<ul class=slider><li><a class=fancybox href=#><img src=/i/12345/1.jpg></a></li></ul>", "/i/12345/1.jpg"),
        ('<picture><source srcset="/1.webp 500w, /2.webp 900w"><img src=/1.jpg alt="Red bag"></picture>', "/2.webp"),
    ],
    ids=["dynamic", "srcset", "lazy", "zoom", "number", "source"],
)  # fmt: skip
def test_without_data_the_likeliest_picture_of_the_products_own_block_counts(picture: str, expected: str) -> None:
    assert addresses(BLOCK.format(picture=picture)) == [expected]


def test_a_page_of_nothing_but_its_own_furniture_shows_no_product() -> None:
    assert addresses(BLOCK.format(picture='<img src=/img/sprite.png alt="Red bag"><img src=/i/1.jpg width=1>')) == []


def test_a_thumbnail_gives_way_to_the_largest_version_on_the_page() -> None:
    html = (
        ld(PRODUCT | {"image": "/i/a.jpg?imwidth=103"})
        + '<img srcset="/i/a.jpg?imwidth=300 1x, /i/a.jpg?imwidth=1800 2x">'
    )
    assert addresses(html) == ["/i/a.jpg?imwidth=1800"]
    linked = '<a href="/pics/big/1.jpg"><img src="/pics/thumbs/1.jpg"></a>'
    assert addresses(ld(PRODUCT | {"image": "/pics/middle/1.jpg"}) + linked) == ["/pics/big/1.jpg"]
    assert sizes.largest("/i/a_100x100.jpg", ["/i/b_900x900.jpg", "/i/a_800x800.jpg"]) == "/i/a_800x800.jpg"
    assert sizes.largest("/i/a.jpg", ["/i/a.jpg?w=300"]) == "/i/a.jpg", "no size told is the whole picture"
    assert sizes.identity("/x.php?id=1&w=90") != sizes.identity("/x.php?id=2&w=90")


def test_what_is_rated_too_low_or_not_at_all_is_passed_over() -> None:
    def rated(value: Any, best: Any = None) -> str:
        rating = {"ratingValue": value, "bestRating": best}
        return ld(PRODUCT | {"image": "/a.jpg", "aggregateRating": rating})

    assert len(read(rated("4,5"), min_rating=4.0)) == 1
    assert len(read(rated(8, 10), min_rating=4.0)) == 1
    assert read(rated(7.9, "10"), min_rating=4.0) == []
    assert read(ld(PRODUCT | {"image": "/a.jpg"}), min_rating=4.0) == []


def test_a_licence_is_written_as_stated_and_otherwise_not_at_all() -> None:
    image = {"@type": "ImageObject", "url": "/a.jpg", "creator": {"name": "Ann"}, "creditText": "Ann Photo"}
    (stated,) = read(ld(PRODUCT | {"image": image | {"license": "https://creativecommons.org/licenses/by-nc/4.0/"}}))
    assert (stated.licence, stated.creator, stated.attribution) == ("CC-BY-NC-4.0", "Ann", "Ann Photo")
    (own,) = read(ld(PRODUCT | {"image": image | {"license": "/terms"}}))
    assert own.licence == own.licence_url == "https://shop.example/terms"
    (silent,) = read(ld(PRODUCT | {"image": image}))
    assert silent.licence == silent.licence_url == ""
    assert licence_name("https://creativecommons.org/publicdomain/zero/1.0/") == "CC0-1.0"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x00\xff\xd8", b'<base href="http://[bad"><p>x', b"<div>" * 5000, b"<img src=http://[x><h1>x</h1>",
        b"<h1>a</h1><img alt=a width=" + b"9" * 5000 + b" src=/a.jpg?w=\xc2\xb2&h=" + b"9" * 5000 + b">",
        b'<script type="application/ld+json">' + b"[" * 100_000, b"<p \x01a=b \x00>", b'<img =" src=/a.jpg "="">',
    ],
)  # fmt: skip
def test_no_page_however_broken_raises(body: bytes) -> None:
    reader = ProductReader(sources.Product(name="p", start=(URL,)), Scrape())
    assert isinstance(list(reader.parse(HtmlResponse(URL, body=body, encoding="utf-8"), {})), list)


def test_what_is_no_page_has_no_product() -> None:
    reader = ProductReader(sources.Product(name="p", start=(URL,)), Scrape())
    assert list(reader.parse(Response(URL, body=b"\xff\xd8\xff"), {})) == []  # type: ignore[arg-type]


def test_a_shop_begins_at_its_robots_txt_or_where_the_recipe_says() -> None:
    start = ("https://a.example", "https://a.example/maps/p.xml.gz", "https://a.example/p/1")
    pages = list(ProductReader(sources.Product(name="p", start=start), Scrape()).start())
    assert [(page.url, page.callback) for page in pages if isinstance(page, Page)] == [
        ("https://a.example/robots.txt", "parse_robots"),
        ("https://a.example/sitemap.xml", "parse_sitemap"),
        ("https://a.example/maps/p.xml.gz", "parse_sitemap"),
        ("https://a.example/p/1", "parse"),
    ]
    assert sitemap.named_in_robots("User-agent: *\r\n sitemap : /a.xml \nSITEMAP:https://b/c.xml") == [
        "/a.xml",
        "https://b/c.xml",
    ]
