"""The catalog's requests: what is queued, leased and settled, and that each response is one transaction."""

import json
import time
from contextlib import closing
from dataclasses import replace

import pytest

from scrapbag.catalog import connect, records
from scrapbag.crawl.frontier import Answer, Frontier, Page, Picture, Stored

A, B = "https://a.example", "https://b.example"
OK = Answer(200, '"tag"', "yesterday")


@pytest.fixture
def catalog(tmp_path):
    with closing(connect(tmp_path / "catalog.db", create=True)) as connection:
        yield connection


@pytest.fixture
def frontier(catalog):
    return begun(Frontier(catalog, ["shop"]))


def begun(frontier, recipe="", **how):
    frontier.begin({"shop": recipe}, **{"retry": False, "fresh": False} | how)
    return frontier


def again(catalog, recipe="", **how):
    """The frontier of the next run."""
    catalog.execute("drop table temp.wanted")
    return begun(Frontier(catalog, ["shop"]), recipe, **how)


def states(catalog):
    return dict(catalog.execute("select url, state from request").fetchall())


def stored(number=0, **values):
    return Stored(f"{number:064x}", "jpg", 100, 10, 10, **values)


def test_a_lease_is_given_once_and_in_the_order_of_finding(frontier):
    frontier.add("shop", [Page(f"{A}/{n}") for n in range(5)])
    assert [one.url[-1] for one in frontier.lease("a.example", 2)] == ["0", "1"]
    assert [one.url[-1] for one in frontier.lease("a.example", 9)] == ["2", "3", "4"]
    assert frontier.lease("a.example", 9) == []


def test_every_host_with_something_queued_is_known_and_no_other(frontier):
    frontier.add("shop", [Page(f"{A}/1"), Page(f"{B}:8080/1"), Page("http://user:word@C.example/")])
    frontier.lease("a.example", 1)
    assert frontier.hosts() == {"b.example:8080": 0, "c.example": 0}


def test_a_page_and_what_it_names_are_one_transaction(frontier, catalog):
    frontier.add("shop", [Page(f"{A}/list")])
    (lease,) = frontier.lease("a.example", 1)

    def found():
        yield Picture(f"{A}/1.jpg", f"{A}/list")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        frontier.page_done(lease, found(), OK)
    assert states(catalog) == {f"{A}/list": "leased"}
    frontier.page_done(lease, [Picture(f"{A}/1.jpg", f"{A}/list")], OK)
    assert states(catalog) == {f"{A}/list": "done", f"{A}/1.jpg": "queued"}


def test_the_leases_of_a_dead_run_are_queued_again_with_what_their_pages_said(frontier, catalog):
    frontier.add(
        "shop", [Page(f"{A}/list", callback="item", meta={"rating": 4.5}, browser=True, actions=(["click", "b"],))]
    )
    frontier.lease("a.example", 1)
    (lease,) = again(catalog).lease("a.example", 1)
    assert (lease.callback, lease.meta) == ("item", {"meta": {"rating": 4.5}, "actions": [["click", "b"]]})
    assert lease.attempts == 1, "a kill is no attempt"


def test_a_picture_is_asked_once_over_all_sources_and_every_page_that_shows_it_is_kept(catalog):
    frontier = Frontier(catalog, ["shop", "other"])
    frontier.begin({}, retry=False, fresh=False)
    frontier.add("shop", [Picture(f"{A}/1.jpg", f"{A}/list", title="one")])
    frontier.add(
        "other", [Picture(f"{A}/1.jpg", f"{B}/list", title="two"), Picture(f"{A}/1.jpg", f"{A}/list", title="new")]
    )
    assert catalog.execute("select count(*) from request").fetchone() == (1,)
    assert catalog.execute("select title from sighting order by 1").fetchall() == [
        ("new",),
        ("one",),
        ("two",),
    ]


def test_half_a_character_ends_no_crawl_and_what_is_no_address_has_no_host(frontier, catalog):
    half = json.loads(r'"a cut \ud83d"')
    frontier.add("a", [Picture("http://x/\ud83d.jpg", "http://x/", title=half, tags=(half,)), Picture("http://[", "")])
    assert catalog.execute("select title, tags from sighting where title > ''").fetchall() == [("a cut ?", "a cut ?")]
    assert catalog.execute("select url, host from request order by id").fetchall() == [
        ("http://x/?.jpg", "x"),
        ("http://[", ""),
    ]


