"""Lists that never end are left once they bring nothing new, and lists that end are read to their end, every time."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from endless import Endless
from servers import Crawled, crawl, gallery, recipe, serving, write

from scrapbag.catalog import connect
from scrapbag.desk import status
from scrapbag.layout import Data

pytestmark = pytest.mark.timeout(120)

GALLERIES = ("repeats", "calendar", "deeper/", "sessions", "stamped", "ten_")
ASKED = {  # pages of each list that are asked
    "repeats": 6, "calendar": 4, "deeper": 4, "sessions": 3, "stamped": 4, "products": 4, "wp-json": 4,
    "ten_": 10, "rated": 6, "items": 1,
}  # fmt: skip


def sources(site: Endless, **cap: int) -> list[str]:
    lists = [gallery(site, f"/{one}", name=one.strip("/"), next="a.next") for one in GALLERIES]
    rated = gallery(site, "/rated", name="rated", next="a.next", rating=".stars", min_rating=4.0)
    items = gallery(site, "/items", name="items", item="a.item", **cap)
    shops = [f'[[source]]\nkind = "{kind}"\nstart = ["{site.url}"]' for kind in ("shopify", "woocommerce")]
    return [*lists, rated, items, *shops]


@dataclass
class World:
    site: Endless
    first: Crawled
    asked: dict[str, int]  # how many pages of each list, by the first crawl
    again: list[dict[str, int]]  # likewise, by the second, and by one with FRESH=1
    after: list[str]  # what these said
    status: list[str]
    things: list[int]  # how many of the twelve single things each crawl asked for


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    site, data = Endless(), tmp_path_factory.mktemp("chains")
    with serving(site):
        text = recipe(*sources(site, max_pages=5), allow=(site,), per_host=4)

        def pages() -> dict[str, int]:
            return {name: len(site.pages(name)) for name in ASKED}

        first = crawl(data, text)
        asked, told = pages(), status.found(Data(data))
        again, after, things = [], [], [len(site.pages("thing"))]
        text = recipe(*sources(site), allow=(site,), per_host=4)
        for options in ((), ("--fresh",)):
            site.hits.clear()
            after.append(crawl(data, text, *options).out)
            again.append(pages())
            things.append(len(site.pages("thing")))
    return World(site, first, asked, again, after, told, things)


def test_every_list_is_asked_as_far_as_it_brings_something_new(world: World) -> None:
    assert world.first.code == 0, world.first.out
    assert world.asked == ASKED | {"items": 1}


def test_the_summary_and_the_status_name_the_source_and_the_page_where_its_list_ends(world: World) -> None:
    ended = {"repeats": 6, "calendar": 4, "deeper": 4, "stamped": 4, "shopify": 4, "woocommerce": 4}
    for said in (world.first.out, "\n".join(world.status)):
        for name, number in ended.items():
            assert f"source {name!r}: its list ends with page {number}, {world.site.url}/" in said
        for name in ("sessions", "ten_", "rated", "items"):
            assert f"source {name!r}: its list" not in said


def test_what_a_recipe_passes_over_is_something_new(world: World) -> None:
    assert {f"{world.site.url}/rated/{n}.jpg" for n in (1, 6)} <= set(world.first.records())


def test_a_list_that_is_known_from_an_earlier_run_is_read_to_its_end_again(world: World) -> None:
    for asked in world.again:
        assert {name: asked[name] for name in ("ten_", "rated", "sessions")} == {"ten_": 10, "rated": 6, "sessions": 3}
        assert all(asked[name] <= ASKED[name] + 3 for name in ASKED), asked
    for said in world.after:
        assert "source 'repeats': its list ends with page" in said


def test_session_ids_are_no_part_of_what_is_kept(world: World) -> None:
    rows = world.first.rows(
        "select url from request union select url from sighting union select page_url from sighting"
    )
    assert not [url for (url,) in rows if "jsessionid" in url]
    assert {url for (url,) in rows if "/sessions/" in url} == {f"{world.site.url}/sessions/{n}.jpg" for n in (1, 2)}


def test_a_source_asks_no_more_pages_than_its_cap_and_says_so(world: World) -> None:
    assert world.things[0] == 4
    assert "source 'items': max_pages is reached, and 8 more pages that it names were not asked" in world.first.out
    assert any("max_pages is reached" in line for line in world.status)


def test_a_larger_cap_asks_the_rest_and_reads_nothing_else_anew(world: World) -> None:
    assert world.things[1:] == [8, 12]
    assert not any("max_pages" in said for said in world.after)


def test_what_a_chain_has_shown_is_known_after_a_kill(tmp_path: Path) -> None:
    site = Endless()
    with serving(site):
        text = recipe(gallery(site, "/repeats", next="a.next"), allow=(site,), delay_s=0.2, per_host=1)
        write(tmp_path, text)
        command = [sys.executable, "-m", "spiders", "scrape", "--data", str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while len(site.pages("repeats")) < 5 and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        process.wait()
        done = crawl(tmp_path, text)
    assert {path.partition("=")[2] for path in site.pages("repeats")} == {"", *map(str, range(2, 7))}
    assert "source 'shop': its list ends with page 6" in done.out
    with closing(connect(tmp_path / "catalog.db")) as catalog:
        assert catalog.execute("select number, idle from chained order by number").fetchall() == [
            (1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 3),
        ]  # fmt: skip
