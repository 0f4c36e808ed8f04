"""A recipe that was edited, and pages, files and servers that changed: the next crawl asks for what is wanted now."""

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from servers import Answer, Site, crawl, gallery, images, picture, recipe, serving, urls
from shops import PICTURES, lists, shop

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(120)


def told(done):
    """(state, reason) of each row, by the last part of its address."""
    return {url.rpartition("/")[2]: (row.state, row.fetch_reason) for url, row in done.records().items()}


def folder(path, name="mine"):
    return f'[[source]]\nname = "{name}"\nkind = "folder"\npath = "{path}"'


def dated(body, tag):
    """A picture whose server knows its ETag."""
    return lambda headers, _number: (
        Answer(status=304) if headers.get("if-none-match") == tag else Answer(body, headers={"ETag": tag})
    )


@pytest.mark.parametrize("kind", ["queued", "failed"])
def test_what_a_source_that_was_taken_out_has_left_belongs_to_the_one_that_lists_it_too(tmp_path, kind):
    site = shop(pictures=3, pages=1, **{"/1.jpg": Answer(status=404)} if kind == "failed" else {})
    with serving(site):
        addresses = [f"{site.url}/{n}.jpg" for n in range(3)]
        old = urls(tmp_path / "a.txt", *addresses, name="old")
        shared = gallery(site, "/list0", name="shared")
        both = recipe(old, shared, allow=(site,), contact="a@b.c", limit=1 if kind == "queued" else 9)
        crawl(tmp_path / "data", both)
        site.routes["/1.jpg"] = Answer(PICTURES[1])
        options = ["--retry", "failed"] if kind == "failed" else []
        done = crawl(tmp_path / "data", recipe(shared, allow=(site,)), *options)
    assert done.code == 0, done.out
    assert told(done) == {f"{n}.jpg": ("done", "") for n in range(3)}
    assert {row.source for row in done.records().values()} == {"shared"}


def test_a_source_under_another_name_goes_on_where_it_was(tmp_path):
    site = shop(pictures=4, pages=1)
    with serving(site):
        crawl(tmp_path, recipe(lists(site, name="old"), allow=(site,), limit=2))
        done = crawl(tmp_path, recipe(lists(site, name="new"), allow=(site,)))
    assert done.code == 0, done.out
    assert told(done) == {f"{n}.jpg": ("done", "") for n in range(4)}
    assert sorted(hit.path for hit in site.asked()) == ["/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg", "/list0", "/list0"]


def test_a_start_that_was_corrected_is_asked_and_the_old_one_never_again(tmp_path):
    site = Site({f"/{name}": images(f"/{name}.jpg") for name in ("bags", "quilts")})
    site.routes |= {f"/{name}.jpg": Answer(picture(n)) for n, name in enumerate(("bags", "quilts"))}
    with serving(site):
        crawl(tmp_path, recipe(gallery(site, "/bags"), allow=(site,)))
        site.hits.clear()
        for _ in range(2):
            done = crawl(tmp_path, recipe(gallery(site, "/quilts"), allow=(site,)))
    assert {hit.path for hit in site.asked()} == {"/quilts", "/quilts.jpg"}
    assert told(done) == {"bags.jpg": ("skipped", "gone"), "quilts.jpg": ("done", "")}
    assert done.records()[f"{site.url}/bags.jpg"].sha256 == ""


def test_a_page_that_cannot_be_read_after_an_edit_keeps_what_it_had_shown(tmp_path):
    site = Site({"/": images("/a.jpg"), "/a.jpg": Answer(PICTURES[0])})
    with serving(site):
        crawl(tmp_path, recipe(gallery(site), allow=(site,)))
        site.routes["/"] = Answer(status=500)
        done = crawl(tmp_path, recipe(gallery(site, image="img.main"), allow=(site,), attempts=1))
        assert told(done) == {"a.jpg": ("done", "")}
        site.routes["/"] = Answer(b'<img src="/a.jpg"><img class="main" src="/b.jpg">')
        site.routes["/b.jpg"] = Answer(PICTURES[1])
        done = crawl(tmp_path, recipe(gallery(site, image="img.main"), allow=(site,)), "--retry", "failed")
    assert told(done) == {"a.jpg": ("skipped", "gone"), "b.jpg": ("done", "")}


