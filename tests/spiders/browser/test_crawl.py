"""A crawl whose pages need Chromium: the same manners hold for it as for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_site import PAGES
from servers import Answer, Routes, Site, crawl, gallery, picture, recipe, serving

from scrapbag import programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")]


def site(**routes: Answer | Callable[[dict[str, str], int], Answer]) -> Site:
    pages = {path: Answer(body.encode()) for path, body in PAGES.items()}
    pictures = {f"/p/{number}.jpg": Answer(picture(number), kind="image/jpeg") for number in range(240)}
    robots = Answer(b"User-agent: *\nDisallow: /hidden\n", kind="text/plain")
    return Site({**pages, **pictures, "/robots.txt": robots, "/wait": Answer(wait=0.02), **routes})


def endless(shop: Site, start: str, name: str, most: int = 50) -> str:
    text = gallery(shop, start, name=name, image=".tile img", browser=True)
    return text + f'\nactions = [["scroll", {{count = ".tile", max = {most}}}]]'


def test_an_endless_page_becomes_240_pictures_and_robots_txt_and_opt_outs_hold(tmp_path: Path) -> None:
    shop = site(**{
        "/hidden": Answer(PAGES["/endless"].encode()),
        "/to-hidden": Answer(status=302, headers={"Location": "/hidden"}),
        "/noai": Answer(PAGES["/endless"].encode(), headers={"X-Robots-Tag": "noai"}),
        "/gone": Answer(b"gone", status=410),
    })  # fmt: skip
    with serving(shop):
        starts = ("/endless", "/hidden", "/to-hidden", "/noai", "/gone")
        sources = [endless(shop, start, start.strip("/")) for start in starts]
        done = crawl(
            tmp_path / "x", recipe(*sources, allow=(shop,), timeout_s=20, per_host=8, contact="me@example.org")
        )
    states = {url.partition("/")[2]: reason for url, reason in _pages(done.rows("select url, reason from request"))}
    assert done.code == 0, done.out
    assert len(done.records()) == 240
    assert states == {"endless": "", "hidden": "robots", "to-hidden": "robots", "noai": "opt_out", "gone": "http_4xx"}
    agents = {hit.headers["user-agent"] for hit in shop.hits}
    assert len(agents) == 1
    assert "me@example.org" in agents.pop()
    assert len(shop.asked("/endless")) == 1


def test_the_summary_says_how_scrolling_ended_and_a_cookie_of_a_script_is_its_own_source_s(tmp_path: Path) -> None:
    tile = '<!doctype html>{}<div class=tile><img src="/p/{}.jpg"></div>'
    script = "<script>document.cookie = 'script=1; path=/'; localStorage.seen = 1</script>"
    seen = "<script>document.write(`<img src=/p/${localStorage.seen ? 4 : 5}.jpg class=told>`)</script>"
    hot = Answer(picture(250), kind="image/jpeg")
    more: Routes = {
        "/a": Answer(tile.format(script, "hot").encode()),
        "/b": Answer(tile.format(seen, "3").encode()),
        "/p/hot.jpg": lambda headers, _: hot if "script=1" in headers.get("cookie", "") else Answer(status=403),
    }
    shop = site(**more)
    with serving(shop):
        sources = [
            gallery(shop, "/a", name="a", image=".tile img", browser=True),
            gallery(shop, "/b", name="b", image="img", browser=True),
            endless(shop, "/endless", "whole"),
            endless(shop, "/endless", "part", most=2),
        ]
        text = recipe(*sources, allow=(shop,), timeout_s=20, per_host=8, sessions=1, contact="me@example.org")
        done = crawl(tmp_path / "x", text)
    assert done.code == 0, done.out
    assert f"source 'whole': scroll came to the bottom on {shop.url}/endless" in done.out
    assert f"source 'part': scroll reached its max, below which there may be more, on {shop.url}/endless" in done.out
    assert done.records()[f"{shop.url}/p/hot.jpg"].state == "done"
    assert {hit.path for hit in shop.hits if "cookie" in hit.headers} - {"/favicon.ico"} == {"/p/hot.jpg"}
    assert f"{shop.url}/p/5.jpg" in done.records(), "what one source's page has stored, no other's finds"


def _pages(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(url.partition("://")[2], reason) for url, reason in rows if "/p/" not in url]
