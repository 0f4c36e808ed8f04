"""The document that a browser ends with is judged: its own address, its own headers, whatever led to it."""

from __future__ import annotations

import pytest
from servers import Answer, Site, crawl, gallery, picture, recipe, serving

from scrapbag import programs

pytestmark = [pytest.mark.browser, pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")]
END = b"<p class=end></p><img src=a.jpg>"
ROBOTS = b"User-agent: *\nDisallow: /hidden\nDisallow: /*private=\n"


def script(text):
    return Answer(f"<!doctype html><script>{text}</script>".encode())


def later(text):
    return script(f"setTimeout(() => {{ {text} }}, 300)")


def anew(first, second):
    """Answers by the number of the hit."""
    return lambda _headers, number: first if number == 1 else second


def moved(where):
    return Answer(status=302, headers={"Location": where})


NOAI = {"X-Robots-Tag": "noai"}
# start -> the routes beside it, and what becomes of the page
CASES = {
    "/query": ({"/query": moved("/query?private=1"), "/query?private=1": Answer(END)}, "robots"),
    "/script-query": ({"/script-query": later("location.search = 'private=2'"),
                       "/script-query?private=2": Answer(END)}, "robots"),
    "/leads": ({"/leads": later("location.href = '/hidden/a'"), "/hidden/a": Answer(END)}, "robots"),
    "/replaces": ({"/replaces": later("location.replace('/hidden/b')"), "/hidden/b": Answer(END)}, "robots"),
    "/refreshes": ({"/refreshes": Answer(b"<meta http-equiv=refresh content='1;url=/hidden/c'>"),
                    "/hidden/c": Answer(END)}, "robots"),
    "/submits": ({"/submits": Answer(b"<form action=/hidden/d><input name=q value=1></form><script>"
                                     b"setTimeout(() => document.forms[0].submit(), 300)</script>"),
                  "/hidden/d?q=1": Answer(END)}, "robots"),
    "/reserved": ({"/reserved": later("location.href = '/mine'"),
                   "/mine": Answer(END, headers={"tdm-reservation": "1"})}, "opt_out"),
    "/noai": ({"/noai": later("location.search = '?b'"), "/noai?b": Answer(END, headers=NOAI)}, "opt_out"),
    "/reloads": ({"/reloads": anew(later("location.reload()"), Answer(END, headers=NOAI))}, "opt_out"),
    "/pushes": ({"/pushes": Answer(b"<script>setTimeout(() => { history.pushState({}, '', '/hidden/e');"
                                   b" document.body.innerHTML = '<p class=end></p>' }, 300)</script><body>")}, ""),
    "/frames": ({"/frames": anew(Answer(b"<iframe src=/frames></iframe>" + END), Answer(END, headers=NOAI))}, ""),
    "/goes-on": ({"/goes-on": later("location.href = '/folder/list'"), "/folder/list": Answer(END)}, ""),
    "/gone": ({"/gone": later("location.href = '/nowhere'"), "/nowhere": Answer(END, status=410)}, "http_4xx"),
    "/blob": ({"/blob": later("location.href = URL.createObjectURL(new Blob(['<p class=end>'], {type: 'text/html'}))")},
              "connection"),
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    site = Site({"/robots.txt": Answer(ROBOTS, kind="text/plain")})
    for routes, _ in CASES.values():
        site.routes |= routes
    site.routes |= {f"{folder}/a.jpg": Answer(picture(), kind="image/jpeg") for folder in ("", "/folder")}
    with serving(site):
        sources = [
            gallery(site, start, name=start[1:], browser=True) + '\nactions = [["wait", ".end"]]' for start in CASES
        ]
        yield crawl(
            tmp_path_factory.mktemp("data"),
            recipe(*sources, allow=(site,), timeout_s=10.0, attempts=1, per_host=4, max_fail=1.0),
            timeout=110,
        )


@pytest.mark.parametrize("start", CASES)
def test_a_page_is_judged_by_the_document_that_it_ends_with(done, start):
    reasons = {url.partition("://")[2].partition("/")[2]: reason for url, reason in done.rows(_PAGES)}
    assert reasons[start[1:]] == CASES[start][1], done.out


def test_addresses_on_a_page_are_those_of_the_document_that_it_ends_with(done):
    assert {url.partition("/folder")[2] for url in done.records() if "folder" in url} == {"/a.jpg"}


_PAGES = "select url, reason from request where kind = 'page'"
