"""The clerk: who asks which site, how many pictures are under way, and what becomes of what a dead worker had."""

import sqlite3
import time
from contextlib import closing, suppress
from functools import partial

import pytest

from pipelines.guards.suffixes import site_of
from scrapbag.catalog import connect
from scrapbag.crawl import afield
from scrapbag.crawl.frontier import Answer, Frontier, Page, Picture, Stored
from scrapbag.errors import LockedError
from scrapbag.layout import Data
from scrapbag.recipe import Scrape
from scrapbag.sources import Folder, Gallery, Smithsonian, Urls
from spiders.spread.clerk import Clerk, ReplacedError, Ticket
from spiders.spread.command import stays

ONE, TWO, THREE = (Ticket(number, f"process {number}") for number in (1, 2, 3))


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path)


@pytest.fixture
def found(data):
    """Queues what sources name, and gives a clerk for so many workers."""
    clerks = []

    def begin(named, most=2, left=(), **scrape):
        with closing(connect(data.catalog, create=True)) as db:
            frontier = Frontier(db, named)
            frontier.begin(dict.fromkeys(named, "as it is"), retry=False, fresh=False)
            for source, addresses in named.items():
                frontier.add(source, [one if isinstance(one, Page) else Picture(one, "") for one in addresses])
        clerks.append(Clerk(data, Scrape(**scrape), {}, list(named), left, most))
        return clerks[-1]

    yield begin
    for clerk in clerks:
        with suppress(sqlite3.ProgrammingError):  # the test has ended it
            clerk.end(ended=True)


def pictures(host, count):
    return [f"http://{host}/{n}.jpg" for n in range(count)]


def lease(clerk, ticket, host, count=50, **how):
    return clerk.call(ticket, "lease", (host, count), how)[0]


def rows(data, query):
    with closing(connect(data.catalog)) as db:
        return db.execute(query).fetchall()


def test_a_site_is_the_domain_that_its_hosts_share():
    assert {site_of(host) for host in ("shop.co.uk", "www.shop.co.uk:8080", "img.cdn.shop.co.uk")} == {"shop.co.uk"}
    assert [site_of(host) for host in ("a.github.io", "127.0.0.1:80", "[::1]:80", "box")] == [
        *("a.github.io", "127.0.0.1", "::1", "box")
    ]


def test_every_site_is_one_workers_and_those_are_shared_out(found):
    hosts = ["www.a.org", "img.a.org", "b.org", "c.org", "d.org"]
    clerk = found({"list": [one for host in hosts for one in pictures(host, 1)]})
    own = []
    for ticket in (ONE, TWO):
        clerk.join(ticket)
        own.append(clerk.call(ticket, "hosts", (), {})[0].keys())
    assert sorted([*own[0], *own[1]]) == sorted(hosts)
    assert {"www.a.org", "img.a.org"} <= own[0] or {"www.a.org", "img.a.org"} <= own[1]
    assert {len({site_of(host) for host in some}) for some in own} == {2}
    for some, other in ((own[0], TWO), (own[1], ONE)):
        assert not any(clerk.claim(other, host) for host in some)
    assert clerk.claim(TWO, "new.org")
    assert not clerk.claim(ONE, "www.new.org")


def test_both_workers_together_have_no_more_pictures_under_way_than_the_limit_has_room_for(found):
    clerk = found({"list": [*pictures("a.org", 20), *pictures("b.org", 20)]}, limit=7)
    clerk.join(ONE)
    clerk.join(TWO)
    first = lease(clerk, ONE, "a.org", 5)
    assert len(first) == 5
    assert len(lease(clerk, TWO, "b.org", 20)) == 2
    assert lease(clerk, TWO, "b.org", 20) == []
    _, settled, news = clerk.call(ONE, "picture_done", (first[0], Stored("a" * 64, "jpg", 1, 1, 1), Answer(200)), {})
    assert settled
    assert news.pictures == 1 + 2  # one is stored, two are under way with the other
    assert lease(clerk, TWO, "b.org", 20) == []
    clerk.call(ONE, "lost", (first[1], "http_4xx", Answer(404)), {})
    assert len(lease(clerk, TWO, "b.org", 20)) == 1


