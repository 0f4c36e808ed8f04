"""How fast a host is asked: one probe after a pause, the slower the slower it is, and not at all when it is dead."""

import asyncio
import socket
import subprocess
import sys
import time
from contextlib import closing
from itertools import pairwise
from statistics import median

import pytest
from scrapy import Request
from servers import Answer, Site, crawl, picture, recipe, serving, urls, write
from shops import PICTURES

from pipelines.guards.address_guard import AddressGuard
from scrapbag.catalog import connect, records

pytestmark = pytest.mark.timeout(60)


def slow(wait, count=12):
    """A host whose every picture takes `wait` seconds."""
    return Site({f"/{n}.jpg": Answer(PICTURES[n], kind="image/jpeg", wait=wait) for n in range(count)})


def addresses(site, folder):
    return urls(folder / "list.txt", *(site.url + path for path in site.routes if path != "/robots.txt"))


def test_after_a_pause_one_probe_goes_out_and_nothing_else_until_it_is_answered(tmp_path):
    site = slow(0.5)
    usual = site.routes["/0.jpg"]
    site.routes["/0.jpg"] = lambda _headers, number: (
        usual if number > 1 else Answer(status=429, headers={"Retry-After": "2"})
    )
    with serving(site):
        crawl(tmp_path, recipe(addresses(site, tmp_path), allow=(site,), contact="tests@example.org", per_host=4))
    times = [hit.at for hit in site.asked()]
    probe, *others = [at for at in times if at > times[0] + 1]
    assert probe - times[0] >= 1.9
    assert others[0] - probe >= 0.45
    assert others[3] - others[0] < 0.4  # the host is well again: as many at once as before


def test_a_host_that_answers_slowly_is_asked_one_at_a_time(tmp_path):
    site = slow(0.4)
    with serving(site):
        crawl(
            tmp_path,
            recipe(addresses(site, tmp_path), allow=(site,), contact="tests@example.org", per_host=4, delay_s=0.02),
        )
    gaps = [later - earlier for earlier, later in pairwise(hit.at for hit in site.asked())]
    assert median(gaps[-6:]) >= 0.35


def test_ones_own_host_that_may_be_asked_without_pause_is_not_slowed_down(tmp_path):
    site = slow(0.4)
    site.routes["/robots.txt"] = Answer(b"User-agent: *\nDisallow:\n", wait=1.2)
    with serving(site):
        crawl(tmp_path, recipe(addresses(site, tmp_path), allow=(site,), contact="tests@example.org", per_host=4))
    times = [hit.at for hit in site.asked()]
    assert times[-1] - times[0] < 0.25 * len(times)


def test_the_wait_after_robots_txt_takes_no_place_from_other_hosts(tmp_path):
    sites = [slow(0, count=1) for _ in range(6)]
    with serving(*sites):
        listed = urls(tmp_path / "list.txt", *(f"{site.url}/0.jpg" for site in sites))
        text = recipe(listed, allow=tuple(sites), contact="tests@example.org", concurrency=2, delay_s=2.0)
        assert crawl(tmp_path, text).code == 0
    rules = {site.host: site.asked("/robots.txt") for site in sites}
    assert [len(hits) for hits in rules.values()] == [1] * 6
    assert max(hits[0].at for hits in rules.values()) < min(site.asked()[0].at for site in sites)
    assert min(site.asked()[0].at - rules[site.host][0].at for site in sites) >= 1.9


def test_a_host_that_dies_is_left_alone_for_a_while_given_up_and_asked_again_on_demand(tmp_path):
    site = Site({f"/{n}.jpg": Answer(picture(n), kind="image/jpeg") for n in range(40)})
    served, alive = dict(site.routes), []
    for path, usual in served.items():
        site.routes[path] = lambda _headers, _number, usual=usual: (  # type: ignore[misc]
            usual if alive or len(site.finished) < 9 else Answer(hang_up=True)
        )
    with serving(site):
        text = recipe(
            addresses(site, tmp_path), allow=(site,), contact="tests@example.org", per_host=2, attempts=1, max_fail=0.5
        )
        dead = crawl(tmp_path / "data", text)
        assert dead.code == 1
        assert "connection" in dead.out
        assert "RETRY=failed" in dead.out
        assert len(site.hits) < 20, "a dead host is not asked for everything that it had"
        gaps = [later - earlier for earlier, later in pairwise(hit.at for hit in site.asked())]
        assert max(gaps) >= 9.5, "and one probe goes out at the end of the pause"
        came = {hit.path for hit in site.asked() if hit.path in site.finished}
        assert len(dead.records()) == 40
        alive.append(True)
        site.hits.clear()
        again = crawl(tmp_path / "data", text, "--retry", "failed")
    assert again.code == 0, again.out
    assert {record.state for record in again.records().values()} == {"done"}
    assert sorted(hit.path for hit in site.asked()) == sorted(served.keys() - came)


HASTY = "import pipelines.guards.robots as robots; robots.MAX_AGE_S = 0.5; import spiders.__main__ as s; s.main()"


@pytest.mark.parametrize(
    ("later", "states"),
    [
        (Answer(b"User-agent: *\nDisallow: /"), {"done", "skipped"}),
        (Answer(status=500), {"done"}),
    ],
    ids=["other rules", "no rules to be had"],
)
def test_robots_txt_is_asked_for_again_when_its_rules_are_old(tmp_path, later, states):
    """A day is half a second here: the age is the only thing that is changed."""
    site = slow(0.2)
    site.routes["/robots.txt"] = lambda _headers, number: Answer(b"User-agent: *\nAllow: /") if number == 1 else later
    with serving(site):
        text = recipe(addresses(site, tmp_path), allow=(site,), contact="tests@example.org", per_host=1, attempts=1)
        write(tmp_path / "data", text)
        command = [sys.executable, "-c", HASTY, "scrape", "--data", str(tmp_path / "data")]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert len(site.asked("/robots.txt")) > 1
    assert site.asked("/0.jpg")
    with closing(connect(tmp_path / "data" / "catalog.db")) as connection:
        assert {record.state for record in records(connection)} == states


def test_a_pause_of_our_own_is_not_called_the_hosts_wish(tmp_path):
    site = Site({"/0.jpg": Answer(status=429)})
    with serving(site):
        text = recipe(addresses(site, tmp_path), allow=(site,), contact="tests@example.org")
        write(tmp_path / "data", text)
        with closing(connect(tmp_path / "data" / "catalog.db", create=True)) as connection:
            connection.execute("insert into host values (?, ?, 0)", (site.host, time.time() + 3000))
        done = crawl(tmp_path / "data", text)
    assert site.hits == []
    assert f"{site.host} does not answer and is left alone until" in done.out
    assert "asks to be" not in done.out


def test_those_who_wait_for_one_hosts_address_ask_for_it_once(monkeypatch):
    asked = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: asked.append(words[0]) or real(*words, **more))
    guard = AddressGuard(())

    async def all_at_once():
        requests = [Request(f"http://{host}/{n}.jpg") for host in ("nobody.invalid", "127.0.0.1") for n in range(20)]
        return await asyncio.gather(*map(guard.process_request, requests), return_exceptions=True)

    found = asyncio.run(all_at_once())
    assert [type(error).__name__ for error in found] == ["CannotResolveHostError"] * 20 + ["AddressError"] * 20
    assert sorted(asked) == ["127.0.0.1", "nobody.invalid"]
