"""Whom the turns let ask, told by a clock that only the test moves, over a real catalog."""

from collections import Counter
from contextlib import closing

import pytest

from scrapbag.catalog import connect
from scrapbag.crawl.frontier import Answer, Frontier, Page, Picture, Stored
from scrapbag.recipe import Scrape
from spiders.engine.clock import Clock
from spiders.engine.host import Rest
from spiders.engine.turns import PATIENCE_S, Turns

NOON = 1_800_000_000.0  # seconds since 1970


class Crawl:
    """A catalog, its turns, and the time. `ask()` is the row of the next request, None when there is none yet."""

    def __init__(self, connection, **scrape):
        self.now = 0.0
        self.db = connection
        self.scrape = Scrape(**{"delay_s": 0.0, "per_host": 2, "concurrency": 8} | scrape)
        self.clock = Clock(lambda: self.now, lambda: NOON + self.now)
        self.frontier = Frontier(connection, ["shop"], self.clock.wall)
        self.frontier.begin({}, retry=False, fresh=False)
        self.turns = Turns(self.frontier, self.scrape, self.clock)

    def begin(self, *urls):
        self.frontier.add("shop", [Page(url) for url in urls])
        self.turns.begin()
        return self

    def ask(self, slot_delay=0.0):
        return self.turns.next(lambda lease: lease, lambda _host: slot_delay)

    def asked(self, slot_delay=0.0):
        return list(iter(lambda: self.ask(slot_delay), None))

    def answer(self, *leases):
        for lease in leases:
            self.turns.spoke(lease, well=True)
            self.frontier.page_done(lease, [], Answer(200))

    def fail(self, lease, reason="timeout"):
        self.frontier.lost(lease, reason, Answer())
        self.turns.silent(lease, reason)

    def busy(self, lease, seconds):
        self.frontier.later(lease, 0.0, counts=False)
        self.turns.pause(lease.host, seconds, "http_4xx")

    def states(self):
        return Counter(state for (state,) in self.db.execute("select state from request"))


@pytest.fixture
def crawl(tmp_path):
    with closing(connect(tmp_path / "catalog.db", create=True)) as connection:
        yield lambda **how: Crawl(connection, **how)


def pages(host, count):
    return [f"https://{host}.example/{n}" for n in range(count)]


def hosts(leases):
    return "".join(lease.host[0] for lease in leases)


def test_hosts_are_asked_in_turn_and_none_more_at_once_than_the_recipe_says(crawl):
    one = crawl(per_host=2).begin(*pages("a", 5), *pages("b", 5), *pages("c", 1))
    out = one.asked()
    assert hosts(out) == "abcab"
    one.answer(out[0])
    assert hosts(one.asked()) == "a"


@pytest.mark.parametrize(("limit", "most"), [(3, 4), (12, 14)])
def test_with_few_pictures_left_to_fetch_known_ones_go_before_more_pages(crawl, limit, most):
    """A list of 48 items, each with a page of its own that names one picture: all 48 were opened for three of them."""
    one = crawl(limit=limit, per_host=1, concurrency=8).begin("https://a.example/list")
    opened, fetched = 0, 0
    while lease := one.ask():
        if lease.kind == "picture":
            fetched += 1
            body = Stored(f"{fetched:064x}", "jpg", 1, 1, 1, "")
            one.turns.spoke(lease, well=True)
            one.frontier.picture_done(lease, body, Answer(200))
            continue
        found: list[Page | Picture]
        if lease.url.endswith("/list"):
            found = [Page(f"https://a.example/item{n}") for n in range(48)]
        else:
            opened += 1
            found = [Picture(f"https://a.example/{opened}.jpg", lease.url)]
        one.turns.spoke(lease, well=True)
        one.frontier.page_done(lease, found, Answer(200))
        if one.frontier.pictures >= limit:
            break
    assert fetched == limit
    assert opened <= most


def test_no_more_is_under_way_than_the_concurrency(crawl):
    one = crawl(concurrency=3, per_host=16).begin(*pages("a", 9))
    out = one.asked()
    assert len(out) == 3
    assert one.turns.wait() is None, "only an answer makes room"
    one.answer(out[0])
    assert len(one.asked()) == 1