def test_a_worker_in_the_place_of_a_killed_one_gets_its_requests_again_once_their_host_has_rested(found, data):
    clerk = found({"list": [*pictures("a.org", 3), *pictures("b.org", 1)]}, delay_s=2.0)
    clerk.join(ONE)
    clerk.join(TWO)
    clerk.slow(ONE, "a.org", 30.0)
    had = lease(clerk, ONE, "a.org")
    clerk.call(ONE, "unchanged", (had[0],), {})
    again = Ticket(1, "another process")
    clerk.join(again)
    with pytest.raises(ReplacedError):
        lease(clerk, ONE, "a.org")
    (until, asked), _, news = clerk.call(again, "rest", ("a.org",), {})
    assert "a.org" in news.hosts
    assert 25 < until - time.time() <= 30
    assert not asked
    assert not clerk.claim(TWO, "a.org")
    assert [one.id for one in lease(clerk, again, "a.org")] == [one.id for one in had[1:]]
    assert rows(data, "select cuts from request where host = 'a.org' order by id") == [(0,), (1,), (1,)]
    assert rows(data, "select name from host") == [("a.org",)]


def test_it_is_over_when_every_worker_that_has_a_site_is_idle_and_has_heard_all(found):
    clerk = found({"list": [*pictures("a.org", 1), "http://b.org/list"]})
    clerk.join(ONE)
    assert not clerk.beat(ONE, idle=True).over  # it hears of its host
    assert not clerk.beat(ONE, idle=True).over  # the other has not begun
    clerk.join(TWO)
    clerk.beat(TWO, idle=True)
    page = lease(clerk, TWO, "b.org")[0]
    assert not clerk.beat(ONE, idle=True).over
    clerk.call(TWO, "page_done", (page, [Picture("http://a.org/new.jpg", page.url)], Answer(200)), {})
    assert not clerk.beat(TWO, idle=True).over
    assert clerk.beat(ONE, idle=True).hosts == {"a.org"}
    assert not clerk.beat(TWO, idle=True).over
    assert clerk.beat(ONE, idle=True).over
    assert clerk.beat(TWO, idle=True).over


def test_what_leads_to_another_workers_site_waits_to_the_end_and_counts_no_attempt(found, data):
    clerk = found({"list": pictures("a.org", 2)}, delay_s=1.0)
    clerk.join(ONE)
    first, second = lease(clerk, ONE, "a.org")
    clerk.elsewhere(ONE, first)
    clerk.call(ONE, "unchanged", (second,), {})
    clerk.beat(ONE, idle=True)
    assert clerk.beat(ONE, idle=True).over
    assert rows(data, "select state from request order by id") == [("leased",), ("done",)]
    clerk.end(ended=True)
    assert rows(data, "select state, attempts, cuts from request where id = 1") == [("queued", 0, 0)]
    ((until, asked),) = rows(data, "select not_before, asked from host where name = 'a.org'")
    assert 0 < until - time.time() <= 1.0
    assert not asked


def test_what_the_command_asks_itself_is_leased_to_no_worker(found):
    clerk = found({"list": pictures("a.org", 1), "folder": ["folder://x/1.jpg"]}, left=["folder"])
    clerk.join(ONE)
    clerk.join(TWO)
    assert [clerk.call(one, "hosts", (), {})[0].keys() for one in (ONE, TWO)] == [{"a.org"}, set()]
    assert lease(clerk, TWO, "x") == []


def test_files_pages_for_chromium_and_what_needs_a_key_are_the_commands(tmp_path):
    gallery = partial(Gallery, name="x", start=("http://a.org/",), image="img")
    at_home = [Folder(name="x", path=str(tmp_path)), gallery(browser=True), Smithsonian(name="x", query="quilt")]
    assert all(map(stays, at_home))
    assert not any(map(stays, (gallery(), Urls(name="x", path="list.txt"))))


def test_a_worker_calls_nothing_but_what_asking_needs(found):
    clerk = found({"list": []})
    clerk.join(ONE)
    with pytest.raises(AttributeError):
        clerk.call(ONE, "begin", ({},), {"retry": False, "fresh": True})


def test_after_a_kill_the_next_crawl_waits_until_no_worker_can_be_left(data, monkeypatch, capsys):
    afield.wait(data)
    assert not capsys.readouterr().err
    afield.reported(data)
    monkeypatch.setattr(afield, "_QUIET_S", 1.5)
    began = time.monotonic()
    afield.wait(data)
    assert 1.0 < time.monotonic() - began < 4
    assert capsys.readouterr().err.startswith("waiting 1 s: workers")
    assert not data.afield.exists()
    afield.reported(data)
    monkeypatch.setattr(afield, "_LONGEST_S", 0.5)
    with pytest.raises(LockedError, match="ray stop"):
        afield.wait(data)
