"""Opt-outs and robots.txt, in every spelling that servers and pages have for them."""

import pytest
from scrapy import Request
from scrapy.http import Headers, HtmlResponse, Response
from servers import Answer, Site, crawl, picture, recipe, serving, urls

from pipelines.guards.failures import RefusedError
from pipelines.guards.opt_outs import OptOut, opted_out
from pipelines.guards.robots import rules_for

URL = "https://x.example/"


@pytest.mark.parametrize(
    ("headers", "page", "picture"),
    [
        ({}, False, False),
        ({"X-Robots-Tag": "noai"}, True, True),
        ({"X-Robots-Tag": "NOAI , noimageai"}, True, True),
        ({"X-Robots-Tag": "nofollow; noai"}, True, True),
        ({"X-Robots-Tag": "noindex"}, False, True),
        ({"X-Robots-Tag": "none"}, False, True),
        ({"X-Robots-Tag": "nofollow, noarchive"}, False, False),
        ({"X-Robots-Tag": "max-image-preview: none, noai"}, True, True),
        ({"X-Robots-Tag": "max-snippet: 20, max-video-preview: -1, noai"}, True, True),
        ({"X-Robots-Tag": "googlebot: noai"}, False, False),
        ({"X-Robots-Tag": "googlebot: noindex, noai"}, False, False),
        ({"X-Robots-Tag": "googlebot/2.1: noindex nofollow, noai"}, False, False),
        ({"X-Robots-Tag": "googlebot: unavailable_after: 25 Jun 2010 15:00:00 PST, noai"}, False, False),
        ({"X-Robots-Tag": ["googlebot: noindex", "noai"]}, True, True),
        ({"X-Robots-Tag": "googlebot: noindex, *: noai"}, True, True),
        ({"X-Robots-Tag": "scrapbag: noai"}, True, True),
        ({"X-Robots-Tag": "ScrapBag/1.0 : NoAI"}, True, True),
        ({"X-Robots-Tag": "scrap: noai"}, False, False),
        ({"X-Robots-Tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"}, True, True),
        ({"X-Robots-Tag": "unavailable_after: Fri, 25 Jun 2010 15:00:00 PST, noai"}, True, True),
        ({"X-Robots-Tag": "unavailable_after: Friday, 25-Jun-10 15:00:00 PST, noai"}, True, True),
        ({"X-Robots-Tag": "unavailable_after: 2010-06-25T15:00:00+00:00, noai"}, True, True),
        ({"X-Robots-Tag": "unavailable_after: Fri, 25 Jun 2010 15:00:00 PST, googlebot: noai"}, False, False),
        ({"tdm-reservation": " 1"}, True, True),
        ({"tdm-reservation": "0"}, False, False),
    ],
    ids=str,
)
def test_an_opt_out_in_a_header_is_read_as_it_is_meant(headers, page, picture):
    assert opted_out(Headers(headers), "page") is page
    assert opted_out(Headers(headers), "picture") is picture


def refused(response, kind="page"):
    try:
        OptOut().process_response(Request(URL, meta={"kind": kind}), response)
    except RefusedError as error:
        return error.reason == "opt_out" and error.skipped
    return False


