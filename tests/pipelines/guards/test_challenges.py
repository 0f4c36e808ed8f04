"""Bot checks, and pages that only carry the scripts of those who make them."""

import pytest
from scrapy.http import HtmlResponse, Response
from servers import Answer, Site, crawl, gallery, picture, recipe, serving, urls

from pipelines.guards.challenges import is_bare_check, is_block

URL = "https://x.example/"
VENDORS = {
    "cloudflare": "<script>a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'</script>",
    "incapsula": '<script src="/_Incapsula_Resource?SWJIYLWA=5074a744e2e3d891814e9a2dace20bd4" async></script>',
    "aws": '<script>window.awsWafCookieDomainList=["x.example"]</script>',
    "turnstile": '<div id="cf-chl-widget-x7"></div>',
    "policy": '<meta http-equiv="Content-Security-Policy" content="frame-src geo.captcha-delivery.com">',
    "perimeterx": "<script src='https://client.perimeterx.net/PX1/main.min.js'></script>",
}
CHECKS = {
    "moment": "<title>Just a moment...</title><h1>x.example</h1><p>Checking your browser</p>",
    "robot": "<title>Robot Check</title><form action='/errors/validateCaptcha'><img src=/captcha.jpg></form>",
    "datadome": "<p>Please enable JS</p><script src='https://geo.captcha-delivery.com/c.js'></script>",
    "incapsula": '<iframe src="/_Incapsula_Resource?incident_id=1">Request unsuccessful. Incapsula incident</iframe>',
    "imperva": "<h1>Pardon Our Interruption</h1>",
    "perimeterx": '<div id="px-captcha"></div>',
}
GOODS = "<title>A quilt</title><h1>Log cabin</h1><img src=/a.jpg><p>One of forty.</p>"


@pytest.mark.parametrize("mark", VENDORS.values(), ids=VENDORS)
def test_a_vendors_script_on_a_page_that_shows_something_is_no_block(mark):
    page = HtmlResponse(URL, body=f"{mark}{GOODS}".encode())
    assert not is_block(page)
    assert not is_bare_check(page)
    for status in (404, 500):
        assert not is_block(page.replace(status=status))


@pytest.mark.parametrize("mark", [*VENDORS.values(), *CHECKS.values()], ids=[*VENDORS, *(f"{one}!" for one in CHECKS)])
@pytest.mark.parametrize("status", [403, 503])
def test_beside_a_status_that_blocks_it_is_one(mark, status):
    assert is_block(HtmlResponse(URL, body=mark.encode(), status=status))


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_that_comes_with_200_is_told_by_having_nothing_else(check):
    assert is_bare_check(HtmlResponse(URL, body=check.encode()))
    long = "<p>All about quilts and how they are made.</p>" * 100
    assert not is_bare_check(HtmlResponse(URL, body=(check + long).encode()))


@pytest.mark.parametrize(
    ("name", "word", "blocks"),
    [
        ("cf-mitigated", "challenge", True),
        ("CF-Mitigated", "Challenge", True),
        ("x-amzn-waf-action", "captcha", True),
        ("x-amzn-waf-action", "allow", False),
        ("x-datadome", "protected", False),
    ],
)
def test_a_header_blocks_by_itself(name, word, blocks):
    assert is_block(Response(URL, headers={name: word})) is blocks


@pytest.mark.parametrize(
    "response",
    [
        Response(f"{URL}a.jpg", body=b"\xff\xd8\xff cf-chl-"),
        HtmlResponse(URL, body=b"<title>A quilt</title><div class='g-recaptcha'></div>"),
        HtmlResponse(URL, body=b"<p>just a moment...</p>", status=403),
        HtmlResponse(URL, status=403),
    ],
    ids=["picture", "form", "words", "plain 403"],
)
def test_what_is_no_check_is_none(response):
    assert not is_block(response)
    assert not is_bare_check(response)


def test_one_page_gives_up_no_host_for_another_source(tmp_path):
    """A page of `one` is a check, and blocks `one` alone; a vendor's script on a page of `two` blocks nobody."""
    jpegs = {f"/{n}.jpg": Answer(picture(n), kind="image/jpeg") for n in range(4)}
    shown = "".join(f'<img src="/{n}.jpg">' for n in range(2))
    site = Site(
        {
            **jpegs,
            "/": Answer(CHECKS["moment"].encode()),
            "/two": Answer(f"{VENDORS['cloudflare']}{shown}".encode()),
            "/empty": Answer(f"{VENDORS['cloudflare']}<h1>Sold out</h1><p>Come again.</p>".encode()),
        }
    )
    with serving(site):
        text = recipe(
            gallery(site, name="one"),
            gallery(site, "/two", "two"),
            gallery(site, "/empty", "three"),
            urls(tmp_path / "list.txt", *(f"{site.url}/{n}.jpg" for n in (2, 3))),
            allow=(site,),
            contact="tests@example.org",
        )
        done = crawl(tmp_path, text)
    assert {one.state for one in done.records().values()} == {"done"}
    assert len(done.records()) == 4
    assert "challenge 1" in done.out
