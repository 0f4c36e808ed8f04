"""What a host may ask of a crawl: rules, pauses, to be left alone. The same crawl as in test_find_guards.py."""

import itertools

import pytest

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("site", "reason"), [("robots_down", "robots"), ("robots_busy", "robots"), ("robots_gone", "connection")]
)
def test_without_a_readable_robots_txt_nothing_of_the_host_is_asked(world, site, reason):
    assert world.asked(site) == []
    assert {world.record(f"/{x}.jpg", site).fetch_reason for x in "abc"} == {reason}


def test_where_there_is_no_robots_txt_everything_may_be_asked(world):
    assert world.record("/a.jpg", "robots_none").state == "done"


def test_the_rules_for_us_win_over_those_for_everyone(world):
    assert world.record("/a.jpg", "robots_rules").state == "done"
    record = world.record("/b.jpg", "robots_rules")
    assert (record.state, record.fetch_reason) == ("skipped", "robots")
    assert not world.asked("robots_rules", "/b.jpg")


def test_robots_txt_is_asked_first_and_once(world):
    paths = [hit.path for hit in world.sites["main"].hits]
    assert paths[0] == "/robots.txt"
    assert paths.count("/robots.txt") == 1


def test_a_crawl_delay_is_kept_from_the_first_request_on(world):
    times = [hit.at for hit in world.sites["robots_slow"].hits]
    assert min(later - earlier for earlier, later in itertools.pairwise(times[1:])) > 1.4


@pytest.mark.parametrize(("site", "pause"), [("seconds", 2), ("date", 2), ("shopify", 1)])
def test_a_host_that_asks_for_a_pause_gets_it_and_then_one_probe(world, site, pause):
    busy = world.asked(site, "/a.jpg")[0]
    before = [hit for hit in world.asked(site) if hit.at <= busy.at + 0.3]
    after = [hit for hit in world.asked(site) if hit.at > busy.at + 0.3]
    assert len(before) <= 4  # those that were under way already
    assert after[0].at - busy.at >= pause - 0.1
    assert {world.record(f"/{x}.jpg", site).state for x in "abc"} == {"done"}


def test_a_host_that_never_stops_asking_for_pauses_is_given_up(world):
    assert {world.record(f"/{x}.jpg", "always").fetch_reason for x in "abc"} == {"http_4xx"}
    assert len(world.asked("always")) <= 8


def test_a_challenge_stops_the_host_for_its_source_with_a_reason(world):
    assert world.record("/a.jpg", "challenge").fetch_reason == "challenge"
    assert len(world.asked("challenge", "/a.jpg")) == 1
