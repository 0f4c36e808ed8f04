"""A site read by the selectors of a recipe, and what an element of a page says."""

import pytest
from parsel import Selector
from scrapy.http import HtmlResponse

from scrapbag.crawl.frontier import Page, Picture, Thing
from scrapbag.recipe import Scrape
from scrapbag.sources import KINDS, Gallery
from spiders.pages import markup, ratings
from spiders.readers.base import absolute, fill
from spiders.readers.gallery import GalleryReader
from spiders.readers.kinds import READERS, reader


def read(html, callback="parse", meta=None, url="https://shop.example/list", **values):
    source = Gallery(**{"name": "shop", "start": (url,), "image": "img", **values})
    response = HtmlResponse(url, body=html.encode(), encoding="utf-8")
    found = getattr(GalleryReader(source, Scrape()), callback)(response, meta or {})
    return [one for one in found if not isinstance(one, Thing)]


def element(html, css="body > *"):
    return Selector(html).css(css)[0]


def test_a_list_gives_its_items_and_the_next_list():
    html = '<a class="item" href="/i/1">one</a><a class="item" href="i/2#x">two</a><a class="next" href="?p=2">more</a>'
    assert read(html, item="a.item", next="a.next") == [
        Page("https://shop.example/i/1", callback="item", once=True),
        Page("https://shop.example/i/2", callback="item", once=True),
        Page("https://shop.example/list?p=2", follows=True),
    ]


def test_without_items_the_pictures_are_taken_from_the_list():
    found = read('<img src="a.jpg" alt="A quilt"><img src="b.jpg">')
    assert [(one.url, one.title) for one in found] == [
        ("https://shop.example/a.jpg", "A quilt"),
        ("https://shop.example/b.jpg", ""),
    ]


def test_an_item_has_a_title_tags_and_a_rating_and_all_its_pictures():
    html = (
        '<h1> Log  cabin </h1><p class="tags"><a>red</a><a>blue</a><a>red</a></p><i class="stars">4.5 out of 5</i>'
        '<div class="gallery"><img src="1.jpg"><img src="2.jpg"></div><img src="logo.png">'
    )
    found = read(html, "item", image=".gallery img", title="h1", tag=".tags a", rating=".stars")
    assert [one.url[-5:] for one in found] == ["1.jpg", "2.jpg"]
    assert {(one.title, one.tags, one.rating) for one in found} == {("Log cabin", ("red", "blue"), 4.5)}


def card(number, stars):
    rating = f'<span class="stars">{stars} out of 5</span>' if stars else ""
    return f'<article><a class="item" href="/i/{number}">x</a><h2>t{number}</h2><div>{rating}</div></article>'


def test_a_list_that_shows_ratings_is_filtered_there_and_a_silent_one_on_the_items_page():
    html = "".join([card(1, "4.7"), card(2, "3.9"), card(3, None), card(4, "4.0")])
    found = read(f"<main>{html}</main>", item="a.item", rating=".stars", min_rating=4.0)
    assert [(page.url[-1], page.meta) for page in found] == [("1", {"rating": 4.7}), ("3", {}), ("4", {"rating": 4.0})]


@pytest.mark.parametrize(
    ("html", "meta", "kept"),
    [
        ('<b class="stars">4.2/5</b>', {}, True),
        ('<b class="stars">3.2/5</b>', {}, False),
        ('<b class="stars">3.2/5</b>', {"rating": 4.9}, True),
        ("", {"rating": 4.9}, True),
        ("", {}, False),
    ],
    ids=["good here", "bad here", "bad here, good on the list", "good on the list", "rated nowhere"],
)
def test_an_item_below_the_rating_gives_no_pictures(html, meta, kept):
    found = read(f'{html}<img src="a.jpg">', "item", meta, rating=".stars", min_rating=4.0)
    assert bool(found) is kept