def test_a_corrected_sha256_is_what_the_bytes_are_held_against(tmp_path):
    site = Site({f"/{n}.jpg": Answer(PICTURES[n]) for n in range(2)})
    listed = tmp_path / "list.csv"
    with serving(site):
        source = f'[[source]]\nname = "list"\nkind = "urls"\npath = "{listed}"'
        text = recipe(source, allow=(site,), contact="a@b.c")
        listed.write_text(f"url,sha256\n{site.url}/0.jpg,{'0' * 64}\n{site.url}/1.jpg,\n")
        first = crawl(tmp_path / "data", text)
        assert told(first) == {"0.jpg": ("failed", "mismatch"), "1.jpg": ("done", "")}
        right = first.records()[f"{site.url}/1.jpg"].sha256
        listed.write_text(f"url,sha256\n{site.url}/0.jpg,\n{site.url}/1.jpg,{right}\n")
        site.hits.clear()
        done = crawl(tmp_path / "data", text)
        assert told(done) == {"0.jpg": ("done", ""), "1.jpg": ("done", "")}
        assert [hit.path for hit in site.asked()] == ["/0.jpg"], "what is right already is not asked"
        listed.write_text(f"url,sha256\n{site.url}/0.jpg,\n")
        done = crawl(tmp_path / "data", text)
    assert told(done) == {"0.jpg": ("done", ""), "1.jpg": ("skipped", "gone")}


@pytest.mark.parametrize("options", [(), ("--fresh",)], ids=["scrape", "FRESH=1"])
def test_files_that_were_replaced_deleted_or_added_are_seen(tmp_path, options):
    mine = tmp_path / "mine"
    mine.mkdir()
    for number, name in enumerate("abc"):
        (mine / f"{name}.jpg").write_bytes(PICTURES[number])
    text = recipe(folder(mine))
    before = crawl(tmp_path / "data", text).records()
    (mine / "a.jpg").write_bytes(PICTURES[7])
    (mine / "b.jpg").unlink()
    (mine / "d.jpg").write_bytes(PICTURES[3])
    done = crawl(tmp_path / "data", text, *options)
    assert told(done) == {**dict.fromkeys(["a.jpg", "c.jpg", "d.jpg"], ("done", "")), "b.jpg": ("skipped", "gone")}
    after = done.records()
    assert after["folder://mine/a.jpg"].sha256 != before["folder://mine/a.jpg"].sha256
    assert after["folder://mine/c.jpg"] == before["folder://mine/c.jpg"] or options, "it was not read again"
    (mine / "b.jpg").write_bytes(PICTURES[1])
    done = crawl(tmp_path / "data", text)
    assert done.records()["folder://mine/b.jpg"].sha256 == before["folder://mine/b.jpg"].sha256


