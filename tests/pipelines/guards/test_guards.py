"""What servers may send, and what is expected of a crawl: one crawl of many hostile hosts, then a claim each."""

import hashlib

import pytest
from hostile import MAIN, ODD, SPELLINGS
from w3lib.url import safe_url_string

pytestmark = pytest.mark.timeout(120)


def test_the_crawl_comes_to_its_end_and_tells_what_it_did_not_fetch(world):
    assert world.done.code == 0, world.done.out
    assert "Traceback" not in world.done.out
    assert "opt_out" in world.done.out


@pytest.mark.parametrize("path", ["/ok.jpg", "/open_ended.jpg", "/recovers.jpg", *ODD])
def test_a_picture_is_stored_byte_for_byte_as_it_was_served(world, path):
    record = world.record(path)
    route = MAIN[path]
    served = route({}, 2).body if callable(route) else route.body
    assert (record.state, record.problem) == ("done", "")
    assert world.file(record).read_bytes() == served
    assert record.sha256 == hashlib.sha256(served).hexdigest()


def test_the_same_bytes_under_two_addresses_are_one_file_and_two_rows(world):
    assert world.record("/again.jpg").number == world.record("/ok.jpg").number


def test_the_extension_comes_from_the_signature(world):
    assert world.record("/wrong.png").extension == "jpg"


@pytest.mark.parametrize(
    ("path", "problem"), [("/html.jpg", "not_image"), ("/half.jpg", "truncated")], ids=["a page", "half a picture"]
)
def test_what_came_whole_but_is_no_whole_picture_is_stored_with_its_problem(world, path, problem):
    record = world.record(path)
    assert (record.state, record.problem) == ("done", problem)
    assert world.file(record).read_bytes() == MAIN[path].body


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/short.jpg", "truncated"),
        ("/announced.jpg", "too_many_bytes"),
        ("/endless.jpg", "too_many_bytes"),
        ("/inflates.jpg", "too_many_bytes"),
        ("/pixels.png", "too_many_pixels"),
        ("/loop.jpg", "redirect"),
        ("/to_file.jpg", "redirect"),
        ("/to_ftp.jpg", "redirect"),
        ("/to_private.jpg", "address"),
        ("/to_ten.jpg", "address"),
        ("/to_metadata.jpg", "address"),
        ("/to_down.jpg", "robots"),
        ("/resets.jpg", "connection"),
        ("/gone.jpg", "http_4xx"),
        ("/broken.jpg", "http_5xx"),
        ("/drips.jpg", "timeout"),
        ("/hangs.jpg", "timeout"),
    ],
)
def test_a_failure_is_one_row_with_its_reason(world, path, reason):
    record = world.record(path)
    assert (record.state, record.fetch_reason, record.sha256) == ("failed", reason, "")


def test_what_may_pass_is_tried_again_and_what_will_not_is_not(world):
    tries = {
        path: len(world.asked("main", path)) for path in ("/gone.jpg", "/broken.jpg", "/recovers.jpg", "/noai.jpg")
    }
    assert tries == {"/gone.jpg": 1, "/broken.jpg": 2, "/recovers.jpg": 2, "/noai.jpg": 1}


def test_a_redirect_is_followed_and_the_address_that_was_named_keeps_the_picture(world):
    assert world.record("/twice.jpg").number == world.record("/ok.jpg").number


@pytest.mark.parametrize("path", ["/noai.jpg", "/noindex.jpg", "/for_us.jpg", "/tdm.jpg"])
def test_an_opt_out_by_header_is_kept(world, path):
    record = world.record(path)
    assert (record.state, record.fetch_reason) == ("skipped", "opt_out")


def test_an_opt_out_is_decided_before_the_body_is_paid_for(world):
    assert "/noai.jpg" not in world.sites["main"].finished
    assert "/ok.jpg" in world.sites["main"].finished


def test_an_opt_out_for_another_crawler_is_not_ours(world):
    assert world.record("/for_others.jpg").state == "done"


@pytest.mark.parametrize("site", ["meta", "tdm_page"])
def test_a_page_that_opts_out_gives_no_pictures(world, site):
    assert [hit.path for hit in world.asked(site)] == ["/"]


def test_a_page_that_only_wants_no_place_in_a_search_engine_is_read(world):
    assert world.record("/a.jpg", "noindex_page").state == "done"


@pytest.mark.parametrize("number", range(len(SPELLINGS)), ids=SPELLINGS)
def test_a_private_address_is_refused_however_it_is_spelled(world, number):
    assert world.records[world.spelled[number]].fetch_reason == "address"
    assert world.sites["private"].hits == []


@pytest.mark.parametrize("number", range(7), ids=["file", "ftp", "none", "folder", "broken", "script", "password"])
def test_only_http_and_https_are_asked_and_no_address_with_a_password(world, number):
    odd = world.odd[number]
    assert world.records[odd if odd in world.records else safe_url_string(odd)].fetch_reason == "address"


def test_a_name_that_nobody_knows_is_one_row(world):
    assert world.records["http://nowhere.invalid/a.jpg"].fetch_reason == "dns"


def test_a_certificate_that_nobody_signed_is_refused(world):
    assert world.record("/a.jpg", "signed_by_nobody").fetch_reason == "tls"
    assert world.sites["signed_by_nobody"].hits == []


def test_nothing_from_an_address_becomes_a_path(world):
    record = world.record("/%2e%2e%2f%2e%2e%2fetc%2fpasswd")
    assert record.state == "done"
    names = {path.name for path in world.done.data.rglob("*") if path.is_file() and path.parent.parent.name == "images"}
    assert all(len(name.partition(".")[0]) == 64 for name in names)
    assert not list((world.done.data / "images").glob("*/.*"))


def test_we_say_who_we_are_and_what_we_came_for(world):
    hit = world.asked("main", "/ok.jpg")[0]
    assert hit.headers["user-agent"].startswith("scrapbag/")
    assert "tests@example.org" in hit.headers["user-agent"]
    assert hit.headers["accept-encoding"] == "identity"
    assert "referer" not in hit.headers
    assert "cookie" not in hit.headers


def test_no_host_is_asked_for_more_at_once_than_the_recipe_allows(world):
    assert world.sites["main"].most <= 4