OWN = '<main><h1>Log cabin</h1>{}<div class="gallery"><img src="1.jpg"></div></main>'
FIVE = '<b class="stars">5/5</b>'
OTHERS = {
    "by its links": f'<section><h2>More</h2><div><a class="item" href="/i/9">x</a>{FIVE}</div></section>',
    "by its class": f'<section class="you-may-also-like"><div>{FIVE}</div></section>',
    "by its tag": f"<aside>{FIVE}</aside>",
}
KEYS = {"item": "a.item", "image": ".gallery img", "title": "h1", "rating": ".stars"}


@pytest.mark.parametrize("offer", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(("stars", "rating"), [('<b class="stars">2/5</b>', 2.0), ("", None)], ids=["rated", "unrated"])
@pytest.mark.parametrize("first", [True, False], ids=["offer first", "offer last"])
def test_stars_of_what_one_may_also_like_are_not_the_items(offer, stars, rating, first):
    own = OWN.format(stars)
    html = offer + own if first else own + offer
    assert [one.rating for one in read(html, "item", url="https://shop.example/i/1", **KEYS)] == [rating]


def test_of_unnamed_blocks_the_one_around_the_title_is_the_items():
    html = f"<div>{FIVE}</div>{OWN.format('<b class=stars>2/5</b>')}"
    assert [one.rating for one in read(html, "item", **KEYS)] == [2.0]


def tallied(*pages, **values):
    """What a reader says after list pages and item pages, each (callback, html)."""
    source = Gallery(**{"name": "shop", "start": ("https://shop.example/list",), "image": "img", **values})
    one = GalleryReader(source, Scrape())
    for number, (callback, html) in enumerate(pages):
        response = HtmlResponse(f"https://shop.example/{callback}{number}", body=html.encode(), encoding="utf-8")
        list(getattr(one, callback)(response, {}))
    return one.said()


def test_a_selector_that_matched_nothing_is_named_with_the_page_and_what_helps_where_scripts_fill_it():
    [said] = tallied(("parse", "<script>fill()</script><main></main>"), item="a.item")
    assert said.startswith("source 'shop': item = 'a.item' matched nothing, as on https://shop.example/parse0.")
    assert "browser = true" in said
    assert "browser" not in tallied(("parse", "<main></main>"), item="a.item")[0]
    assert "then write" not in tallied(("parse", "<script></script>"), item="a.item", browser=True)[0]
    pages = [("parse", '<a class="item" href="/i">x</a>'), ("item", "<p>no picture</p>"), ("parse", "<p>the end</p>")]
    [said] = tallied(*pages, item="a.item")
    assert "image = 'img' matched nothing, as on https://shop.example/item1" in said


def test_what_min_rating_passed_over_is_counted():
    html = "".join([card(1, "4.7"), card(2, "3.9"), card(3, "2.0")])
    item = '<b class="stars">3.2/5</b><img src="a.jpg">'
    said = tallied(("parse", f"<main>{html}</main>"), ("item", item), item="a.item", rating=".stars", min_rating=4.0)
    assert said == ["source 'shop': min_rating = 4 passed over 3 that have less or no rating"]


def test_on_a_list_of_pictures_each_has_the_words_of_its_own_card():
    cards = "".join(
        f'<li><img src="{n}.jpg"><h3>title {n}</h3><i class="stars">{n} out of 5</i></li>' for n in (3, 4, 5)
    )
    found = read(f"<ul>{cards}</ul>", title="h3", rating=".stars", min_rating=4.0)
    assert [(one.url[-5:], one.title, one.rating) for one in found] == [
        ("4.jpg", "title 4", 4),
        ("5.jpg", "title 5", 5),
    ]


def test_a_thumbnails_address_becomes_the_full_pictures():
    found = read('<img src="/t/150x150/a.jpg">', full=(r"/t/\d+x\d+/", "/full/"))
    assert found[0].url == "https://shop.example/full/a.jpg"


def test_a_page_that_needs_a_browser_says_so_and_carries_its_actions():
    source = Gallery(name="s", start=("https://x.example/",), image="img", browser=True, actions=(["click", "b"],))
    assert GalleryReader(source, Scrape()).start() == [
        Page("https://x.example/", browser=True, actions=(["click", "b"],))
    ]


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('<img src="a.jpg">', "a.jpg"),
        ('<img src="s.jpg" srcset="m.jpg 640w, l.jpg 1280w, s.jpg 320w">', "l.jpg"),
        ('<img src="s.jpg" srcset="a,b.jpg 1x, c,d.jpg 2x">', "c,d.jpg"),
        ('<img src="data:image/gif;base64,R0" data-src="real.jpg">', "real.jpg"),
        ('<img src="spin.gif" data-lazy-src="real.jpg">', "real.jpg"),
        ("""<img src="s.jpg" data-a-dynamic-image='{"m.jpg":[300,300],"l.jpg":[900,900]}'>""", "l.jpg"),
        ('<picture><source srcset="w.webp 800w, x.webp 1600w"><img src="s.jpg"></picture>', "x.webp"),
        ('<a href="full.JPG?v=1"><img src="s.jpg"></a>', "full.JPG?v=1"),
        ('<a href="/item"><img src="s.jpg"></a>', "s.jpg"),
        ("<div style=\"background-image: url('b.jpg')\"></div>", "b.jpg"),
        ('<img alt="nothing">', ""),
    ],
)
def test_the_largest_picture_that_an_element_names_is_taken(html, address):
    assert markup.picture(element(html, "img" if "<picture" in html else "body > *")) == address


