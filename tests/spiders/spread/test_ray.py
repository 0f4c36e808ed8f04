"""`make scrape ENGINE=ray`: the rows of one process, no host asked by two or too fast, whatever dies on the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise

import pytest
from clusters import at_work, free_port, two_nodes, wait_for
from servers import Answer, Crawled, Site, crawl, gallery, images, picture, recipe, serving, write

from scrapbag import errors
from scrapbag.layout import Data
from scrapbag.recipe import load
from scrapbag.workers import cluster
from spiders.engine.export import waiting
from spiders.engine.run import run
from spiders.spread.command import ask, spreading

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DELAY = 0.4
LATE = 0.2  # seconds that a request may be late on a busy computer, so that the next one seems early
ROWS = """select url, kind, callback, state, reason, status, edition, attempts, cuts, sha256
    from request order by 1, 2, 3"""
SEEN = "select url, page_url, source, title, licence, edition from sighting order by 1, 2, 3"
CAME = "select sha256, extension, bytes, width, height, problem from picture order by 1"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where all datasets are; the workers see an empty folder in its place."""
    return tmp_path_factory.mktemp("spread")


@pytest.fixture(scope="module")
def nodes(root):
    with two_nodes(root) as both:
        yield both


@pytest.fixture(scope="module")
def joined(nodes):
    both = cluster.join(2)
    yield both
    both.close()


@contextmanager
def town(own=2, shared=4, wait=0.0):
    """Three shops on two addresses and one host with pictures for all of them, as sites; the third is the pictures'."""
    first, second, depot = (Site({}) for _ in range(3))
    pairs = [(first, "/a"), (first, "/b"), (second, "/c")]
    with ExitStack() as stack:
        for number, site in enumerate((first, second, depot)):
            stack.enter_context(serving(site, host=f"127.0.0.{number + 2}"))
        for number, (site, path) in enumerate(pairs):
            named = [f"{path}{n}.jpg" for n in range(own)]
            others = [f"{depot.url}/{n}.jpg" for n in range(number * shared, (number + 1) * shared)]
            site.routes[path] = images(*named, *others, f"{depot.url}/gone.jpg", f"{depot.url}/all.jpg")
            site.routes |= {one: jpeg(100 * (number + 1) + n, wait) for n, one in enumerate(named)}
        depot.routes |= {f"/{n}.jpg": jpeg(n, wait) for n in range(3 * shared)} | {"/all.jpg": jpeg(99, wait)}
        sites = (first, second, depot)
        yield sites, recipe(*(gallery(site, path, path[1:]) for site, path in pairs), allow=sites, delay_s=DELAY)


def jpeg(number, wait=0.0):
    return Answer(picture(number % 100, side=40 + number), kind="image/jpeg", wait=wait)


def by_ray(root, joined, text, *, retry=False, fresh=False):
    """A crawl by the workers of a cluster that has been joined."""
    data = Data(root)
    write(root, text)
    settings = load(data.settings_of("scrape"))
    sources = list(settings.sources)
    return run(
        data, settings, sources, retry=retry, fresh=fresh, spread=partial(ask, joined, data, settings.scrape, sources)
    )


def tables(root):
    return [Crawled(0, "", root, 0.0).rows(query) for query in (ROWS, SEEN, CAME)]


def polite(*sites, processes=1):
    """Each host was asked by so many processes, one request at a time, and each time after its delay."""
    for site in sites:
        for before, after in pairwise(site.hits):
            assert after.at - before.at > DELAY - LATE, (before, after)
        assert site.most == 1
        assert len(site.asked("/robots.txt")) == processes


def twice(*sites):
    """What was asked more than once."""
    asked = [(site.host, hit.path) for site in sites for hit in site.asked()]
    return sorted({one for one in asked if asked.count(one) > 1})


def test_the_rows_are_those_of_one_process_and_each_host_is_asked_by_one_and_in_its_time(root, nodes, joined):
    with town() as (sites, text):
        alone = crawl(root / "alone", text)
        polite(*sites)
        for site in sites:
            site.hits.clear()
        crawled = by_ray(root / "spread", joined, text)
        polite(*sites)
        assert not twice(*sites)
        assert tables(root / "spread") == tables(root / "alone")
        assert crawled.pictures == crawled.new == 3 * 2 + 3 * 4 + 1
        assert f"found {crawled.pictures + 1} picture addresses, stored {crawled.pictures} pictures" in alone.out
        assert not list((root / "spread" / "images").glob("*/.*"))
        assert not (root / "spread" / ".afield").exists()
        assert nodes.blind or os.environ.get("CI") is None
        sites[2].routes["/gone.jpg"] = jpeg(77)
        again = by_ray(root / "spread", joined, text, retry=True)
        assert (again.new, len(sites[2].asked("/gone.jpg"))) == (1, 2)
        edited = text.replace('image = "img"', 'image = "img[src*=all]"')
        by_ray(root / "spread", joined, edited, fresh=True)
        crawl(root / "alone", text, "--retry", "failed")
        crawl(root / "alone", edited, "--fresh")
        assert [row[:5] for row in tables(root / "spread")[0]] == [row[:5] for row in tables(root / "alone")[0]]


