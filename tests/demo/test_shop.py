"""The drawn shop and a folder as a shop, asked over HTTP, read with the selectors of recipes/demo.toml."""

import json
import tomllib
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import urlopen

import pytest
from bs4 import BeautifulSoup
from making import ROOT
from PIL import Image

from demo.drawing.stock import stock
from demo.folder import folder_shop
from demo.pages import PER_PAGE
from demo.server import PortTakenError, is_open, running
from demo.shop import TILES, fill, shop

RECIPE = tomllib.loads((ROOT / "recipes" / "demo.toml").read_text())
SOURCES = {source["name"]: source for source in RECIPE["source"]}
SMALL = stock({"quilt": 4, "bag": 2}, {"copy": 1, "html": 1, "gone": 1, "members": 1, "noai": 1})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def url(site):
    with running(site) as address:
        yield address


@pytest.fixture
def small(tmp_path: Path):
    with running(shop(tmp_path, SMALL)) as address:
        yield address


def test_the_recipe_names_the_port_that_the_shop_opens_by_itself() -> None:
    assert RECIPE["scrape"]["allow_hosts"] == ["127.0.0.1:8765"]
    assert all(urlsplit(start).port == 8765 for source in RECIPE["source"] for start in source["start"])


def test_the_list_pages_lead_to_every_listed_item_and_end(url: str, site) -> None:
    source, address, items = SOURCES["shop"], f"{url}/shop/1", []
    while address:
        page = _page(address)
        found = page.select(source["item"])
        assert 0 < len(found) <= PER_PAGE
        items += [link["href"] for link in found]
        following = page.select_one(source["next"])
        address = urljoin(address, str(following["href"])) if following else None
    assert items == [item.path for item in site.listed]
    assert len(items) > 5 * PER_PAGE


def test_an_item_page_has_what_both_ways_of_reading_it_want(url: str, site) -> None:
    item, source = site.listed[11], SOURCES["shop"]
    page = _page(url + item.path)
    assert page.select_one(source["title"]).text == item.title
    assert tuple(tag.text for tag in page.select(source["tag"])) == item.tags
    assert page.select_one(source["rating"]).text.startswith(f"{item.rating} out of 5")
    assert tuple(image["src"] for image in page.select(source["image"])) == item.pictures
    data = json.loads(page.select_one('script[type="application/ld+json"]').text)
    assert data["@type"] == "Product"
    assert data["image"] == [url + picture for picture in item.pictures]
    assert data["aggregateRating"]["ratingValue"] == item.rating


def test_robots_names_the_sitemap_and_the_sitemap_the_catalogue(url: str, site) -> None:
    robots = _get(f"{url}/robots.txt").decode()
    assert f"Sitemap: {url}/sitemap.xml" in robots
    assert "Disallow: /members/" in robots
    addresses = [loc.text for loc in BeautifulSoup(_get(f"{url}/sitemap.xml"), "xml").select("url > loc")]
    matching = [address for address in addresses if SOURCES["catalogue"]["match"] in address]
    assert matching == [url + item.path for item in site.mapped]


def test_the_endless_page_needs_javascript_and_hands_out_every_tile_once(url: str, site) -> None:
    assert not _page(f"{url}/endless").select(SOURCES["endless"]["image"])
    tiles, start = [], 0
    while more := json.loads(_get(f"{url}/endless/tiles?from={start}")):
        tiles += more
        start += len(more)
    assert tiles == list(site.tiles)
    assert len(set(tiles)) == TILES == 240


def test_every_picture_is_met_and_each_way_shows_some_that_no_other_does(site) -> None:
    listed, mapped = ({path for item in items for path in item.pictures} for items in (site.listed, site.mapped))
    tiles = set(site.tiles)
    assert listed | mapped | tiles == {picture.path for picture in stock()}
    assert len(listed - mapped - tiles) > 1_000
    assert len(mapped - listed - tiles) > 1_000
    assert tiles.isdisjoint(listed | mapped)
    assert listed & mapped


def test_a_picture_comes_with_its_type_and_is_not_sent_twice(url: str) -> None:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port)
    connection.request("GET", "/pictures/00001.jpg")
    first = connection.getresponse()
    body = first.read()
    assert (first.status, first.getheader("Content-Type")) == (200, "image/jpeg")
    assert len(body) == int(first.getheader("Content-Length"))
    for name, value in (
        ("If-None-Match", first.getheader("ETag")),
        ("If-Modified-Since", first.getheader("Last-Modified")),
    ):
        connection.request("GET", "/pictures/00001.jpg", headers={name: value})  # the same connection: it was kept
        again = connection.getresponse()
        assert (again.status, again.read()) == (304, b"")
    connection.request("GET", "/pictures/00001.jpg", headers={"If-None-Match": '"another"'})
    assert connection.getresponse().status == 200
    connection.close()


def test_flaws_are_served_as_they_are(small: str) -> None:
    paths = {picture.flaw: picture.path for picture in SMALL}
    assert _status(small, paths["gone"]) == 404
    assert _status(small, "/shop/99") == 404
    assert _get(small + paths["html"]).startswith(b"<!doctype html>")
    copy = next(picture for picture in SMALL if picture.flaw == "copy")
    assert _get(small + copy.path) == _get(small + SMALL[copy.like].path)
    with urlopen(small + paths["noai"]) as response:  # the server is ours
        assert "noai" in response.headers["X-Robots-Tag"]


def test_pictures_are_drawn_once(tmp_path: Path) -> None:
    assert fill(tmp_path, SMALL) == len(SMALL)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert len(files) == len(SMALL)
    assert fill(tmp_path, SMALL) == 0
    next(iter(files)).unlink()
    assert fill(tmp_path, SMALL) == 1
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(files)


def test_a_folder_is_a_shop_whose_pictures_are_byte_for_byte_those_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "quilts" / "old ones").mkdir(parents=True)
    Image.new("RGB", (9, 9), "red").save(tmp_path / "quilts" / "old ones" / "a b.jpg")
    (tmp_path / "quilts" / "cut.webp").write_bytes(b"RIFF....WEBP")
    (tmp_path / "top.png").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("file,is_quilt\n")
    source = SOURCES["shop"]
    with running(folder_shop(tmp_path)) as url:
        items = [str(link["href"]) for link in _page(f"{url}/shop/1").select(source["item"])]
        assert len(items) == 3
        bodies = {}
        for path in items:
            page = _page(url + path)
            (image,) = page.select(source["image"])
            bodies[page.select_one(source["title"]).text] = _get(url + str(image["src"]))
        assert bodies["quilts old ones 2"] == (tmp_path / "quilts" / "old ones" / "a b.jpg").read_bytes()
        assert bodies["quilts 1"] == b"RIFF....WEBP"
        assert bodies["picture 3"] == b""
        assert _status(url, "/pictures/labels.csv") == 404
        assert _status(url, "/pictures/../labels.csv") == 404


def test_a_taken_port_is_named_and_our_own_shop_is_known_again(tmp_path: Path) -> None:
    site, other = shop(tmp_path, SMALL), shop(tmp_path, SMALL, seed=1)
    with running(site) as url:
        port = urlsplit(url).port
        assert is_open(site, port)
        assert not is_open(other, port)
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is taken") as caught, running(other, port):
            pass
        assert caught.value.exit_code == 75
    assert not is_open(site, port)


def _get(address: str) -> bytes:
    with urlopen(address) as response:
        return bytes(response.read())


def _page(address: str) -> BeautifulSoup:
    return BeautifulSoup(_get(address), "lxml")


def _status(url: str, path: str) -> int:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
