"""A crawl that is stopped or killed, at any moment, goes on by the same command."""

import csv
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
from servers import Answer, crawl, images, recipe, serving, write
from shops import lists, numbers, shop

from scrapbag.catalog import connect, records

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def start(tmp_path):
    """Starts a crawl of tmp_path and leaves it running; at the end of the test none is."""
    processes = []

    def run(text, before=""):
        write(tmp_path, text)
        command = ["bash", "-c", f'{before} exec "$0" "$@"', sys.executable, "-m", "spiders", "scrape"]
        command += ["--data", str(tmp_path)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_crawl_that_is_stopped_ends_in_seconds_and_the_same_command_goes_on(tmp_path, start, number):
    site = shop(wait=0.3, **{"/hang.jpg": Answer(wait=60)})
    first = images("/hang.jpg", *(f"/{n}.jpg" for n in range(12)))
    site.routes["/list0"] = first
    with serving(site):
        text = recipe(lists(site), allow=(site,), timeout_s=50.0)
        process = start(text)
        wait_until(lambda: len(numbers(site)) > 3, site)
        began = time.monotonic()
        process.send_signal(number)
        out, error = process.communicate(timeout=20)
        assert time.monotonic() - began < 5
        assert process.returncode == 130
        assert "the same command goes on" in out + error
        site.routes["/hang.jpg"] = site.routes["/list0"] = first
        assert crawl(tmp_path, text).code == 0
    assert set(numbers(site)) == set(range(12))
    assert len(numbers(site)) <= 12 + 16


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.3])
def test_ctrl_c_while_a_crawl_begins_is_a_stop_and_nothing_else(tmp_path, start, after):
    site = shop(wait=0.3)
    with serving(site):
        process = start(recipe(lists(site), allow=(site,)))
        wait_until((tmp_path / "catalog.db").exists, site)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in error
    assert out == ""


def test_a_crawl_that_is_killed_goes_on_and_has_every_page_and_picture_once(tmp_path, start):
    site = shop(pictures=120, pages=12, wait=0.02)
    with serving(site):
        text = recipe(lists(site), allow=(site,), concurrency=8, per_host=8)
        kills = 0
        for least in (10, 50, 90):
            process = start(text)
            wait_until(lambda least=least: len(set(numbers(site))) > least, site)
            process.kill()
            process.wait()
            kills += 1
        done = crawl(tmp_path, text)
    assert done.code == 0
    assert set(numbers(site)) == set(range(120))
    assert done.rows("select kind, state, count(*) from request group by 1, 2") == [
        ("page", "done", 12),
        ("picture", "done", 120),
    ]
    assert done.rows("select count(*), count(distinct sha256) from picture") == [(120, 120)]
    files = [path.name for path in (tmp_path / "images").glob("*/*")]
    assert len(files) == len(set(files)) >= 120
    assert len(site.asked()) <= 132 + kills * 8


def test_a_disk_without_room_ends_the_crawl_in_a_sentence_and_loses_nothing(tmp_path, start):
    site = shop(pictures=120, pages=12)
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        full = start(text, before="ulimit -f 200;")  # no file, the catalog's log neither, may grow beyond 200 kB
        _, error = full.communicate(timeout=60)
        assert full.returncode == 74
        assert "free some space and run it again" in error
        assert "Traceback" not in error
        done = crawl(tmp_path, text)
    assert done.code == 0
    assert done.rows("select count(*), count(distinct sha256) from picture") == [(120, 120)]


def test_two_crawls_of_one_dataset_do_not_run_at_once(tmp_path, start):
    site = shop(wait=1.0)
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        first = start(text)
        wait_until(site.asked, site)
        second = crawl(tmp_path, text)
        first.kill()
        first.communicate()
    assert second.code == 75
    assert str(first.pid) in second.out


def kill_at(site, path, start, text, times):
    """Start the crawl so often, and kill it as soon as it has asked for `path`."""
    for _ in range(times):
        before = len(site.asked(path))
        process = start(text)
        wait_until(lambda before=before: len(site.asked(path)) > before, site)
        process.kill()
        process.communicate()


def test_a_kill_is_no_attempt(tmp_path, start):
    site = shop(pictures=1, pages=1)
    usual = site.routes["/0.jpg"]
    site.routes["/0.jpg"] = lambda _headers, number: (
        Answer(wait=20) if number <= 4 else Answer(status=500) if number <= 6 else usual
    )
    with serving(site):
        text = recipe(lists(site), allow=(site,), attempts=3, timeout_s=60.0)
        kill_at(site, "/0.jpg", start, text, 4)
        done = crawl(tmp_path, text)
    assert [(row.state, row.fetch_reason) for row in done.records().values()] == [("done", "")]
    assert len(site.asked("/0.jpg")) == 7


def test_what_kills_the_crawl_again_and_again_is_asked_last_and_alone_and_then_given_up(tmp_path, start):
    site = shop(pictures=9, pages=1)
    usual = site.routes["/0.jpg"]
    site.routes["/0.jpg"] = Answer(wait=20)
    with serving(site):
        text = recipe(lists(site), allow=(site,), per_host=1, timeout_s=60.0)
        kill_at(site, "/0.jpg", start, text, 3)
        assert set(numbers(site)) == {0}
        kill_at(site, "/0.jpg", start, text, 3)
        assert set(numbers(site)) == set(range(9)), "it keeps no other from coming"
        assert len(site.asked("/0.jpg")) == 6
        done = crawl(tmp_path, text)
        assert done.code == 0
        assert len(site.asked("/0.jpg")) == 6
        assert done.records()[f"{site.url}/0.jpg"].fetch_reason == "crash"
        site.routes["/0.jpg"] = usual
        done = crawl(tmp_path, text, "--retry", "failed")
    assert {row.state for row in done.records().values()} == {"done"}


def test_a_row_keeps_its_last_answer_until_a_new_one_comes(tmp_path, start):
    gone = {f"/{n}.jpg": Answer(status=404) for n in range(3)}
    site = shop(pictures=4, pages=1, **gone)
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        before = crawl(tmp_path, text).records()
        for path in gone:
            site.routes[path] = Answer(wait=20)
        write(tmp_path, text)
        site.hits.clear()
        command = [sys.executable, "-m", "spiders", "scrape", "--data", str(tmp_path), "--retry", "failed"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(site.asked, site)
        process.kill()
        process.wait()
    subprocess.run([sys.executable, "-m", "spiders", "export", "--data", str(tmp_path)], check=True)
    with closing(connect(tmp_path / "catalog.db")) as connection:
        assert {row.url: row for row in records(connection)} == before
    assert (tmp_path / "report" / "scrape.csv").read_text().count("http_4xx") == 3


def test_what_a_killed_crawl_stored_is_exported_without_asking_a_host(tmp_path, start):
    site = shop(pictures=40, pages=1, wait=0.05)
    with serving(site):
        process = start(recipe(lists(site), allow=(site,)))
        wait_until(lambda: len(numbers(site)) > 12, site)
        process.kill()
        process.communicate()
        site.hits.clear()
        command = [sys.executable, "-m", "spiders", "export", "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert site.hits == []
    with closing(connect(tmp_path / "catalog.db")) as connection:
        stored = [row for row in records(connection) if row.sha256]
    assert 3 < len(stored) < 40
    with (tmp_path / "report" / "scrape.csv").open(newline="") as file:
        assert [row["sha256"] for row in csv.DictReader(file)] == [row.sha256 for row in stored]
    assert "requests wait; make scrape goes on with them" in done.stderr


def wait_until(true, site, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, site.hits
        time.sleep(0.01)