def test_the_same_bytes_are_one_picture_whose_number_never_changes(frontier, catalog):
    frontier.add("shop", [Picture(f"{A}/{n}.jpg", A) for n in range(3)])
    for lease, number in zip(frontier.lease("a.example", 3), (7, 8, 7), strict=True):
        frontier.picture_done(lease, stored(number), OK)
    assert [record.number for record in records(catalog)] == [1, 2, 1]
    assert frontier.pictures == 2


def test_when_nothing_is_left_the_next_run_asks_the_lists_again_and_no_item_and_no_picture(frontier, catalog):
    frontier.add("shop", [Page(f"{A}/list"), Page(f"{A}/item", once=True), Picture(f"{A}/1.jpg", A)])
    *pages, picture = frontier.lease("a.example", 3)
    for page in pages:
        frontier.page_done(page, [], OK)
    frontier.picture_done(picture, stored(), OK)
    (lease,) = again(catalog).lease("a.example", 9)
    assert (lease.url, lease.etag, lease.last_modified) == (f"{A}/list", '"tag"', "yesterday")


def test_while_something_is_left_no_list_is_asked_again(frontier, catalog):
    frontier.add("shop", [Page(f"{A}/list"), Picture(f"{A}/1.jpg", A)])
    frontier.page_done(frontier.lease("a.example", 1)[0], [], OK)
    assert [one.url for one in again(catalog).lease("a.example", 9)] == [f"{A}/1.jpg"]


def test_with_fresh_every_page_is_read_anew_and_without_its_validators_and_every_picture_asked_with_them(
    frontier, catalog
):
    frontier.add("shop", [Page(f"{A}/list"), Page(f"{A}/item", once=True), Picture(f"{A}/1.jpg", A)])
    *pages, picture = frontier.lease("a.example", 3)
    for page in pages:
        frontier.page_done(page, [], OK)
    frontier.picture_done(picture, stored(), OK)
    leases = again(catalog, fresh=True).lease("a.example", 9)
    assert [(one.url, one.etag) for one in leases] == [
        (f"{A}/list", ""),
        (f"{A}/item", ""),
        (f"{A}/1.jpg", '"tag"'),
    ]


def test_what_an_edited_source_names_again_is_read_anew_as_it_says_now_and_nothing_else_is(frontier, catalog):
    frontier.add("shop", [Page(f"{A}/list"), Page(f"{A}/old"), Page(f"{A}/item", once=True)])
    for page in frontier.lease("a.example", 3):
        frontier.page_done(page, [], OK)
    edited = again(catalog, recipe="edited")
    assert edited.lease("a.example", 9) == []
    edited.add("shop", [Page(f"{A}/list", browser=True, actions=(["click", "b"],))])
    (lease,) = edited.lease("a.example", 9)
    assert (lease.url, lease.etag, lease.meta) == (f"{A}/list", "", {"actions": [["click", "b"]]})
    edited.page_done(lease, [Page(f"{A}/item", once=True)], OK)
    assert [one.url for one in edited.lease("a.example", 9)] == [f"{A}/item"]


@pytest.mark.parametrize("version", ["", "1"], ids=["as it was", "another"])
def test_a_picture_that_was_gone_and_is_named_again_is_asked_and_no_more_gone(frontier, catalog, version):
    picture = Picture(f"{A}/1.jpg", f"{A}/list")
    frontier.add("shop", [picture])
    frontier.stop("a.example", "timeout")
    frontier.relist("shop")
    frontier.concluded("shop")
    assert [record.fetch_reason for record in records(catalog)] == ["gone"]
    frontier.add("shop", [replace(picture, version=version)])
    assert [record.fetch_reason for record in records(catalog)] != ["gone"]
    assert states(catalog) == {f"{A}/1.jpg": "queued"}