@pytest.mark.parametrize("many", [1, 4, 40])
def test_what_is_leased_is_at_most_twice_the_concurrency(crawl, many):
    one = crawl(concurrency=4, per_host=1).begin(*(url for n in range(many) for url in pages(f"h{n}", 40)))
    out = []
    for _ in range(40):
        out += one.asked()
        assert one.states()["leased"] <= 8
        one.answer(out.pop(0))


def test_a_host_is_asked_again_when_the_longest_of_its_delays_is_over(crawl):
    one = crawl(delay_s=1.0, per_host=9).begin(*pages("a", 9))
    assert one.turns.slow_down("a.example", 5.0) == 5.0
    assert one.ask() is None
    for slot_delay, delay in ((0.0, 5.0), (7.0, 7.0)):
        one.now += one.turns.wait()
        assert one.ask(slot_delay)
        assert one.ask(slot_delay) is None
        assert one.turns.wait() == delay


def test_a_crawl_delay_of_days_is_kept_as_ten_minutes(crawl):
    one = crawl().begin(*pages("a", 1))
    assert one.turns.slow_down("a.example", 1e9) == 600.0


def test_files_of_this_computer_are_asked_without_a_delay(crawl):
    one = crawl(delay_s=1.0).begin("folder://shop/1.jpg", "folder://shop/2.jpg", *pages("a", 2))
    assert sorted(hosts(one.asked(slot_delay=3.0))) == ["a", "s", "s"]


def test_a_retry_after_is_kept_and_then_one_probe_goes_out_until_it_is_answered_well(crawl):
    one = crawl(per_host=2).begin(*pages("a", 9))
    first, second = one.asked()
    one.busy(first, 30.0)
    one.answer(second)
    one.now = 29.9
    assert one.asked() == []
    assert one.turns.wait() == pytest.approx(0.1)
    one.now = 30.0
    (probe,) = one.asked()
    one.answer(probe)
    assert len(one.asked()) == 2, "well again: as many at once as before"


def test_an_answer_to_a_request_sent_before_the_pause_does_not_clear_it(crawl):
    one = crawl(per_host=2).begin(*pages("a", 9))
    first, second = one.asked()
    one.busy(first, 30.0)
    one.now = 10.0
    one.answer(second)
    one.now = 30.0
    assert len(one.asked()) == 1, "still a probe"


def test_a_probe_waits_until_nothing_sent_before_the_pause_is_under_way(crawl):
    one = crawl(per_host=3).begin(*pages("a", 9))
    first, second, third = one.asked()
    one.busy(first, 30.0)
    one.now = 31.0
    assert one.asked() == []
    one.fail(second)
    one.fail(third)
    assert len(one.asked()) == 1


def test_without_a_retry_after_each_pause_is_twice_the_last(crawl):
    one = crawl(per_host=1, attempts=3).begin(*pages("a", 9))
    pauses = []
    for _ in range(3):
        (probe,) = one.asked()
        one.busy(probe, None)
        assert one.asked() == []
        pauses.append(one.turns.wait())
        one.now += pauses[-1]
    assert pauses == [10.0, 20.0, 40.0]


def test_a_host_that_asks_for_more_pauses_than_there_are_attempts_is_given_up_for_its_reason(crawl):
    one = crawl(per_host=1, attempts=2).begin(*pages("a", 4))
    for _ in range(3):
        (probe,) = one.asked()
        one.busy(probe, 5.0)
        one.now += 5.0
    assert one.asked() == []
    assert not one.turns.busy
    one.frontier.add("shop", [Page("https://a.example/late")])
    assert one.frontier.count() == {("page", "failed", "http_4xx"): 5}


def test_a_host_that_leaves_many_requests_in_a_row_unanswered_is_paused_and_probed(crawl):
    one = crawl(per_host=2, attempts=2).begin(*pages("a", 20))
    for _ in range(3):
        one.fail(one.ask())
    one.answer(one.ask())
    for _ in range(3):
        one.fail(one.ask())
    assert one.turns.wait() == 0.0, "three in a row are not yet too many"
    one.fail(one.ask())
    assert one.asked() == []
    assert one.turns.wait() == 10.0
    one.now = 10.0
    assert len(one.asked()) == 1


def test_a_host_that_wants_more_than_our_patience_is_left_to_the_next_run(crawl):
    one = crawl(per_host=1).begin(*pages("a", 2), *pages("b", 2))
    first, second = one.asked()
    one.busy(first, PATIENCE_S)
    one.busy(second, PATIENCE_S + 1)
    assert one.asked() == []
    assert one.turns.resting == {"b.example": Rest(NOON + PATIENCE_S + 1, asked=True)}
    one.now = PATIENCE_S + 2
    assert hosts(one.asked()) == "a"


