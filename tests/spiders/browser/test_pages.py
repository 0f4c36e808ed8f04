"""Real Chromium on pages that need it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from browser_site import serve
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy.settings import Settings

from pipelines.guards.addresses import AddressError
from scrapbag import programs
from spiders.browser.handler import Browsers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser_site import Site
    from scrapy.http import HtmlResponse

    Fetch = Callable[..., Any]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")]
AGENT = "scrapbag/0.1 (+me@example.org)"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def pool(site: Site) -> Iterator[tuple[Browsers, asyncio.Runner]]:
    settings = {
        "BROWSER_SESSIONS": 2,
        "BROWSER_ALLOW_HOSTS": [site.host, f"localhost:{site.server_port}"],
        "USER_AGENT": AGENT,
    }
    with asyncio.Runner() as runner:
        browsers = Browsers(Settings(settings))
        yield browsers, runner
        runner.run(browsers.close())


@pytest.fixture
def fetch(site: Site, pool: tuple[Browsers, asyncio.Runner]) -> Fetch:
    def one(path: str, *actions: list[Any], timeout: float = 60) -> Any:  # HtmlResponse, and Response of a redirect
        meta = {"browser": {"actions": list(actions)}, "download_timeout": timeout}
        return pool[1].run(pool[0].fetch(Request(f"http://{site.host}{path}", meta=meta)))

    return one


def tiles(response: HtmlResponse) -> set[str]:
    return set(response.css(".tile img::attr(src)").getall())


def all_of(count: int) -> set[str]:
    return {f"/p/{number}.jpg" for number in range(count)}


def test_an_endless_page_gives_all_of_its_240_tiles(fetch: Fetch) -> None:
    assert len(tiles(fetch("/endless"))) < 240
    assert tiles(fetch("/endless", ["scroll", {"count": ".tile", "max": 50}])) == all_of(240)


def test_scrolling_ends_after_as_many_rounds_as_the_recipe_allows(fetch: Fetch) -> None:
    assert 12 < len(tiles(fetch("/endless", ["scroll", {"count": ".tile", "max": 2}]))) < 120


def test_a_load_more_button_is_pressed_until_it_is_gone(fetch: Fetch) -> None:
    assert tiles(fetch("/more", ["click", {"css": "button.more", "count": ".tile", "max": 20}])) == all_of(50)
    assert tiles(fetch("/more", ["click", "button.more"], ["wait", ".tile:nth-child(20)"])) == all_of(20)


@pytest.mark.parametrize("path", ["/virtual", "/virtual-box"], ids=["window", "scrolling box"])
def test_a_list_that_drops_what_is_out_of_sight_is_collected_whole(fetch: Fetch, path: str) -> None:
    assert len(tiles(fetch(path))) == 10
    response = fetch(path, ["scroll", {"count": ".tile", "max": 5, "pause": 0.3}])
    assert tiles(response) == all_of(200)
    assert len(response.css("#list > .tile")) >= 200, "collected tiles stand among their own"


@pytest.mark.parametrize(("path", "actions"), [("/hang", ()), ("/hang-later", (["wait", ".never"],))])
def test_a_page_that_hangs_costs_its_timeout_and_no_more(fetch: Fetch, path: str, actions: tuple[list[str]]) -> None:
    fetch("/")  # the browser is open
    start = time.monotonic()
    with pytest.raises(DownloadTimeoutError):
        fetch(path, *actions, timeout=2)
    assert time.monotonic() - start < 2 + 1.5, "the timeout, and the kill on a busy computer"
    assert AGENT in fetch("/").text


def test_waiting_for_what_never_comes_is_a_timeout(fetch: Fetch) -> None:
    assert fetch("/late", ["wait", ".late"]).css(".late::text").get() == "here"
    with pytest.raises(DownloadTimeoutError, match="never"):
        fetch("/", ["wait", ".never"], timeout=4)


@pytest.mark.parametrize("path", ["/to-private", "/to-private-tls"])
def test_a_redirect_to_a_private_address_is_refused(fetch: Fetch, path: str) -> None:
    with pytest.raises(AddressError, match="not at a public address"):
        fetch(path)


def test_what_a_page_asks_of_a_private_address_is_refused_and_the_page_is_read(fetch: Fetch) -> None:
    assert fetch("/inside").css("img.ok")


def test_actions_may_change_the_address_but_not_the_host(fetch: Fetch, site: Site) -> None:
    assert fetch("/push", ["click", "button"]).url == f"http://{site.host}/push"
    with pytest.raises(DownloadFailedError, match="lead away, to localhost"):
        fetch("/away", ["click", "a"], ["wait", "#who"])


def test_the_status_is_known_and_a_redirect_goes_back_to_the_guards(fetch: Fetch, site: Site) -> None:
    assert fetch("/nowhere", ["wait", ".never"]).status == 404, "and nothing is waited for there"
    moved = fetch("/moved")
    assert (moved.status, moved.headers["Location"]) == (302, f"http://{site.host}/".encode())


def test_what_the_server_said_with_a_page_is_known(fetch: Fetch) -> None:
    assert fetch("/noai").headers["X-Robots-Tag"] == b"noai"
    assert "X-Robots-Tag" not in fetch("/").headers


def test_the_browser_says_who_asks_and_loads_no_pictures(fetch: Fetch, site: Site) -> None:
    fetch("/picture")
    assert not [path for path in site.asked if path.startswith("/p/")]
    assert site.agents == {AGENT}


def test_browsers_stay_under_700_mb_each(fetch: Fetch, pool: tuple[Browsers, asyncio.Runner], site: Site) -> None:
    async def both() -> None:
        scroll = {"browser": {"actions": [["scroll", {"count": ".tile"}]]}, "download_timeout": 30}
        requests = [Request(f"http://{site.host}/endless?{number}", meta=scroll) for number in range(2)]
        await asyncio.gather(*map(pool[0].fetch, requests))

    pool[1].run(both())
    held = [worker._session.memory() for worker in pool[0]._workers if worker._session]
    assert len(held) == 2
    assert max(held) < 700e6


def test_a_page_that_takes_more_memory_than_a_browser_may_hold_is_ended(fetch: Fetch) -> None:
    with pytest.raises(DownloadCancelledError, match="more than 700 MB"):
        fetch("/hog", ["wait", ".never"])
    assert AGENT in fetch("/").text