def test_what_failed_is_asked_again_only_on_demand_and_what_was_skipped_never(frontier, catalog):
    frontier.add("shop", [Picture(f"{A}/{n}.jpg", A) for n in range(2)])
    failed, skipped = frontier.lease("a.example", 2)
    frontier.lost(failed, "timeout", Answer())
    frontier.lost(skipped, "opt_out", Answer(200), skipped=True)
    assert again(catalog).lease("a.example", 9) == []
    assert [one.url for one in again(catalog, retry=True).lease("a.example", 9)] == [f"{A}/0.jpg"]


def test_a_request_that_waits_is_not_leased_before_its_time(catalog):
    now = [1000.0]
    frontier = begun(Frontier(catalog, ["shop"], lambda: now[0]))
    frontier.add("shop", [Picture(f"{A}/1.jpg", A)])
    (lease,) = frontier.lease("a.example", 1)
    frontier.later(lease, 1060.0)
    now[0] = 1059.9
    assert frontier.lease("a.example", 1) == []
    assert frontier.next_try("a.example") == 1060.0
    now[0] = 1060.0
    assert [one.attempts for one in frontier.lease("a.example", 1)] == [2]


@pytest.mark.parametrize("late", ["lost", "later", "unchanged"])
def test_what_comes_after_a_request_is_settled_changes_nothing(frontier, catalog, late):
    frontier.add("shop", [Page(f"{A}/list")])
    (lease,) = frontier.lease("a.example", 1)
    frontier.page_done(lease, [], OK)
    before = catalog.execute("select * from request").fetchall()
    match late:
        case "lost":
            frontier.lost(lease, "timeout", Answer())
        case "later":
            frontier.later(lease, 0.0)
        case "unchanged":
            frontier.unchanged(lease)
    assert catalog.execute("select * from request").fetchall() == before


def test_an_attempt_that_was_never_made_does_not_count(frontier):
    frontier.add("shop", [Picture(f"{A}/1.jpg", A)])
    frontier.later(frontier.lease("a.example", 1)[0], 0, counts=False)
    assert [one.attempts for one in frontier.lease("a.example", 1)] == [1]


def test_a_pause_that_a_host_asked_for_outlives_the_run(frontier, catalog):
    frontier.add("shop", [Picture(f"{A}/1.jpg", A)])
    until = time.time() + 3600
    frontier.pause("a.example", until)
    assert again(catalog).hosts() == {"a.example": until}
    frontier.pause("a.example", time.time() - 1)
    assert again(catalog).hosts() == {"a.example": 0}


def test_a_host_that_is_given_up_has_a_row_for_everything_that_was_queued_of_it(frontier, catalog):
    frontier.add("shop", [Picture(f"{A}/{n}.jpg", A) for n in range(3)])
    frontier.add("shop", [Picture(f"{B}/1.jpg", A)])
    assert frontier.stop("a.example", "challenge") == 3
    assert [(record.state, record.fetch_reason) for record in records(catalog)] == [("failed", "challenge")] * 3
    assert frontier.hosts() == {"b.example": 0}


def test_only_the_sources_of_this_run_are_asked(catalog):
    frontier = Frontier(catalog, ["one"])
    frontier.begin({}, retry=False, fresh=False)
    frontier.add("one", [Page(f"{A}/1")])
    frontier.add("other", [Page(f"{A}/2")])
    assert [one.url for one in frontier.lease("a.example", 9)] == [f"{A}/1"]


def test_only_pages_are_leased_when_there_are_pictures_enough(frontier):
    frontier.add("shop", [Picture(f"{A}/1.jpg", A), Page(f"{A}/list")])
    assert [one.kind for one in frontier.lease("a.example", 9, pictures=False)] == ["page"]


def test_thirty_thousand_addresses_are_queued_in_seconds_and_leased_in_milliseconds(frontier):
    began = time.process_time()
    frontier.add("shop", (Picture(f"https://h{n % 500}.example/{n}.jpg", A) for n in range(30_000)))
    added = time.process_time()
    assert len(frontier.hosts()) == 500
    for n in range(100):
        assert len(frontier.lease(f"h{n}.example", 2)) == 2
    assert added - began < 6
    assert time.process_time() - added < 1