@pytest.mark.parametrize(
    ("html", "rating"),
    [
        ("<i>4.5 out of 5 stars</i>", 4.5),
        ("<i>4,5 von 5 Sternen</i>", 4.5),
        ("<i>Rated 9/10</i>", 4.5),
        ('<i aria-label="3.5 of 5"></i>', 3.5),
        ('<i title="Rating: 80%"></i>', 4.0),
        ('<i><b style="width: 90%"></b></i>', 4.5),
        ('<i class="a-icon a-star-4-5"></i>', 4.5),
        ('<i class="star-rating Three"></i>', 3.0),
        ('<i class="stars-4"></i>', 4.0),
        ('<meta content="4.2">', 4.2),
        ("<i>4.6</i>", 4.6),
        ("<i>4.6 (1,234)</i>", 4.6),
        ("<i>4 reviews</i>", None),
        ("<i>★★★★☆</i>", 4.0),
        ("<i>1,234 reviews</i>", None),
        ("<i>11 out of 5</i>", None),
        ("<i>new</i>", None),
    ],
)
def test_a_rating_is_one_of_five_however_it_is_shown(html, rating):
    assert ratings.shown(element(html, "i, meta").root) == rating


@pytest.mark.parametrize(
    "address", ["javascript:void(0)", "mailto:a@b.c", "data:image/png;base64,R0", "", None, "http://[x/"]
)
def test_what_cannot_be_asked_is_no_address(address):
    assert absolute(HtmlResponse("https://x.example/"), address) == ""


def test_the_recipe_speaks_where_the_site_is_silent_and_not_where_it_is_not():
    source = Gallery(name="s", start=("x",), image="i", licence="CC0-1.0", creator="me", tags=("quilt",))
    silent, said = Picture("u", "p"), Picture("u", "p", licence="CC-BY-4.0", creator="Ann", tags=("bag",))
    filled = [fill(one, source) for one in (silent, said)]
    assert [(one.licence, one.creator, one.tags) for one in filled] == [
        ("CC0-1.0", "me", ("quilt",)),
        ("CC-BY-4.0", "Ann", ("bag",)),
    ]
    assert fill(silent, Gallery(name="s", start=("x",), image="i")).licence == "unknown"


def test_every_kind_of_source_has_a_reader():
    assert set(READERS) == set(KINDS)
    source = Gallery(name="s", start=("x",), image="i")
    assert isinstance(reader(source, Scrape()), GalleryReader)
