"""A crawl whose pages need Chromium: the same manners hold for it as for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_site import PAGES
from servers import Answer, Site, crawl, gallery, picture, recipe, serving

from scrapbag import programs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")]


def site(**routes: Answer) -> Site:
    pages = {path: Answer(body.encode()) for path, body in PAGES.items()}
    pictures = {f"/p/{number}.jpg": Answer(picture(number), kind="image/jpeg") for number in range(240)}
    robots = Answer(b"User-agent: *\nDisallow: /hidden\n", kind="text/plain")
    return Site({**pages, **pictures, "/robots.txt": robots, "/wait": Answer(wait=0.02), **routes})


def endless(shop: Site, start: str, name: str) -> str:
    text = gallery(shop, start, name=name, image=".tile img", browser=True)
    return text + '\nactions = [["scroll", {count = ".tile", max = 50}]]'


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


def _pages(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(url.partition("://")[2], reason) for url, reason in rows if "/p/" not in url]
