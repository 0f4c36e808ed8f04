"""Lists that never end are left once they bring nothing new, and lists that end are read to their end, every time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from servers import Answer, Crawled, Hit, Site, crawl, gallery, picture, recipe, serving, write

from scrapbag.catalog import connect
from scrapbag.desk import status
from scrapbag.layout import Data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

PICTURES = [picture(number) for number in range(40)]


class Endless(Site):
    """Every path is a list; what is asked for twice is shown as it was, but for what changes at every visit."""

    def __init__(self) -> None:
        super().__init__({})
        self.visits = count(1)
        self.ten = 10  # pages of /ten

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        place, number = parts.path.partition(";")[0], int(query.get("page", 1))
        if place.endswith(".jpg"):
            body = PICTURES[int(place.rpartition("/")[2][:-4]) % 40] + place.encode()
            answer = Answer(body, kind="image/jpeg")
        else:
            show = getattr(self, place.strip("/").split("/")[0].partition(".")[0].replace("-", "_"), None)
            answer = show(number, place) if show else Answer(status=404)
        with self._lock:
            self.hits.append(Hit(time.time(), path, headers, answer.status))
        return answer

    def pages(self, name: str) -> list[str]:
        return [hit.path for hit in self.hits if hit.path.startswith(f"/{name}") and ".jpg" not in hit.path]

    def repeats(self, number: int, _place: str) -> Answer:
        """The third page is the last, and stands for all that follow."""
        return _list([f"/repeats/{min(number, 3) * 2 + n}.jpg" for n in (0, 1)], f"/repeats?page={number + 1}", number)

    def calendar(self, number: int, _place: str) -> Answer:
        return _list(["/calendar/1.jpg"] if number == 1 else [], f"/calendar?page={number + 1}", number)

    def deeper(self, _number: int, _place: str) -> Answer:
        """One body, whose relative addresses are new at every depth."""
        return _list(["1.jpg", "2.jpg"], "more/", 0)

    def sessions(self, number: int, _place: str) -> Answer:
        """Two pages that lead to each other; each link has a session of its own."""
        id_ = f";jsessionid=S{next(self.visits):06X}.node1"
        return _list([f"/sessions/{number}.jpg{id_}"], f"/sessions{id_}?page={3 - number}", next(self.visits))

    def stamped(self, number: int, _place: str) -> Answer:
        shown = [f"/stamped/{n}.jpg?t={next(self.visits)}" for n in (1, 2)]
        return _list(shown, f"/stamped?page={number + 1}", number)

    def products(self, _number: int, _place: str) -> Answer:
        images = [[{"src": f"/shopify/{n}.jpg"}] for n in (1, 2)]
        goods = [{"id": n, "handle": f"bag-{n}", "title": f"Bag {n}", "images": one} for n, one in enumerate(images)]
        return Answer(json.dumps({"products": goods, "at": next(self.visits)}).encode(), kind="application/json")

    def wp_json(self, _number: int, _place: str) -> Answer:
        goods = [{"id": n, "name": f"Bag {n}", "images": [{"src": f"/woo/{n}.jpg"}]} for n in (1, 2)]
        return Answer(json.dumps(goods).encode(), kind="application/json")

    def ten_(self, number: int, _place: str) -> Answer:
        """A list that ends."""
        link = f"/ten_?page={number + 1}" if number < self.ten else ""
        return _list([f"/ten_/{number * 2 + n}.jpg" for n in (0, 1)], link, number)

    def rated(self, number: int, _place: str) -> Answer:
        """Five pages of which only the first and the last have what is rated well."""
        stars = 5 if number in (1, 6) else 1
        link = f"/rated?page={number + 1}" if number < 6 else ""
        return _list([f"/rated/{number}.jpg"], link, number, f'<i class=stars title="{stars} of 5"></i>')

    def items(self, number: int, _place: str) -> Answer:
        """A page whose links all lead to pages of single things."""
        return _list([], "", number, "".join(f"<a class=item href=/thing/{n}>{n}</a>" for n in range(12)))

    def thing(self, _number: int, place: str) -> Answer:
        return _list([f"/thing/{place.rpartition('/')[2]}.jpg"], "", 0)


def _list(shown: Iterable[str], following: str, number: int, more: str = "") -> Answer:
    tiles = "".join(f"<li><img src='{one}'>{more}</li>" for one in shown)
    link = f"<a class=next href='{following}'>next</a>" if following else ""
    return Answer(f"<title>{number}</title><ul>{tiles or more}</ul>{link}".encode())


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
