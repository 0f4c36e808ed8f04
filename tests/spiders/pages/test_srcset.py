"""The picture that an element names, whatever the loader, the zoom or the theme that wrote it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsel import Selector

from spiders.pages import markup, sizes, srcset

quick = settings(derandomize=True, deadline=None, max_examples=200, database=None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/a.jpg 150w 200h, /b.jpg 300w 400h", "/b.jpg"),
        ("/a.jpg 320px, /b.jpg 640px", "/b.jpg"),
        ("/a.jpg 320w., /b.jpg 200w", "/b.jpg"),
        ("/a.jpg 1.2.3x, /b.jpg 1.5x, /c.jpg", "/b.jpg"),
        ("a,b.jpg 1x, c,d.jpg 2x", "c,d.jpg"),
        ("/a.jpg, /b.jpg 2x", "/b.jpg"),
        (" ,, /a.jpg  640w\t,\n/b.jpg 320w,", "/a.jpg"),
        ("data:image/gif;base64,R0lG 1w, /b.jpg 2w", "/b.jpg"),
        ("/a.jpg (x, y) 9w, /b.jpg", "/b.jpg"),
        ("/a.jpg 2e2x, /b.jpg 3x", "/a.jpg"),
        ("/a.jpg 0w, /b.jpg 1w", "/b.jpg"),
        ("/a.jpg 100w", "/a.jpg"),
        ("", ""),
        (" , ", ""),
    ],
)
def test_the_largest_candidate_of_a_srcset_is_told_by_the_standards_grammar(text, address):
    assert markup.largest(text) == address


addresses = st.text(st.sampled_from("ab/.,()-"), min_size=1, max_size=12).filter(
    lambda one: not one.startswith(",") and not one.endswith(",")
)


@quick
@given(
    st.lists(st.tuples(addresses, st.integers(1, 9999)), min_size=1, max_size=6, unique_by=lambda one: one[1]),
    st.sampled_from([", ", " ,", "\n,\n", " , ,"]),
    st.sampled_from(["", " 7h", " (a, b)"]),
)
def test_what_is_written_by_the_grammar_is_read_back(named, comma, more):
    written = comma.join(f"{address} {width}w{more}" for address, width in named)
    assert [(one.address, one.width) for one in srcset.parse(written)] == named
    assert markup.largest(written) == max(named, key=lambda one: one[1])[0]


@quick
@given(st.text(st.sampled_from("ab,() .\t123wxhe-+"), max_size=40))
def test_no_srcset_raises_and_every_candidate_stands_in_it(text):
    assert all(one.address in text for one in srcset.parse(text))


@pytest.mark.parametrize(
    ("media", "holds"),
    [
        ("(max-width: 600px)", False),
        ("(min-width: 600px)", True),
        ("screen and (min-width:600px)", True),
        ("(min-width: 100px) and (max-width: 900px)", False),
        ("(max-width: 600px), (min-width: 1200px)", True),
        ("not (max-width: 600px)", True),
        ("not all and (min-width: 600px)", False),
        ("print", False),
        ("all", True),
        ("(orientation: portrait)", False),
        ("(prefers-color-scheme: dark)", False),
        ("(-webkit-min-device-pixel-ratio: 2)", True),
        ("(width >= 600px)", True),
        ("(600px <= width)", True),
        ("(width < 600px)", False),
        ("(400px <= width <= 700px)", False),
        ("", True),
    ],
)
def test_a_media_query_is_asked_of_the_widest_screen(media, holds):
    assert srcset.fits(media) is holds


ELEMENTS = {
    "template": ('<img data-src="//c.example/a_{width}x.jpg" data-widths="[180,360,1080]">', "//c.example/a_1080x.jpg"),
    "escaped template": ('<img data-src="/a_%7Bwidth%7Dx.jpg" data-widths="180, 720">', "/a_720x.jpg"),
    "template of both": ('<img data-src="/a-{width}x{height}.jpg" data-widths="[400]" data-aspectratio=2>',
     "/a-400x200.jpg"),
    "jxl first": ('<picture><source type="image/jxl" srcset=/a.jxl><img src=/a.jpg></picture>', "/a.jpg"),
    "heic first": ('<picture><source type="image/heic" srcset="/a.heic 9w"><img src=/a.jpg></picture>', "/a.jpg"),
    "svg first": ('<picture><source type="image/svg+xml" srcset=/a.svg><img src=/a.jpg></picture>', "/a.jpg"),
    "webp": ('<picture><source type="IMAGE/WebP" srcset="/a.webp 9w"><img src=/a.jpg></picture>', "/a.webp"),
    "phone": ('<picture><source media="(max-width: 600px)" srcset=/p.jpg><img src=/a.jpg></picture>', "/a.jpg"),
    "desk": (
        "<picture><source media='(max-width: 6px)' srcset='/p.jpg 9w'><source media='(width>7px)' srcset=/d.jpg><img>",
        "/d.jpg",
    ),
    "desk without img": (
        "<picture><source media='(max-width: 6px)' srcset='/p.jpg 9w'><source media='(min-width: 7px)' srcset=/d.jpg>",
        "/d.jpg",
    ),
    "no src": ('<picture><source media="(max-width: 9px)" srcset=/p.jpg><img alt=x></picture>', "/p.jpg"),
    "data-bg": ("<div data-bg=/a.jpg></div>", "/a.jpg"),
    "data-bg url": ("<div data-bg=\"url('/a.jpg')\"></div>", "/a.jpg"),
    "data-bgset": ('<div data-bgset="/a.jpg 300w, /b.jpg 600w | /c.jpg [(max-width: 9px)]"></div>', "/b.jpg"),
    "data-background-image": ('<section data-background-image="/a.jpg"></section>', "/a.jpg"),
    "div data-src": ('<div class=it data-src="/a.jpg"><img src=/t.jpg></div>', "/a.jpg"),
    "a data-image": ('<a href="/item" data-image="/a.jpg">x</a>', "/a.jpg"),
    "amp-img": ('<amp-img src=/a.jpg srcset="/a.jpg 300w, /b.jpg 900w"></amp-img>', "/b.jpg"),
    "poster": ("<video poster=/a.jpg src=/film.mp4></video>", "/a.jpg"),
    "data-lazyload": ('<img src=/blank.gif data-lazyload="/a.jpg">', "/a.jpg"),
    "data-echo": ('<img src=/blank.gif data-echo="/a.jpg">', "/a.jpg"),
    "data-ll-src": ('<img src=/blank.gif data-ll-src="/a.jpg">', "/a.jpg"),
    "nitro-lazy-src": ('<img src="data:image/svg+xml;x" nitro-lazy-src="/a.jpg">', "/a.jpg"),
    "noscript": ('<div><img src="data:image/gif;base64,R0"><noscript><img src=/a.jpg></noscript></div>', "/a.jpg"),
    "orig file": ("<img src=/a-3x2.jpg data-medium-file=/m.jpg data-big=/b.jpg data-orig-file=/a.jpg>", "/a.jpg"),
    "hi-res": ("<img src=/s.jpg data-hi-res-src=/l.jpg>", "/l.jpg"),
    "flag": ('<img src=/s.jpg data-zoom=true data-large=1 data-image-id="9/3">', "/s.jpg"),
    "thumb": ("<img src=/l.jpg data-thumb=/t.jpg data-lowsrc=/t.jpg data-placeholder-src=/p.jpg>", "/l.jpg"),
    "hover": ("<img src=/l.jpg data-hover-src=/t.jpg data-mobile-src=/t.jpg data-alt-image=/p.jpg>", "/l.jpg"),
    "parentheses": ("<div style=\"background:url('/e (1).jpg')\"></div>", "/e (1).jpg"),
    "bare parentheses": ("<div style='background: #fff url(/e (1).jpg) no-repeat; color: red'></div>", "/e (1).jpg"),
    "escaped parentheses": (r"<div style='background:url(/e\(1\).jpg)'></div>", "/e(1).jpg"),
    "layers": ("<div style='background:linear-gradient(red,blue),url(data:x),url(/a.jpg)'></div>", "/a.jpg"),
    "link": ('<a href="fan.jpg"><img src="fan.jpg?width=450"></a>', "fan.jpg"),
    "link itself": ('<a class=it href="fan.jpg"><img src="fan.jpg?width=450"></a>', "fan.jpg"),
    "picture itself": ("<picture class=it><source type=image/jxl srcset=/a.jxl><img src=/a.jpg></picture>", "/a.jpg"),
    "tile": ('<li class=it><span style="color:red"></span><i><img data-src=/a.jpg></i><img src=/b.jpg></li>', "/a.jpg"),
    "link smaller": ('<a href="/a-1024x683.jpg"><img src=/a-300x200.jpg srcset="/a-2048x1366.jpg 2048w"></a>',
     "/a-2048x1366.jpg"),
    "link of two": ('<a href="/x.jpg"><img src=/a.jpg><img src=/b.jpg></a>', "/a.jpg"),
}  # fmt: skip


@pytest.mark.parametrize(("html", "address"), ELEMENTS.values(), ids=ELEMENTS)
def test_the_largest_version_that_an_element_names_wins(html, address):
    page = Selector(html)
    element = page.css(".it") or page.css("img, amp-img, video") or page.css("body > *")
    assert markup.picture(element[0]) == address


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("/a-w50-h60.jpg", "/a-w500-h600.jpg"),
        ("/img/380/374/a.png", "/img/1024/1024/a.png"),
        ("/a-300x200.jpg", "/a.jpg"),
        ("/a.jpg?width=450", "/a.jpg"),
        ("/a.jpg?resize=300%2C200", "/a.jpg?resize=600%2C400"),
        ("/a=w50-h60-no", "/a=w500-h600-no"),
        ("/s72-c/a.jpg", "/s1600/a.jpg"),
        ("/w_300,h_200/a.jpg", "/w_900,h_600/a.jpg"),
        ("/thumbs/a.jpg", "/original/a.jpg"),
        ("/is/image/S/1?$pdp-320$", "/is/image/S/1?$pdp-1440$"),
        ("/is/image/S/1", "/is/image/S/1?wid=900"),
    ],
)
def test_an_address_tells_that_it_is_the_same_picture_larger(small, large):
    assert sizes.largest(small, [large]) == large
    assert sizes.largest(large, [small]) == large


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/2020/05/a.jpg", "/2021/12/a.jpg"),
        ("/45/67/a.jpg", "/45/89/a.jpg"),
        ("/000/123/456/a.jpg", "/000/123/789/a.jpg"),
        ("/p/380/1.jpg", "/p/900/1.jpg"),
        ("/x.php?id=1&w=90", "/x.php?id=2&w=900"),
    ],
)
def test_numbers_that_are_no_sizes_tell_pictures_apart(one, other):
    assert sizes.largest(one, [other]) == one