def test_another_folder_with_the_same_names_and_times_is_read(tmp_path):
    for number, name in enumerate(("one", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(PICTURES[number])
        os.utime(tmp_path / name / "a.jpg", (1, 1))
    for name in ("one", "other"):
        done = crawl(tmp_path / "data", recipe(folder(tmp_path / name)))
        sha256 = hashlib.sha256((tmp_path / name / "a.jpg").read_bytes()).hexdigest()
        assert done.records()["folder://mine/a.jpg"].sha256 == sha256


def test_a_source_that_becomes_a_folder_asks_nothing_more_of_its_old_host(tmp_path):
    site = shop(pictures=4, pages=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.jpg").write_bytes(picture(9))
    with serving(site):
        crawl(tmp_path / "data", recipe(lists(site, name="mine"), allow=(site,), limit=2))
        site.hits.clear()
        done = crawl(tmp_path / "data", recipe(folder(tmp_path / "mine"), allow=(site,)))
    assert site.hits == []
    assert told(done)["a.jpg"] == ("done", "")
    assert {state for name, state in told(done).items() if name != "a.jpg"} == {("skipped", "gone")}


def test_a_source_that_is_taken_out_is_gone_and_comes_back_with_all_that_it_had(tmp_path):
    one, other = shop(pictures=2, pages=1), shop(pictures=3, pages=1)
    with serving(one, other):
        both = recipe(lists(one, name="one"), lists(other, name="other"), allow=(one, other))
        before = crawl(tmp_path, both).records()
        without = crawl(tmp_path, recipe(lists(other, name="other"), allow=(one, other)))
        states = {(row.source, row.state, row.fetch_reason, bool(row.sha256)) for row in without.records().values()}
        assert ("one", "skipped", "gone", False) in states
        assert "gone" in without.out
        one.hits.clear()
        after = crawl(tmp_path, both, "--source", "other").records()
        assert one.hits == [], "it is another source that is asked"
    assert after == before


def test_fresh_asks_pictures_whether_they_have_changed_and_one_that_is_no_more_is_a_row_that_says_so(tmp_path):
    site = Site({"/": images("/same.jpg", "/new.jpg", "/no.jpg", "/off.jpg")})
    site.routes |= {f"/{name}.jpg": dated(PICTURES[n], '"1"') for n, name in enumerate(("same", "new", "no", "off"))}
    with serving(site):
        text = recipe(gallery(site), allow=(site,), attempts=1)
        before = crawl(tmp_path, text).records()
        site.routes["/new.jpg"] = dated(PICTURES[9], '"2"')
        site.routes["/no.jpg"] = Answer(status=410)
        site.routes["/off.jpg"] = Answer(status=500)
        site.hits.clear()
        done = crawl(tmp_path, text, "--fresh")
    after = {url.rpartition("/")[2]: row for url, row in done.records().items()}
    was = {url.rpartition("/")[2]: row for url, row in before.items()}
    assert {hit.path: hit.status for hit in site.asked()} == {
        "/": 200, "/same.jpg": 304, "/new.jpg": 200, "/no.jpg": 410, "/off.jpg": 500,
    }  # fmt: skip
    assert after["same.jpg"].sha256 == was["same.jpg"].sha256
    assert after["new.jpg"].sha256 not in ("", was["new.jpg"].sha256)
    assert (after["no.jpg"].state, after["no.jpg"].fetch_reason, after["no.jpg"].sha256) == ("failed", "http_4xx", "")
    assert (after["off.jpg"].fetch_reason, after["off.jpg"].sha256) == ("http_5xx", was["off.jpg"].sha256)


def test_an_unasked_304_is_no_answer(tmp_path):
    site = Site({"/": images("/a.jpg"), "/a.jpg": Answer(status=304)})
    with serving(site):
        done = crawl(tmp_path, recipe(gallery(site), allow=(site,)))
    assert told(done) == {"a.jpg": ("failed", "redirect")}


def test_retry_asks_again_for_whatever_has_no_usable_body_and_for_nothing_else(tmp_path):
    broken = {"/page.jpg": Answer(b"<html>Access denied"), "/half.jpg": dated(PICTURES[1][:-300], '"1"')}
    site = Site({"/": images("/page.jpg", "/half.jpg", "/lost.jpg", "/good.jpg"), **broken})
    site.routes |= {"/lost.jpg": dated(PICTURES[2], '"1"'), "/good.jpg": Answer(PICTURES[3])}
    with serving(site):
        text = recipe(gallery(site), allow=(site,))
        first = crawl(tmp_path, text).records()
        lost = first[f"{site.url}/lost.jpg"].sha256
        (file,) = (tmp_path / "images").glob(f"*/{lost}.jpg")
        file.unlink()
        site.routes |= {"/page.jpg": Answer(PICTURES[0]), "/half.jpg": dated(PICTURES[1], '"1"')}
        site.hits.clear()
        done = crawl(tmp_path, text, "--retry", "failed")
    assert sorted((hit.path, hit.status) for hit in site.asked()) == [
        ("/half.jpg", 200), ("/lost.jpg", 200), ("/page.jpg", 200),
    ]  # fmt: skip
    assert {row.problem for row in done.records().values()} == {""}
    assert file.exists()


def test_a_catalog_of_version_1_goes_on_where_it_was_and_has_no_key_any_more(tmp_path):
    site = shop(pictures=6, pages=2, **{"/gone.jpg": Answer(status=404)})
    (tmp_path / "data").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.jpg").write_bytes(picture(9))
    with serving(site):
        script = (ROOT / "tests" / "scrapbag" / "catalog_1.sql").read_text()
        with closing(sqlite3.connect(tmp_path / "data" / "catalog.db")) as old:
            old.executescript(script.replace("127.0.0.1:8099", site.host).replace("/tmp/v1/folder", f"{tmp_path}/mine"))
        listed = urls(tmp_path / "list.txt", f"{site.url}/gone.jpg", f"{site.url}/0.jpg")
        text = recipe(lists(site), listed, folder(tmp_path / "mine", "folder"), allow=(site,), contact="a@b.c")
        done = crawl(tmp_path / "data", text)
    assert done.code == 0, done.out
    assert sorted(hit.path for hit in site.asked()) == ["/3.jpg", "/4.jpg", "/5.jpg"]
    assert told(done) == {
        **dict.fromkeys(("a.jpg", *(f"{n}.jpg" for n in range(6))), ("done", "")),
        "gone.jpg": ("failed", "http_4xx"),
    }
    assert b"a-key-of-version-1" not in (tmp_path / "data" / "catalog.db").read_bytes()
    assert done.rows("select active, recipe like '%query%' from source where name = 'smithsonian'") == [(0, 1)]


def test_a_wrong_clock_of_an_earlier_run_keeps_nothing_waiting(tmp_path):
    site = shop(pictures=3, pages=1)
    with serving(site):
        text = recipe(lists(site), allow=(site,), limit=1)
        done = crawl(tmp_path, text)
        ahead = time.time() + 365 * 86_400
        with closing(sqlite3.connect(tmp_path / "catalog.db")) as catalog, catalog:
            catalog.execute("update request set not_before = ? where state = 'queued'", (ahead,))
            catalog.execute("insert or replace into host values (?, ?, 1)", (site.host, ahead))
        done = crawl(tmp_path, recipe(lists(site), allow=(site,)))
    assert told(done) == {f"{n}.jpg": ("done", "") for n in range(3)}
    assert "left alone" not in done.out


@pytest.mark.parametrize(
    "after",
    ["99999999999999", "9" * 400, "7200", str(int(time.time()) + 10**6)],
    ids=["huge", "long", "hours", "a date"],
)
def test_a_host_that_asks_for_hours_is_given_up_for_this_run_and_asked_again_on_demand(tmp_path, after):
    busy = Answer(status=429, headers={"Retry-After": after})
    site = shop(pictures=3, pages=1, **{f"/{n}.jpg": busy for n in range(3)})
    with serving(site):
        text = recipe(lists(site), allow=(site,), per_host=1, attempts=1)
        first = crawl(tmp_path, text)
        assert "Traceback" not in first.out
        assert {reason for _, reason in told(first).values()} == {"http_4xx"}
        assert f"{site.host} asks to be left alone until" in first.out
        assert "RETRY=failed" in first.out
        for n in range(3):
            site.routes[f"/{n}.jpg"] = Answer(PICTURES[n])
        done = crawl(tmp_path, text, "--retry", "failed")
    assert told(done) == {f"{n}.jpg": ("done", "") for n in range(3)}


def test_a_pause_that_a_host_asked_for_is_lifted_by_fresh(tmp_path):
    site = shop(pictures=2, pages=1, **{"/0.jpg": Answer(status=429, headers={"Retry-After": "1800"})})
    with serving(site):
        text = recipe(lists(site), allow=(site,), per_host=1)
        first = crawl(tmp_path, text)
        assert "asks to be left alone until" in first.out
        site.routes["/0.jpg"] = Answer(PICTURES[0])
        done = crawl(tmp_path, text, "--fresh")
    assert told(done) == {f"{n}.jpg": ("done", "") for n in range(2)}
