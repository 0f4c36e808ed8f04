"""JSON-LD as pages write it, its references, and what a page that is no product's gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from product_pages import URL, addresses, ld, read

from spiders.pages import json_ld

RATED = '{"@type": "Product", "name": "Red bag", "image": "/a.jpg", "aggregateRating": {"ratingValue": 4.9}}'
quick = settings(derandomize=True, deadline=None, max_examples=200, database=None)


@pytest.mark.parametrize(
    "text",
    [
        f"{RATED};",
        f"// <![CDATA[\n{RATED}\n// ]]>",
        f"/*<![CDATA[*/ {RATED} /*]]>*/",
        f"<![CDATA[{RATED}]]>",
        f"<!-- {RATED} -->",
        f'{{"@type": "WebSite", "url": "https://shop.example//"}}\n{RATED}',
        f'{{"@type": "WebSite"}},{RATED}',
        f"\ufeff{RATED}",
        RATED.replace("Red bag", r"Ann\'s red bag"),
        RATED.replace("Red bag", "Red bag\\x\n\tlarge"),
        RATED.replace("}}", "},}"),
        RATED.replace('"name"', '/* its name */ "name"'),
        RATED.replace('"Product"', '"product"'),
        RATED.replace('"Product"', '"PRODUCT"'),
        RATED.replace('"Product"', '"schema:Product"'),
        RATED.replace('"', "&quot;"),
        f"{RATED}{{broken",
    ],
    ids=[
        "semicolon", "cdata", "cdata in comments", "bare cdata", "html comment", "two objects", "comma", "mark",
        "apostrophe", "escape", "trailing comma", "comment", "small", "capitals", "prefix", "quotes escaped",
         "broken end",
    ],
)  # fmt: skip
def test_a_rated_product_is_read_whatever_is_written_around_it(text: str) -> None:
    (found,) = read(ld(text), min_rating=4.5)
    assert (found.url, found.rating) == ("https://shop.example/a.jpg", 4.9)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@quick
@given(st.lists(values, min_size=1, max_size=3), st.sampled_from([";", "\n", " , ", "/* , */", "// x\n", "-->"]))
def test_every_value_of_a_script_is_read_back_whatever_stands_between(several: list[Any], between: str) -> None:
    assert json_ld.parse(between.join(map(json.dumps, [{"value": one} for one in several]))) == [
        {"value": one} for one in several
    ]


@quick
@given(st.text(st.sampled_from('{}[]",:\\/*-<>!a1 \n'), max_size=60))
def test_no_script_raises(text: str) -> None:
    assert isinstance(json_ld.parse(text), list)


PRODUCT: dict[str, Any] = {"@type": "Product", "name": "Red bag"}
IMAGE: dict[str, Any] = {
    "@type": "ImageObject",
    "@id": f"{URL}#primaryimage",
    "url": "/a.jpg",
    "creator": {"@id": "#ann"},
}
ANN = {"@id": f"{URL}#ann", "@type": "Person", "name": "Ann"}
OG = '<meta property="og:image" content="/og.jpg">'


@pytest.mark.parametrize(
    "reference", [{"@id": "#primaryimage"}, [{"@id": f"{URL}#primaryimage"}], "#primaryimage"], ids=str
)
@pytest.mark.parametrize("apart", [False, True], ids=["in one graph", "in another script"])
def test_a_reference_is_followed_through_the_graph(reference: Any, apart: bool) -> None:
    product = PRODUCT | {"image": reference}
    html = ld(product) + ld([IMAGE, ANN]) if apart else ld({"@graph": [product, IMAGE, ANN]})
    (found,) = read(OG + html)
    assert (found.url, found.creator) == ("https://shop.example/a.jpg", "Ann")


@pytest.mark.parametrize("reference", [{"@id": "#gone"}, "#gone", {"@id": f"{URL}#gone"}], ids=str)
def test_a_reference_to_nothing_is_no_picture_and_og_image_counts(reference: Any) -> None:
    assert addresses(OG + ld(PRODUCT | {"image": reference})) == ["/og.jpg"]


def test_an_id_that_is_an_address_is_one() -> None:
    assert addresses(ld(PRODUCT | {"image": {"@id": "/a.jpg"}})) == ["/a.jpg"]


@pytest.mark.parametrize(
    "rating",
    [
        ld(
            {
                "@graph": [
                    PRODUCT | {"image": "/a.jpg", "aggregateRating": {"@id": "#r"}},
                    {"@id": "#r", "ratingValue": "4,5"},
                ]
            }
        ),
        ld(PRODUCT | {"image": "/a.jpg"})
        + ld({"@type": "AggregateRating", "ratingValue": 4.5, "itemReviewed": PRODUCT}),
    ],
    ids=["by reference", "by what it rates"],
)
def test_a_rating_that_stands_apart_is_the_products(rating: str) -> None:
    assert [one.rating for one in read(rating)] == [4.5]


def test_a_rating_of_something_else_is_not() -> None:
    other = {"@type": "AggregateRating", "ratingValue": 4.5, "itemReviewed": {"@type": "Product", "name": "Blue hat"}}
    assert [one.rating for one in read(ld(PRODUCT | {"image": "/a.jpg"}) + ld(other))] == [None]


@pytest.mark.parametrize("name", ["Tom &amp; Ann&#39;s bag", "Tom &amp;amp; Ann's bag", "<b>Tom</b> &amp; Ann's  bag"])
def test_titles_creators_and_tags_have_no_entities_and_no_tags(name: str) -> None:
    image = {"@type": "ImageObject", "url": "/a.jpg", "creator": "A &amp; B", "creditText": "&copy; A"}
    (found,) = read(ld(PRODUCT | {"name": name, "image": image, "brand": "Q &amp; B", "material": "$metabrand"}))
    assert (found.title, found.creator, found.attribution) == ("Tom & Ann's bag", "A & B", "© A")
    assert found.tags == ("Q & B",)


def test_a_base_is_what_addresses_are_relative_to() -> None:
    far = f"<style>{'p{}' * 3000}</style><base href='//cdn.example/shop/'>"
    assert [one.url for one in read(far + ld(PRODUCT | {"image": "a.jpg"}))] == ["https://cdn.example/shop/a.jpg"]
    assert [one.url for one in read(far + '<meta property="og:image" content="b.jpg">')] == [
        "https://cdn.example/shop/b.jpg"
    ]
    (found,) = read(f"{far}<title>Red bag</title><h1>Red bag</h1><img alt='Red bag' src=c.jpg>")
    assert (found.url, found.page_url) == ("https://cdn.example/shop/c.jpg", URL)


def test_a_base_that_is_no_address_costs_itself() -> None:
    assert addresses(f'<base href="http://[bad">{OG}') == ["/og.jpg"]


PROSE = (
    "<article><time>today</time>"
    + "<p>{}</p>".format("A quilt is a textile of several layers. " * 9) * 8
    + "</article>"
)


@pytest.mark.parametrize(
    "html",
    [
        '<meta property="og:type" content="article">',
        '<meta property="og:type" content=" Article ">',
        '<meta property="og:type" content="video.other">',
        '<meta property="article:published_time" content="2020-01-01">',
        ld({"@type": "NewsArticle", "headline": "Quilts", "image": "/a.jpg"}),
        ld({"@graph": [{"@type": ["BlogPosting"], "image": "/a.jpg"}]}),
        '<div itemscope itemtype="http://schema.org/Article"><img itemprop=image src=/a.jpg></div>',
        PROSE,
    ],
    ids=["og", "og blanks", "og video", "published", "news", "blog", "microdata", "prose"],
)
def test_a_page_for_reading_gives_no_picture(html: str) -> None:
    own = "<h1>Quilts</h1><img alt=Quilts src=/b.jpg width=900>"
    assert addresses(f"<title>Quilts</title>{OG}{html}{own}") == []
    shop = '<form action="/cart/add"><button>Buy</button></form>'
    assert addresses(f"<title>Quilts</title>{OG}{html}{own}{shop}") == ["/og.jpg"]
    product = ld({"@type": "Product", "name": "Quilt", "image": "/q.jpg"})
    assert addresses(f"<title>Quilts</title>{OG}{html}{own}{product}") == ["/q.jpg"]


@pytest.mark.parametrize(
    "still",
    [
        '<img itemprop="image" src="https://img.youtube.com/vi/dQw4w9WgXcQ/hqdefault.jpg">',
        '<img itemprop="image" src="https://i.vimeocdn.com/video/1_640.jpg">',
        '<a href="https://www.youtube.com/watch?v=1"><img itemprop="image" src="/film.jpg"></a>',
        '<div itemprop=video itemscope itemtype="http://schema.org/VideoObject"><img itemprop=image src=/f.jpg></div>',
        '<img itemprop="image" src="/media/video-thumb-1.jpg">',
    ],
    ids=["youtube", "vimeo", "link", "video object", "name"],
)
def test_the_still_of_a_film_is_no_picture_of_a_product(still: str) -> None:
    html = '<div itemscope itemtype="http://schema.org/Product"><h1 itemprop=name>Red bag</h1>{}</div>'
    assert addresses(html.format(f"{still}<img itemprop=image src=/a.jpg>")) == ["/a.jpg"]


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ("<link rel=image_src href=/a.jpg>", "/a.jpg"),
        ("<meta name=twitter:image content=/a.jpg>", "/a.jpg"),
        ("<link rel=image_src href=/p/1_1200_A.jpg>" + ld(PRODUCT | {"image": "/p/1_500_A.jpg"}), "/p/1_1200_A.jpg"),
        ("<meta property=og:image content=/img-1100/3/1.png>" + ld(PRODUCT | {"image": "/img-large/3/1.png"}),
         "/img-1100/3/1.png"),
        ("<img src=/s/1.jpg data-hdimage-source=/hd/2.jpg>" + ld(PRODUCT | {"image": "/s/1.jpg"}), "/hd/2.jpg"),
        ("<a href=/r/2000x2000/1.jpg><img src=/r/90x90/1.jpg></a>" + ld(PRODUCT | {"image": "/r/90x90/1.jpg"}),
         "/r/2000x2000/1.jpg"),
        (ld(PRODUCT | {"image": "/a.jpg?width=512"}) + "<img src=/a.jpg>", "/a.jpg"),
        (ld(PRODUCT | {"image": "/a.jpg?w=90"}) +
         """<div data-x='["https:\\/\\/shop.example\\/a.jpg?w=900"]'></div>""", "/a.jpg?w=900"),
    ],
    ids=["image_src", "twitter", "number", "folder", "zoom", "link", "whole", "json attribute"],
)  # fmt: skip
def test_the_largest_version_that_the_page_names_is_taken(html: str, address: str) -> None:
    assert addresses(html) == [address]


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Red bag | eBay</title><h1><span>Details about </span>Red bag</h1>", "Red bag"),
        ("<title>Red leather bag Victoria</title><h1><b>\uf004 Log In needed</b> $15 · Red leather bag</h1>",
         "Red leather bag"),
        ("<title>Red bag (large)</title><h1>Red bag (large) Код: 01245</h1>", "Red bag (large)"),
        ("<title>Lina de Lima Streaming</title><h1>Lina de Lima</h1><h2>Streaming desde las 20</h2>", "Lina de Lima"),
        ("<title>A shop</title><h1>All goods</h1><h1>Red bág 12345</h1>", "Red bág 12345"),
        ("<meta property=og:site_name content=Shop><title>Red bag - Shop</title>", "Red bag"),
        ("<meta property=og:site_name content=Shop><title>Shop | Red - bag</title>", "Red - bag"),
        ("<title>Tom &amp;amp; Ann</title>", "Tom & Ann"),
    ],
    ids=["details about", "login", "code", "h1", "address", "site", "site first", "escaped twice"],
)  # fmt: skip
def test_a_title_is_the_products_name_without_what_the_site_says_around_it(html: str, title: str) -> None:
    assert [one.title for one in read(html + OG)] == [title]
