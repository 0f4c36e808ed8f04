"""What a browser would do: Referer, cookies, meta refresh, each behind the same guards as everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from servers import Answer, Crawled, Hit, Site, crawl, gallery, images, picture, recipe, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

JPEG = Answer(picture(1), kind="image/jpeg")
SPELLINGS = {  # what a page says, and whether it is followed
    "plain": ('<meta http-equiv="refresh" content="0; url=/there/{}">', True),
    "loud": ("<META HTTP-EQUIV=REFRESH CONTENT='0;URL=/there/{}'>", True),
    "turned": ('<meta content="1;url=/there/{}" http-equiv="Refresh">', True),
    "quoted": ("""<meta http-equiv="refresh" content="0; url='/there/{}'">""", True),
    "bare": ('<meta http-equiv="refresh" content="0;/there/{}">', True),
    "comma": ('<meta http-equiv=refresh content="2.5 , url = /there/{}">', True),
    "entity": ('<meta http-equiv="refresh" content="0;url=&#47;there&#x2F;{}">', True),
    "body": ('<p>x</p><meta http-equiv=" refresh" content="5; url=/there/{}"><p>y', True),
    "base": ('<base href="/there/"><meta http-equiv=refresh content="0;url={}">', True),
    "slow": ('<meta http-equiv="refresh" content="60; url=/there/{}">', False),
    "noscript": ('<noscript><meta http-equiv="refresh" content="0; url=/there/{}"></noscript>', False),
    "comment": ('<!-- <meta http-equiv="refresh" content="0; url=/there/{}"> -->', False),
    "script": ("""<script>x = '<meta http-equiv="refresh" content="0; url=/there/{}">'</script>""", False),
    "itself": ('<meta http-equiv="refresh" content="0; url=/{}?utm_source=x#top">', False),
    "again": ('<meta http-equiv="refresh" content="3"><!--{}-->', False),
    "odd": ('<meta http-equiv="refresh" content="0; url=javascript:go(1)"><!--{}-->', False),
    "words": ('<meta http-equiv="refresh" content="soon; url=/there/{}">', False),
}


def needs(name: str, value: str, otherwise: Answer) -> Callable[[dict[str, str], int], Answer]:
    return lambda headers, _number: JPEG if value in headers.get(name, "") else otherwise


def gate(headers: dict[str, str], _number: int) -> Answer:
    """Leads to itself until its cookie comes back."""
    if "seen=1" in headers.get("cookie", ""):
        return images("/gate.jpg")
    said = "seen=1; Path=/; HttpOnly"
    return Answer(status=302, headers={"Location": "/gate", "Set-Cookie": said})


def routes(other: str) -> dict[str, Answer | Callable[[dict[str, str], int], Answer]]:
    hotlink = Answer(b"no", status=403)
    found: dict[str, Answer | Callable[[dict[str, str], int], Answer]] = {
        "/robots.txt": Answer(b"User-agent: *\nDisallow: /forbidden\n", kind="text/plain"),
        "/list?page=1": Answer(f'<img src="/hot.jpg"><img src="http://{other}/far.jpg"><a href=/item>x</a>'.encode()),
        "/item": Answer(b'<h1>x</h1><img src="/hot.jpg"><img src="/moved.jpg">'),
        "/hot.jpg": needs("referer", "/item", hotlink),
        "/moved.jpg": Answer(status=302, headers={"Location": f"http://{other}/moved.jpg"}),
        "/shy": Answer(b'<meta name=referrer content=no-referrer><img src="/shy.jpg">'),
        "/shy-header": Answer(b'<img src="/shy2.jpg">', headers={"Referrer-Policy": "unsafe-url, same-origin"}),
        "/shy.jpg": JPEG,
        "/shy2.jpg": JPEG,
        "/gate": gate,
        "/gate.jpg": needs("cookie", "seen=1", hotlink),
        "/nosy": images("/nosy.jpg"),
        "/nosy.jpg": JPEG,
        "/foreign": Answer(images("/foreign.jpg").body, headers={"Set-Cookie": "a=1; Domain=example.org"}),
        "/foreign.jpg": JPEG,
        "/to-private": Answer(b'<meta http-equiv=refresh content="0;url=http://127.0.0.9:1/x">'),
        "/to-forbidden": Answer(b'<meta http-equiv=refresh content="0;url=/forbidden">'),
        "/ping": Answer(b'<meta http-equiv=refresh content="0;url=/pong">'),
        "/pong": Answer(b'<meta http-equiv=refresh content="0;url=/ping">'),
        "/header": Answer(b"<p>wait", headers={"Refresh": "0; url=/there/header"}),
        "/there/header": images("/there/header.jpg"),
        "/there/header.jpg": JPEG,
    }
    for name, (text, _) in SPELLINGS.items():
        found |= {f"/{name}": Answer(text.format(name).encode() + images(f"/{name}.jpg").body), f"/{name}.jpg": JPEG}
        found |= {f"/there/{name}": images(f"/there/{name}.jpg"), f"/there/{name}.jpg": JPEG}
    return found


@dataclass
class Browsed:
    site: Site
    other: Site
    done: Crawled

    def hit(self, path: str, site: Site | None = None) -> Hit:
        (hit,) = (site or self.site).asked(path)
        return hit

    def page(self, path: str) -> tuple[str, str]:
        ((state, reason),) = self.done.rows(
            f"select state, reason from request where kind = 'page' and url = '{self.site.url}{path}'"
        )
        return state, reason


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> Browsed:
    site, other = Site({}), Site({"/far.jpg": JPEG, "/moved.jpg": JPEG})
    data: Path = tmp_path_factory.mktemp("browsed")
    with serving(site, other):
        site.routes = routes(other.host)
        names = ("shy", "shy-header", "gate", "nosy", "foreign", "to-private", "to-forbidden", "ping", "header")
        lists = [gallery(site, f"/{name}", name=name) for name in (*names, *SPELLINGS)]
        shop = gallery(site, "/list?page=1", name="shop", item="a")
        far = gallery(site, "/list?page=1", name="far", image="img[src*=far]")
        done = crawl(data, recipe(shop, far, *lists, allow=(site, other), per_host=4, attempts=1))
    return Browsed(site, other, done)


def test_a_picture_and_an_item_are_asked_with_the_page_that_names_them(browsed: Browsed) -> None:
    assert browsed.hit("/item").headers["referer"] == f"{browsed.site.url}/list?page=1"
    assert browsed.hit("/hot.jpg").headers["referer"] == f"{browsed.site.url}/item"
    assert browsed.done.records()[f"{browsed.site.url}/hot.jpg"].state == "done"


def test_another_origin_is_told_the_origin_alone_also_behind_a_redirect(browsed: Browsed) -> None:
    assert {browsed.hit(path, browsed.other).headers["referer"] for path in ("/far.jpg", "/moved.jpg")} == {
        f"{browsed.site.url}/"
    }


def test_a_page_that_wants_nothing_told_is_not_told_of(browsed: Browsed) -> None:
    assert "referer" not in browsed.hit("/shy.jpg").headers
    assert browsed.hit("/shy2.jpg").headers["referer"].endswith("/shy-header")


def test_a_redirect_that_sets_a_cookie_is_passed_and_the_picture_has_the_cookie(browsed: Browsed) -> None:
    assert browsed.page("/gate") == ("done", "")
    assert browsed.done.records()[f"{browsed.site.url}/gate.jpg"].state == "done"


def test_no_other_source_and_no_other_domain_has_the_cookie_and_it_is_nowhere_on_the_disk(browsed: Browsed) -> None:
    with_cookie = {hit.path for hit in browsed.site.hits if "cookie" in hit.headers}
    assert with_cookie == {"/gate", "/gate.jpg"}
    files = [path for path in browsed.done.data.rglob("*") if path.is_file()]
    assert not [path for path in files if b"seen=1" in path.read_bytes()]
    assert "seen=1" not in browsed.done.out


@pytest.mark.parametrize("name", [*SPELLINGS, "header"])
def test_a_refresh_is_followed_in_any_spelling_where_a_browser_would_be_elsewhere_in_seconds(
    browsed: Browsed, name: str
) -> None:
    followed = SPELLINGS.get(name, ("", True))[1]
    assert browsed.page(f"/{name}") == ("done", "")
    there = {path for path in (f"/{name}.jpg", f"/there/{name}.jpg") if browsed.site.asked(path)}
    assert there == {f"/there/{name}.jpg" if followed else f"/{name}.jpg"}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/to-private", ("failed", "address")),
        ("/to-forbidden", ("skipped", "robots")),
        ("/ping", ("failed", "redirect")),
    ],
)
def test_a_refresh_passes_the_guards_of_a_redirect(browsed: Browsed, path: str, answer: tuple[str, str]) -> None:
    assert browsed.page(path) == answer
    assert not browsed.site.asked("/forbidden")
    assert len(browsed.site.asked("/ping")) <= 3


def test_the_page_is_named_and_the_cookie_fetched_again_after_a_stop(tmp_path: Path) -> None:
    site, other = Site({}), Site({})
    with serving(site, other):
        site.routes = routes(other.host)
        text = [recipe(gallery(site, "/gate"), allow=(site,), limit=limit, attempts=1) for limit in (1, 9)]
        site.routes["/gate"] = images("/shy.jpg", "/shy2.jpg")
        site.routes["/shy2.jpg"] = Answer(picture(2), kind="image/jpeg")
        crawl(tmp_path, text[0])
        before = len(site.hits)
        crawl(tmp_path, text[1])
    late = [hit for hit in site.hits[before:] if hit.path.endswith(".jpg")]
    assert [hit.headers.get("referer") for hit in late] == [f"{site.url}/gate"]