@pytest.mark.parametrize(
    ("html", "refuses"),
    [
        ('<META NAME="ROBOTS" CONTENT="NOAI">', True),
        ("<meta content='nofollow,noimageai' name=Robots>", True),
        ('<meta name="robots" content="noai noimageai">', True),
        ('<meta name=" scrapbag " content="noai">', True),
        ('<meta http-equiv="X-Robots-Tag" content="noai">', True),
        ('<meta name="tdm-reservation" content="1">', True),
        (f'<style>{"p{}" * 40_000}</style><meta name="robots" content="noai">', True),
        (f'<body>{"<p>x</p>" * 20_000}<meta name="robots" content="noai">', True),
        ('<base href="http://[bad"><meta name="robots" content="noai">', True),
        ('<meta name="robots" content="noindex">', False),
        ('<meta name="googlebot" content="noai">', False),
        ('<!-- <meta name="robots" content="noai"> -->', False),
        ("<p>Our robots say noai</p>", False),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else value,
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_an_opt_out_in_a_page_is_read_in_any_spelling_and_encoding(html, refuses, encoding):
    headers = {"Content-Type": f"text/html; charset={encoding}"}
    assert refused(HtmlResponse(URL, body=html.encode(encoding), headers=headers)) is refuses


def test_the_encoding_may_be_told_by_the_byte_order_mark_alone():
    assert refused(HtmlResponse(URL, body='<meta name="robots" content="noai">'.encode("utf-16")))


@pytest.mark.parametrize("status", [200, 203, 206, 301, 302, 304, 404, 410, 429, 503])
def test_only_a_success_opts_out(status):
    headers = {"X-Robots-Tag": "noindex, noai"}
    for kind in ("page", "picture"):
        assert refused(Response(URL, status=status, headers=headers), kind) is (status < 300)


def test_an_error_or_a_redirect_that_carries_noindex_is_what_it_is_without(tmp_path):
    """The hosts' usual 404, 302 and 429, whose servers put noindex on everything that is no page."""
    no = {"X-Robots-Tag": "noindex"}

    def busy(_headers, number):
        if number > 1:
            return Answer(picture(2), kind="image/jpeg")
        return Answer(picture(8), status=429, kind="image/jpeg", headers={**no, "Retry-After": "2"})

    site = Site(
        {
            "/gone.jpg": Answer(picture(9) * 50, status=404, kind="image/jpeg", headers=no),
            "/moved.jpg": Answer(status=302, headers={**no, "Location": "/there.jpg"}),
            "/there.jpg": Answer(picture(1), kind="image/jpeg"),
            "/busy.jpg": busy,
            "/no.jpg": Answer(picture(3), kind="image/jpeg", headers=no),
        }
    )
    with serving(site):
        listed = urls(tmp_path / "list.txt", *(f"{site.url}/{name}.jpg" for name in ("gone", "moved", "busy", "no")))
        done = crawl(tmp_path, recipe(listed, allow=(site,), contact="tests@example.org"))
    states = {url[len(site.url) :]: (one.state, one.fetch_reason) for url, one in done.records().items()}
    assert states == {
        "/gone.jpg": ("failed", "http_4xx"),
        "/moved.jpg": ("done", ""),
        "/busy.jpg": ("done", ""),
        "/no.jpg": ("skipped", "opt_out"),
    }
    first, second = (hit.at for hit in site.asked("/busy.jpg"))
    assert second - first >= 1.9


@pytest.mark.parametrize(
    ("group", "ours"),
    [
        ("scrapbag", True),
        ("ScrapBag", True),
        ("scrapbag/1.0", True),
        ("Scrapbag/2 (+https://x.example)", True),
        ("scrapbag # us", True),
        ("scrap", False),
        ("bag", False),
        ("scrapbag-images", False),
        ("scrapbag2", False),
        ("*", True),
    ],
)
@pytest.mark.parametrize("field", ["User-agent: ", "user-agent:", "USER-AGENT :\t", "\ufeffUser-agent: "])
def test_a_group_of_robots_txt_is_ours_by_its_whole_product_token(group, ours, field):
    rules = rules_for("scrapbag", f"{field}{group}\r\nDisallow: /a\r\nCrawl-delay: 7\r\n".encode())
    assert rules.allowed(f"{URL}a", "scrapbag") is not ours
    assert rules.crawl_delay("scrapbag") == (7 if ours else None)
    assert rules.allowed(f"{URL}b", "scrapbag")


def test_groups_for_us_are_one_and_win_over_those_for_everyone():
    text = b"User-agent: scrapbag/1\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n\nUser-agent: SCRAPBAG\nDisallow: /b"
    rules = rules_for("scrapbag", text)
    assert [rules.allowed(URL + path, "scrapbag") for path in "abc"] == [False, False, True]