def test_a_pause_of_an_earlier_run_is_kept(crawl):
    one = crawl()
    one.frontier.pause("a.example", NOON + 60.0)
    one.frontier.pause("b.example", NOON + PATIENCE_S + 60.0)
    one.begin(*pages("a", 1), *pages("b", 1))
    assert one.asked() == []
    assert (one.turns.wait(), list(one.turns.resting)) == (60.0, ["b.example"])


def test_no_more_pictures_are_asked_than_are_still_wanted_and_a_lost_one_makes_room(crawl):
    one = crawl(limit=3, per_host=16)
    one.frontier.add("shop", [Picture(f"https://a.example/{n}.jpg", "") for n in range(6)])
    one.begin("https://a.example/list")
    *pictures, page = one.asked()
    assert ([one.kind for one in pictures], page.kind) == (["picture"] * 3, "page")
    one.frontier.lost(pictures[0], "http_4xx", Answer(404))
    (another,) = one.asked()
    for number, lease in enumerate((*pictures[1:], another)):
        assert not one.turns.full
        one.frontier.picture_done(lease, Stored(f"{number:064x}", "jpg", 100, 10, 10), Answer(200))
    assert one.turns.full
    one.answer(page)
    one.frontier.add("shop", [Page("https://b.example/")])
    assert one.asked() == []
    assert not one.turns.busy


def test_a_host_with_nothing_but_pictures_that_are_not_wanted_gets_its_turn_when_another_is_lost(crawl):
    one = crawl(limit=1)
    one.frontier.add("shop", [Picture(f"https://{host}.example/1.jpg", "") for host in "ab"])
    one.turns.begin()
    (lease,) = one.asked()
    one.fail(lease)
    assert hosts(one.asked()) == "b"


def test_a_lease_that_is_put_back_leaves_its_place_to_others_and_is_its_hosts_next(crawl):
    one = crawl(concurrency=2, per_host=1).begin(*pages("a", 5), *pages("b", 1), *pages("c", 1))
    a, b = one.asked()
    one.turns.put_back(a)
    assert hosts(one.asked()) == "c"
    one.answer(b)
    assert one.ask() is a


def test_what_is_put_back_keeps_its_place_among_its_hosts_leases(crawl):
    one = crawl(concurrency=4, per_host=1).begin(*pages("a", 5))
    lease = one.ask()
    assert one.states()["leased"] == 4
    one.turns.put_back(lease)
    assert one.ask() is lease


def test_a_request_is_retried_after_a_second_and_then_after_two(crawl):
    one = crawl().begin(*pages("a", 1))
    for seconds in (1.0, 2.0):
        one.turns.retry(one.ask())
        assert one.ask() is None
        assert one.turns.wait() == pytest.approx(seconds, abs=1e-3)
        one.now += seconds + 1e-3
    assert one.ask().attempts == 3


def test_a_lease_that_is_no_address_is_lost_and_costs_its_host_no_turn(crawl):
    one = crawl(delay_s=5.0).begin(*pages("a", 2))

    def make(lease):
        if lease.url.endswith("0"):
            raise ValueError
        return lease.url

    assert one.turns.next(make, lambda _host: 0.0) == "https://a.example/1"
    assert one.frontier.count()["page", "failed", "address"] == 1


def test_what_is_found_gives_its_host_a_turn(crawl):
    one = crawl().begin(*pages("a", 1))
    (lease,) = one.asked()
    one.turns.spoke(lease, well=True)
    one.frontier.page_done(lease, [Page("https://b.example/")], Answer(200))
    assert hosts(one.asked()) == "b"


def test_at_the_end_what_has_no_answer_is_queued_again_and_counts_no_attempt(crawl):
    one = crawl(per_host=1).begin(*pages("a", 4))
    one.ask()
    assert one.states() == {"leased": 4}
    one.turns.end()
    assert one.states() == {"queued": 4}
    assert one.db.execute("select sum(attempts), sum(cuts) from request").fetchone() == (0, 0)


def test_once_it_stops_nothing_is_handed_out(crawl):
    one = crawl().begin(*pages("a", 1))
    one.turns.stopping = True
    assert (one.ask(), one.turns.wait(), one.turns.busy) == (None, None, False)
