"""A crawl that is stopped or killed, at any moment, goes on by the same command."""

import signal
import subprocess
import sys
import time

import pytest
from servers import Answer, crawl, images, recipe, serving, write
from shops import lists, numbers, shop

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


def wait_until(true, site, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, site.hits
        time.sleep(0.01)
