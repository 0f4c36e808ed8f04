"""One spelling for a host, however an address, a page or a recipe writes it, and one parser for all checks."""

import socket
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Answer, Site, crawl, gallery, images, picture, recipe, serving

from scrapbag.border.hosts import allows, allows_url, askable, canonical
from scrapbag.errors import RecipeError
from scrapbag.recipe import Scrape

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=200)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("LocalHost.", "localhost"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0x7F000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("[FE80::1%eth0]", "fe80::1%eth0"),
        ("faß.de", "xn--fa-hia.de"),
        ("FAẞ.DE", "xn--fa-hia.de"),
        ("βόλος.com", "xn--nxasmm1c.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_host_has_one_spelling(written, host):
    assert canonical(written) == host
    assert canonical(host) == host


@pytest.mark.parametrize("written", ["", "a b", "[::1", "::1]", "[1.2.3.4]", "1.2.3.4.5", "256.1", "08.1", "a..b", "*"])
def test_what_is_no_host_is_refused(written):
    with pytest.raises(ValueError, match="is no"):
        canonical(written)


@given(st.integers(0, 2**32 - 1), st.data())
@QUICK
def test_every_spelling_of_an_ipv4_address_is_read_as_the_system_reads_it(number, data):
    spell = [str, hex, lambda part: f"0{part:o}"]
    count = data.draw(st.integers(1, 4))
    heads = [number >> 8 * (3 - place) & 255 for place in range(count - 1)]
    parts = [*heads, number & (256 ** (5 - count) - 1)]
    text = ".".join(data.draw(st.sampled_from(spell))(part) for part in parts)
    assert canonical(text) == str(IPv4Address(number)) == socket.inet_ntoa(socket.inet_aton(text))


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "0::1", 8080, True),
        ("[::1]:8080", "::1", 8081, False),
        ("::1", "::1", 99, True),
        ("[::1]", "::1", 99, True),
        ("127.0.0.1:80", "127.1", 80, True),
        ("LOCALHOST:80", "localhost.", 80, True),
        ("localhost", "127.0.0.1", 80, False),
        ("faß.de", "xn--fa-hia.de", 443, True),
        ("faß.de", "fass.de", 443, False),
        ("shop.local", "evil.shop.local", 80, False),
    ],
)
def test_an_entry_of_allow_hosts_allows_its_host_in_every_spelling(entry, host, port, allowed):
    assert allows((entry,), host, port) is allowed
    assert allows_url((entry,), f"http://{f'[{host}]' if ':' in host else host}:{port}/a") is allowed


def test_a_port_that_an_address_leaves_out_is_its_schemes():
    assert allows_url(("shop.local:443",), "https://shop.local/")
    assert not allows_url(("shop.local:443",), "http://shop.local/")


@pytest.mark.parametrize(
    "entry", ["http://localhost:8000", "10.0.0.0/8", "*", "", "a:b", "a:0", "a:70000", "[::1]8080"]
)
def test_an_entry_that_is_no_host_is_one_sentence(entry):
    with pytest.raises(RecipeError, match=r"allow_hosts has .*; write a host, with or without a port"):
        Scrape(allow_hosts=(entry,))


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://faß.de:8080/ß?q=ü", "http://xn--fa-hia.de:8080/ß?q=ü"),
        ("https://Straße.example/", "https://xn--strae-oqa.example/"),
        ("http://x.example/ß", "http://x.example/ß"),
        ("folder://faß/a.jpg", "folder://faß/a.jpg"),
        ("http://[ü", "http://[ü"),
    ],
)
def test_a_name_is_asked_for_by_idna_2008(url, asked):
    assert askable(url) == asked


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this computer has no IPv6")
def test_every_check_understands_an_ipv6_entry_alike(tmp_path):
    site = Site({"/": images("/a.jpg"), "/a.jpg": Answer(picture(), kind="image/jpeg")})
    with serving(site, host="::1"):
        refused = crawl(tmp_path, recipe(gallery(site), contact="a@b.c"))
        assert refused.code == 1
        assert f'write allow_hosts = ["{site.host}"]' in refused.out
        assert site.hits == []
        allowed = crawl(tmp_path, recipe(gallery(site), allow=(site,)))  # without a contact: it is one's own
    assert allowed.code == 0, allowed.out
    assert len(allowed.records()) == 1
