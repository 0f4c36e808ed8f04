"""Selectors as Scrapy has them, and which words of a list page belong to which of its items."""

import time

import pytest
from scrapy.http import HtmlResponse

from scrapbag.errors import RecipeError
from scrapbag.recipe import Scrape
from scrapbag.sources import Gallery
from spiders.readers.gallery import GalleryReader

URL = "https://shop.example/list"


def read(html, callback="parse", **values):
    source = Gallery(**{"name": "shop", "start": (URL,), "image": "img", **values})
    response = HtmlResponse(URL, body=html.encode(), encoding="utf-8")
    return list(getattr(GalleryReader(source, Scrape()), callback)(response, {}))


ITEM = """<h1>\n <b>New</b> Log cabin</h1><p class=tags><a>red</a><a title=b>blue</a></p>
<i class=stars title="4.5 of 5">x</i><img src=a.jpg srcset="a.jpg 1x, b.jpg 2x" data-big="/c.jpg">"""


@pytest.mark.parametrize(
    ("selector", "address"),
    [
        ("img", "/c.jpg"),
        ("img::attr(src)", "/a.jpg"),
        ('img::attr("srcset")', "/b.jpg"),
        ("img::attr(data-big)", "/c.jpg"),
        ("video::attr(poster), img::attr(src)", "/a.jpg"),
        ("video, img::attr(src)", "/a.jpg"),
        ("img::attr(data-gone), img", "/c.jpg"),
    ],
)
def test_a_picture_is_the_element_or_the_attribute_that_is_asked_for(selector, address):
    assert [one.url for one in read(ITEM, "item", image=selector)] == [f"https://shop.example{address}"]


@pytest.mark.parametrize(
    ("values", "title", "tags", "rating"),
    [
        ({"title": "h1", "tag": ".tags a", "rating": ".stars"}, "New Log cabin", ("red", "blue"), 4.5),
        ({"title": "h1::text", "tag": ".tags a::text"}, "Log cabin", ("red", "blue"), None),
        ({"title": "h1 *::text", "tag": ".tags a::attr(title)", "rating": ".stars::attr(title)"}, "New", ("b",), 4.5),
        ({"title": "h2::text, h1 b::text"}, "New", (), None),
    ],
    ids=["elements", "texts", "attributes", "first of two"],
)
def test_title_tags_and_rating_may_be_texts_and_attributes(values, title, tags, rating):
    (found,) = read(ITEM, "item", **values)
    assert (found.title, found.tags, found.rating) == (title, tags, rating)


@pytest.mark.parametrize("item", ["a.item", "a.item::attr(href)", "li.card", "a.item b"])
@pytest.mark.parametrize("follow", ["a.next", "a.next::attr(href)", "li.next"])
def test_links_may_be_attributes_and_elements_around_or_inside_a_link(item, follow):
    html = "<li class=card><a class=item href=/1><b>x</b></a></li><li class=next><a class=next href=?p=2>more</a></li>"
    assert [page.url for page in read(html, item=item, next=follow)] == ["https://shop.example/1", f"{URL}?p=2"]


@pytest.mark.parametrize("key", ["image", "item", "next", "title", "tag", "rating"])
@pytest.mark.parametrize(
    "selector",
    ["img:::x", "//img/@src", "img::before", "a::attr()", "a::attr(a, b)", "a[", "li:nth-child(x)", "a:hoover"],
)
def test_what_is_no_selector_of_scrapys_is_one_sentence_before_any_work(key, selector):
    values = {"image": "img", key: selector}
    with pytest.raises(RecipeError, match=rf"'shop' {key} is .*which is no CSS selector: ") as caught:
        GalleryReader(Gallery(name="shop", start=(URL,), **values), Scrape())
    assert "\n" not in str(caught.value)


