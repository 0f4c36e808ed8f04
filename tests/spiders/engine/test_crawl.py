"""A crawl from its start to its end: what it finds, where it stops, and what it asks a second time."""

import subprocess
import sys
from pathlib import Path

import pytest
from servers import Answer, Site, crawl, gallery, images, picture, recipe, serving, urls
from shops import PICTURES, lists, numbers, shop, unchanging

pytestmark = pytest.mark.timeout(120)


def test_a_second_crawl_asks_only_whether_the_lists_have_changed(tmp_path):
    site = shop()
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        assert crawl(tmp_path, text).code == 0
        site.hits.clear()
        again = crawl(tmp_path, text)
    assert again.code == 0
    assert sorted((hit.path, hit.status) for hit in site.asked()) == [(f"/list{n}", 304) for n in range(3)]
    assert "(0 new)" in again.out


def test_a_crawl_with_fresh_reads_every_page_anew_and_asks_whether_pictures_have_changed(tmp_path):
    site = shop()
    for n in range(12):
        site.routes[f"/{n}.jpg"] = unchanging(PICTURES[n])
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        crawl(tmp_path, text)
        site.hits.clear()
        done = crawl(tmp_path, text, "--fresh")
    answers = {hit.path: hit.status for hit in site.asked()}
    assert answers == {f"/list{n}": 200 for n in range(3)} | {f"/{n}.jpg": 304 for n in range(12)}
    assert {record.state for record in done.records().values()} == {"done"}
    assert len({record.sha256 for record in done.records().values()}) == 12


def test_a_source_whose_selectors_were_edited_is_read_anew(tmp_path):
    site = shop()
    site.routes["/list0"] = unchanging(b'<img src="/0.jpg"><b class="/1.jpg" style="background: url(/2.jpg)"></b>')
    with serving(site):
        crawl(tmp_path, recipe(lists(site), allow=(site,)))
        assert numbers(site) == [0]
        crawl(tmp_path, recipe(lists(site, image="b"), allow=(site,)))
    assert numbers(site) == [0, 2]


def test_what_is_new_on_a_list_is_found_by_the_next_crawl(tmp_path):
    site = shop()
    with serving(site):
        text = recipe(lists(site), allow=(site,))
        crawl(tmp_path, text)
        site.hits.clear()
        site.routes["/list2"] = images("/8.jpg", "/new.jpg")
        site.routes["/new.jpg"] = Answer(picture(40), kind="image/jpeg")
        crawl(tmp_path, text)
    assert sorted(hit.path for hit in site.asked()) == ["/list0", "/list1", "/list2", "/new.jpg"]


def test_the_limit_is_exact_and_said_and_the_next_crawl_goes_on_beyond_it(tmp_path):
    site = shop()
    with serving(site):
        first = crawl(tmp_path, recipe(lists(site), allow=(site,), limit=5))
        assert (first.code, len(numbers(site))) == (0, 5)
        assert "the limit of 5" in first.out
        again = crawl(tmp_path, recipe(lists(site), allow=(site,), limit=5))
        assert (again.code, len(numbers(site))) == (0, 5)
        rest = crawl(tmp_path, recipe(lists(site), allow=(site,), limit=100))
    assert numbers(site) == list(range(12))
    assert "the limit" not in rest.out


def test_a_limit_counts_different_pictures_and_not_failures(tmp_path):
    site = shop()
    site.routes["/list0"] = images("/gone.jpg", "/0.jpg", "/same.jpg", "/1.jpg", "/2.jpg")
    site.routes["/same.jpg"] = site.routes["/0.jpg"]
    with serving(site):
        done = crawl(tmp_path, recipe(lists(site), allow=(site,), limit=3))
    assert done.rows("select count(*) from picture") == [(3,)]


def test_only_what_failed_is_asked_again_on_demand(tmp_path):
    site = shop(**{"/late.jpg": Answer(status=404)})
    with serving(site):
        text = recipe(
            urls(tmp_path / "list.txt", f"{site.url}/0.jpg", f"{site.url}/late.jpg"), allow=(site,), contact="a@b.c"
        )
        crawl(tmp_path / "data", text)
        site.hits.clear()
        site.routes["/late.jpg"] = site.routes["/1.jpg"]
        crawl(tmp_path / "data", text)
        assert site.asked() == []
        done = crawl(tmp_path / "data", text, "--retry", "failed")
    assert [hit.path for hit in site.asked()] == ["/late.jpg"]
    assert done.records()[f"{site.url}/late.jpg"].state == "done"


def test_a_host_that_wants_to_be_left_alone_for_an_hour_is_and_the_next_crawl_knows(tmp_path):
    site = shop(**{"/0.jpg": Answer(status=429, headers={"Retry-After": "3600"})})
    with serving(site):
        text = recipe(lists(site), allow=(site,), per_host=1)
        first = crawl(tmp_path, text)
        asked = len(site.hits)
        second = crawl(tmp_path, text)
    assert f"{site.host} asks to be left alone until" in first.out
    assert f"{site.host} asks to be left alone until" in second.out
    assert len(site.hits) == asked


def test_one_source_alone_is_crawled_by_its_name(tmp_path):
    one, other = shop(), shop()
    with serving(one, other):
        text = recipe(lists(one, name="one"), lists(other, name="other"), allow=(one, other))
        crawl(tmp_path, text, "--source", "other")
        assert one.hits == []
        assert numbers(other) == list(range(12))
        missing = crawl(tmp_path, text, "--source", "nobody")
    assert missing.code == 2
    assert "it has one, other" in missing.out