def test_a_worker_that_is_killed_costs_its_hosts_a_delay_and_what_it_had_under_way(root, nodes, joined):
    with town(own=10) as (sites, text):
        killed = []

        def kill():
            wait_for(lambda: min(len(site.asked()) for site in sites) > 3)
            for victim in at_work(nodes.node):
                victim.kill()
                killed.append(victim.pid)

        killer = threading.Thread(target=kill)
        killer.start()
        crawled = by_ray(root / "killed", joined, text)
        killer.join(120)
        assert len(killed) == 2
        polite(*sites, processes=2)
        assert len(twice(*sites)) <= 3  # one of each host
        assert crawled.requests["picture", "done", ""] == crawled.pictures == 3 * 10 + 3 * 4 + 1
    assert {row[3] for row in tables(root / "killed")[0]} == {"done", "failed"}


def test_the_limit_is_of_all_workers_together(root, joined):
    with town(own=8, shared=1, wait=0.3) as (sites, text):
        crawled = by_ray(root / "limit", joined, text.replace("[scrape]", "[scrape]\nlimit = 5"))
        assert (crawled.pictures, crawled.full) == (5, True)
        got = [hit for site in sites for hit in site.asked() if hit.path.endswith(".jpg") and hit.status == 200]
        assert len(got) == 5
        crawled = by_ray(root / "limit", joined, text.replace("[scrape]", "[scrape]\nlimit = 9"))
        assert (crawled.pictures, crawled.new) == (9, 4)
        assert not twice(*sites)


def test_an_error_beside_the_data_ends_every_worker_and_is_raised_as_without_them(root, joined):
    with town(own=20) as (sites, text):
        (root / "full").mkdir()
        (root / "full" / "images").write_text("no folder")
        with pytest.raises((NotADirectoryError, FileExistsError)) as met:
            by_ray(root / "full", joined, text)
        assert str(root / "full" / "images") in str(met.value)
        assert not (root / "full" / ".afield").exists()
        asked = [len(site.hits) for site in sites]
        time.sleep(3 * DELAY)
        assert [len(site.hits) for site in sites] == asked
    assert {row[3] for row in tables(root / "full")[0]} == {"queued", "done"}  # the pages were read


def command(root, text):
    write(root, text)
    words = [sys.executable, "-m", "spiders", "scrape", "--data", str(root), "--engine", "ray", "--workers", "2"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.usefixtures("nodes")
def test_a_command_that_is_killed_leaves_no_worker_and_the_next_asks_nothing_again(root):
    with town(own=20) as (sites, text):
        process = command(root / "driver", text)
        wait_for(lambda: min(len(site.asked()) for site in sites) > 3 or process.poll() is not None)
        process.kill()
        process.communicate()
        after = crawl(root / "driver", text, timeout=120)
        assert after.code == 0
        assert "workers of a crawl that was killed" in after.out
        polite(*sites, processes=2)
        assert len(twice(*sites)) <= 3
    assert {row[3] for row in tables(root / "driver")[0]} == {"done", "failed"}


@pytest.mark.usefixtures("nodes")
def test_ctrl_c_stops_every_worker_in_order_and_the_same_command_goes_on(root):
    with town(own=20) as (sites, text):
        process = command(root / "stopped", text)
        wait_for(lambda: min(len(site.asked()) for site in sites) > 3 or process.poll() is not None)
        assert waiting(Data(root / "stopped")) > 10  # as make status has it meanwhile
        os.killpg(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert process.returncode == errors.STOPPED, said
        assert said.splitlines()[-1] == "stopped; the same command goes on from here"
        assert not out
        assert not (root / "stopped" / ".afield").exists()
        assert "leased" not in {row[3] for row in tables(root / "stopped")[0]}
        assert crawl(root / "stopped", text).code == 0
        polite(*sites, processes=2)
        assert not twice(*sites)
        assert {row[8] for row in tables(root / "stopped")[0]} == {0}  # nothing was cut off


@pytest.mark.usefixtures("nodes")
def test_what_leads_to_another_workers_host_and_what_lies_here_is_asked_by_the_command_afterwards(root):
    with town(own=12, shared=1) as (sites, text):
        for site, other in (sites[:2], sites[1::-1]):
            site.routes["/lead.jpg"] = Answer(status=302, headers={"Location": f"{other.url}/led.jpg"})
            site.routes["/led.jpg"] = jpeg(60 + len(site.url))
        sites[0].routes["/a"].body += b'<img src="/lead.jpg">'
        sites[1].routes["/c"].body += b'<img src="/lead.jpg">'
        (root / "files").mkdir()
        (root / "files" / "own.png").write_bytes(picture(5, "PNG", side=50))
        folder = f'\n[[source]]\nname = "mine"\nkind = "folder"\npath = "{root / "files"}"\n'
        process = command(root / "rest", text + folder)
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "stored 43 pictures (43 new)" in out
        polite(*sites[:2], processes=2)
        assert len(sites[1].asked("/led.jpg")) == len(sites[0].asked("/led.jpg")) == 1
        assert not {host for host, path in twice(*sites) if path != "/lead.jpg"}


def test_where_no_cluster_answers_nothing_is_begun(root, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    write(root / "none", recipe(gallery(Site({})), contact="me@example.org"))
    settings = load(Data(root / "none").settings_of("scrape"))
    with pytest.raises(errors.MissingError, match="no Ray cluster answers there"), ExitStack() as stack:
        stack.enter_context(spreading(Data(root / "none"), settings.scrape, list(settings.sources), 1))
    assert not (root / "none" / "catalog.db").exists()
