"""How fast a host is asked: one probe after a pause, and the slower the host, the slower we are."""

from itertools import pairwise
from statistics import median

import pytest
from servers import Answer, Site, crawl, recipe, serving, urls
from shops import PICTURES

pytestmark = pytest.mark.timeout(60)


def slow(wait, count=12):
    """A host whose every picture takes `wait` seconds."""
    return Site({f"/{n}.jpg": Answer(PICTURES[n], kind="image/jpeg", wait=wait) for n in range(count)})


def addresses(site, folder):
    return urls(folder / "list.txt", *(site.url + path for path in site.routes))


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