def test_the_browsers_actions_know_no_pseudo_elements_of_scrapys():
    source = Gallery(name="shop", start=(URL,), image="img", browser=True, actions=(["click", "a.more::attr(href)"],))
    with pytest.raises(RecipeError, match=r"'shop' actions has 'a.more::attr\(href\)': the browser knows no ::text"):
        GalleryReader(source, Scrape())


def test_one_odd_element_costs_itself():
    odd = '<img src="http://[x/"><img srcset="/a.jpg 1.2.3x"><img data-src=/b.jpg data-aspectratio=x><img =" "="">'
    html = f"{odd}<img src=/c.jpg>"
    assert [one.url[-6:] for one in read(html)] == ["/a.jpg", "/b.jpg", "/c.jpg"]


def test_a_base_far_down_is_what_addresses_are_relative_to():
    html = f"<style>{'p{}' * 3000}</style><base href=/shop/><img src=a.jpg><a class=next href=2>more</a>"
    assert [one.url for one in read(html, next="a.next")] == [
        "https://shop.example/shop/a.jpg",
        "https://shop.example/shop/2",
    ]


STARS = "<i class=stars>{} of 5</i>"
TILES = {
    "badge": ("<ul>{}</ul>", "<li><img src=/{0}.jpg><img src=/badge{0}.png>{1}</li>", 2),
    "second view": (
        "<div>{}</div>",
        "<div class='card n{0}'><a href=/i{0}><img src=/{0}.jpg></a><a href=/i{0}><img src=/v.jpg></a>{1}</div>",
        2,
    ),
    "two parts": (
        "<div>{}</div>",
        "<div class=tile><p class=photo><img src=/{0}.jpg></p><p class=info><img src=/b.png>{1}</p></div>",
        2,
    ),
    "rows": ("<table>{}</table>", "<tr><td><img src=/{0}.jpg><td>{1}</tr>", 1),
    "odd and even": ("<div>{}</div>", "<div class='tile {2}'><img src=/{0}.jpg><p>{1}</p></div>", 1),
}  # fmt: skip


@pytest.mark.parametrize(("around", "tile", "images"), TILES.values(), ids=TILES)
def test_every_picture_of_a_tile_has_the_words_of_its_tile_and_of_no_other(around, tile, images):
    said = [3, None, 5, 4, None]
    parts = (
        tile.format(number, "" if score is None else STARS.format(score), ("odd", "even")[number % 2])
        for number, score in enumerate(said)
    )
    found = read(f"<b class=stars>1 of 5</b>{around.format(''.join(parts))}", rating=".stars")
    assert [one.rating for one in found] == [score for score in said for _ in range(images)]


def test_a_single_item_with_a_badge_keeps_its_rating():
    html = f"<ul><li><img src=a.jpg><img src=b.png>{STARS.format(4)}</ul>"
    assert [one.rating for one in read(html, rating=".stars")] == [4, 4]


def test_what_stands_around_all_items_is_nobodys():
    html = f"<main><h1>All quilts</h1>{STARS.format(4)}<img src=/a.jpg alt=A><img src=/b.jpg alt=B></main>"
    assert [(one.title, one.rating) for one in read(html, title="h1", rating=".stars")] == [("A", None), ("B", None)]


def test_a_list_page_is_read_in_time_linear_in_its_tiles():
    """4,000 tiles with title and tag took 16.5 s, now 1.1 s: here the ratio, which no load moves."""

    def seconds(count):
        tiles = "".join(
            f'<li class=tile><a href="/i/{n}"><img src="/t/{n}.jpg"></a><h3>Quilt {n}</h3><p class=tag>red</p></li>'
            for n in range(count)
        )
        began = time.process_time()
        found = read(f"<ul>{tiles}</ul>", title="h3", tag=".tag")
        assert [(one.title, one.tags) for one in found] == [(f"Quilt {n}", ("red",)) for n in range(count)]
        return time.process_time() - began

    seconds(100)
    turns = [(seconds(1000), seconds(4000)) for _ in range(3)]
    few, many = map(min, zip(*turns, strict=True))
    assert many < 9 * few