def test_two_sources_may_read_the_same_page_and_share_its_pictures(tmp_path):
    site = Site({"/": images("/a.jpg"), "/a.jpg": Answer(PICTURES[0], kind="image/jpeg")})
    with serving(site):
        crawl(tmp_path, recipe(gallery(site, name="one"), gallery(site, name="other"), allow=(site,)))
    assert [len(site.asked(path)) for path in ("/", "/a.jpg")] == [2, 1]


def test_a_server_of_ones_own_is_refused_with_what_to_write_and_asked_once_it_is_written(tmp_path):
    site = shop(pictures=3, pages=1)
    with serving(site):
        refused = crawl(tmp_path, recipe(lists(site), contact="me@example.org"))
        assert refused.code == 1
        assert f"{site.host} is at a private address" in refused.out
        assert f'write allow_hosts = ["{site.host}"] under [scrape]' in refused.out
        assert not site.asked()
        allowed = crawl(tmp_path, recipe(lists(site), allow=(site,), contact="me@example.org"))
    assert allowed.code == 0, allowed.out
    assert numbers(site) == [0, 1, 2]


def test_a_crawl_that_found_nothing_says_so_and_exits_1(tmp_path):
    site = Site({"/": Answer(b"<p>no pictures here</p>")})
    with serving(site):
        done = crawl(tmp_path, recipe(gallery(site), allow=(site,)))
    assert done.code == 1
    assert "no picture was found" in done.out
    assert "source 'shop': image = 'img' matched nothing, as on " in done.out
    assert "FRESH=1" in done.out
    assert "make curate" not in done.out


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        ((), "the recipe has no [[source]]"),
        (('[[source]]\nkind = "gallery"\nstart = ["http://x"]\nimage = "img[["',), "which is no CSS selector"),
    ],
    ids=["no source", "no selector"],
)
def test_a_recipe_that_cannot_be_crawled_is_one_sentence_before_any_work(tmp_path, sources, sentence):
    done = crawl(tmp_path, recipe(*sources, contact="me@example.org"))
    assert done.code == 2
    assert sentence in done.out
    assert "Traceback" not in done.out
    assert not (tmp_path / "catalog.db").exists()


def test_a_crawl_that_failed_too_much_exits_1_with_a_table_by_reason_and_the_next_command(tmp_path):
    site = Site({"/": images("/a.jpg", "/b.jpg", "/c.jpg"), "/a.jpg": Answer(PICTURES[0])})
    with serving(site):
        done = crawl(tmp_path, recipe(gallery(site), allow=(site,), max_fail=0.4))
    assert done.code == 1
    assert "2 of 4 requests failed" in done.out
    assert "http_4xx                2" in done.out
    assert "RETRY=failed" in done.out
    assert (tmp_path / "report" / "scrape.csv").exists()


def test_the_export_has_a_row_for_every_address_and_is_touched_only_when_it_changes(tmp_path):
    site = Site({"/": images("/a.jpg", "/b.jpg"), "/a.jpg": Answer(PICTURES[0])})
    with serving(site):
        text = recipe(gallery(site, licence="CC0-1.0"), allow=(site,))
        crawl(tmp_path, text)
        csv = tmp_path / "report" / "scrape.csv"
        before, written = csv.read_text(), csv.stat().st_mtime_ns
        crawl(tmp_path, text)
    assert [line.split(",")[0] for line in before.splitlines()] == ["number", "1", ""]
    assert "http_4xx" in before
    assert "CC0-1.0" in before
    assert (csv.read_text(), csv.stat().st_mtime_ns) == (before, written)
    csv.unlink()  # make curate writes it anew, and does without Scrapy, which takes longer to import than to do that
    code = "import sys; from pathlib import Path; from scrapbag.layout import Data; from spiders.engine import export"
    code += "; export.export(Data(Path(sys.argv[1]))); assert 'scrapy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert csv.read_text() == before


def test_a_licence_that_nobody_states_is_recorded_as_unknown(tmp_path):
    site = Site({"/": images("/a.jpg"), "/a.jpg": Answer(PICTURES[0])})
    with serving(site):
        done = crawl(tmp_path, recipe(gallery(site), allow=(site,)))
    assert [record.licence for record in done.records().values()] == ["unknown"]


def test_without_a_contact_other_peoples_servers_are_not_asked(tmp_path):
    source = '[[source]]\nname = "shop"\nkind = "gallery"\nstart = ["https://example.org/"]\nimage = "img"'
    done = crawl(tmp_path, recipe(source))
    assert done.code == 2
    assert "contact" in done.out


def test_without_chromium_a_source_that_needs_it_waits_and_the_others_are_crawled(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    plain, scripted = shop(), shop()
    with serving(plain, scripted):
        text = recipe(
            lists(plain, name="plain"), lists(scripted, name="scripted", browser=True), allow=(plain, scripted)
        )
        done = crawl(tmp_path, text)
        assert done.code == 0
        assert "skipping scripted" in done.out
        assert "apt install chromium" in done.out
        assert numbers(plain) == list(range(12))
        alone = crawl(tmp_path, text, "--source", "scripted")
    assert alone.code == 69
    assert scripted.hits == []
