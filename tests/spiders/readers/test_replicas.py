"""Each kind of source, by the very `make scrape` against a replica of it on loopback; then the same command again."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from browser_site import PAGES
from making import command, make
from replicas import Replica
from servers import Answer, Crawled, Hit, Site, gallery, picture, recipe, serving, urls
from shops import lists, shop

from scrapbag import programs
from scrapbag.sources import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.catalog import Record

FOUND = {  # picture addresses of each kind, all of them fetched
    "commons": 4, "met": 2, "artic": 4, "smithsonian": 2, "shopify": 2, "woocommerce": 2, "product": 3,
    "gallery": 12, "urls": 3, "folder": 2,
}  # fmt: skip


def scrape(folder: Path, text: str, *words: str) -> Crawled:
    """`make scrape RECIPE=<file>`, as a user types it."""
    (folder / "all.toml").write_text(text)
    done = make(command(folder / "all.toml", folder / "data", folder / "run", "scrape", *words))
    return Crawled(done.returncode, done.stdout + done.stderr, folder / "data", 0.0)


def rows(crawled: Crawled) -> list[dict[str, str]]:
    with (crawled.data / "report" / "scrape.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Twice:
    """Two calls of make, with what was asked for and what was exported at each."""

    first: Crawled
    again: Crawled
    asked: tuple[list[Hit], list[Hit]]  # the replica's first
    exported: tuple[bytes, bytes]


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    site = Replica()
    with serving(site):
        yield site


@pytest.fixture(scope="module")
def twice(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    folder = tmp_path_factory.mktemp("made")

    def source(kind: str, **values: str) -> str:
        lines = "\n".join(f"{key} = {value}" for key, value in values.items())
        return f'[[source]]\nname = "{kind}"\nkind = "{kind}"\n{lines}'

    start = f'["{replica.url}"]'
    key = folder / "key"
    key.write_text("KEY\n")
    key.chmod(0o600)
    (folder / "box" / "boots").mkdir(parents=True)
    for number in range(2):
        (folder / "box" / "boots" / f"{number}.jpg").write_bytes(picture(210 + number))
    shown = shop()
    listed = Site({f"/{number}.jpg": Answer(picture(220 + number), kind="image/jpeg") for number in range(3)})
    sites = (replica, shown, listed)
    with serving(shown, listed):
        text = recipe(
            source("commons", category='"Quilts"', depth="1", api=f'"{replica.url}/w/api.php"'),
            source("met", query='"quilt"', api=f'"{replica.url}/met"'),
            source("artic", query='"quilt"', api=f'"{replica.url}/artic"'),
            source("smithsonian", query='"quilt"', api_key_file=f'"{key}"', api=f'"{replica.url}/si"'),
            source("shopify", start=start),
            source("woocommerce", start=start, min_rating="4", licence='"with permission"', creator='"the shop"'),
            source("product", start=start, match='"/item/"', min_rating="0"),
            lists(shown, name="gallery"),
            urls(folder / "list.txt", *(listed.url + path for path in listed.routes), name="urls"),
            source("folder", path=f'"{folder / "box"}"', licence='"CC0-1.0"'),
            allow=sites,
            contact="me@example.org",
        )
        calls, asked, exported = [], [], []
        for _ in range(2):
            before = [len(site.hits) for site in sites]
            calls.append(scrape(folder, text))
            asked.append([hit for site, n in zip(sites, before, strict=True) for hit in site.hits[n:]])
            exported.append((folder / "data" / "report" / "scrape.csv").read_bytes())
    return Twice(calls[0], calls[1], (asked[0], asked[1]), (exported[0], exported[1]))


@pytest.fixture(scope="module")
def crawled(twice: Twice) -> Crawled:
    assert twice.first.code == 0, twice.first.out
    return twice.first


def test_there_is_a_replica_of_every_kind() -> None:
    assert set(FOUND) == set(KINDS)


@pytest.mark.parametrize("kind", FOUND)
def test_make_scrape_finds_every_picture_of_a_replica_of_each_kind(crawled: Crawled, kind: str) -> None:
    mine = [row for row in rows(crawled) if row["source"] == kind]
    assert [row["state"] for row in mine] == ["done"] * FOUND[kind]
    assert all(row["sha256"] and row["licence"] for row in mine)


def test_make_says_in_one_line_what_it_found_and_what_is_next(crawled: Crawled) -> None:
    assert f"found {sum(FOUND.values())} picture addresses" in crawled.out
    assert "next: make curate" in crawled.out


def test_a_second_make_scrape_asks_for_no_picture_again_and_touches_no_row(twice: Twice) -> None:
    assert twice.again.code == 0, twice.again.out
    assert "(0 new)" in twice.again.out
    first, again = ([hit.path for hit in asked if _is_picture(hit.path)] for asked in twice.asked)
    assert len(first) == sum(FOUND.values()) - FOUND["folder"]
    assert again == []
    assert twice.exported[0] == twice.exported[1]


def _is_picture(path: str) -> bool:
    return path.startswith("/pic/") or path.partition("?")[0].endswith(".jpg")


@pytest.mark.browser
@pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")
def test_make_scrape_opens_a_gallery_that_needs_javascript_and_asks_for_no_picture_again(tmp_path: Path) -> None:
    pictures: dict[str, Any] = {f"/p/{number}.jpg": Answer(picture(number), kind="image/jpeg") for number in range(50)}
    site = Site({"/more": Answer(PAGES["/more"].encode())} | pictures)
    actions = 'actions = [["click", {css = "button.more", count = ".tile", max = 20}]]'
    with serving(site):
        source = gallery(site, "/more", image=".tile img", browser=True) + "\n" + actions
        text = recipe(source, allow=(site,), timeout_s=30.0, per_host=8)
        first = scrape(tmp_path, text)
        assert first.code == 0, first.out
        assert [row["state"] for row in rows(first)] == ["done"] * 50
        site.hits.clear()
        again = scrape(tmp_path, text)
    assert again.code == 0, again.out
    assert site.asked("/more")
    assert not [hit.path for hit in site.asked() if _is_picture(hit.path)]


def of(crawled: Crawled, source: str) -> dict[str, Record]:
    rows = crawled.records().items()
    return {address.partition("/pic/")[2]: row for address, row in rows if row.source == source}


def test_commons_follows_continue_into_subcategories_and_takes_thumbnails(crawled: Crawled) -> None:
    rows = of(crawled, "commons")
    assert set(rows) == {"1024px-Star.jpg", "1024px-Log.png", "1024px-Later.jpg", "Amish.jpg"}, "no film, no original"
    star = rows["1024px-Star.jpg"]
    assert (star.licence, star.licence_url) == ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0")
    assert (star.title, star.creator, star.attribution) == ("Star", "Ann & Bo", "Own work")
    assert star.tags == "Quilts, Stars in art"
    assert star.page_url.endswith("/wiki/File:Star.jpg")
    assert rows["1024px-Later.jpg"].licence == "unknown"


def test_commons_waits_when_the_wiki_lags_and_asks_each_question_once(twice: Twice) -> None:
    hits = [hit for hit in twice.asked[0] if hit.path.startswith("/w/api.php")]
    again = next(hit for hit in hits[1:] if hit.path == hits[0].path)
    assert again.at - hits[0].at >= 0.9, "Retry-After: 1"
    paths = [hit.path for hit in hits[1:]]
    assert len(paths) == len(set(paths))
    assert all("me@example.org" in hit.headers["user-agent"] and "maxlag=5" in hit.path for hit in hits)


def test_the_met_gives_cc0_pictures_and_none_of_what_is_not_free(crawled: Crawled) -> None:
    rows = of(crawled, "met")
    assert set(rows) == {"met11.jpg", "met11b.jpg"}
    assert rows["met11.jpg"].licence == "CC0-1.0"
    assert rows["met11.jpg"].tags == "Quilt, Textiles, American, Stars"
    assert rows["met11.jpg"].attribution == "Gift of Ann, 1936"


def test_the_art_institute_is_told_who_asks_and_gives_iiif_addresses(crawled: Crawled) -> None:
    rows = of(crawled, "artic")
    assert set(rows) == {f"iiif/{name}-{page}/full/843,/0/default.jpg" for name in ("aaaa", "bbbb") for page in (1, 2)}
    row = rows["iiif/aaaa-1/full/843,/0/default.jpg"]
    assert (row.licence, row.creator, row.source_id) == ("CC0-1.0", "Unknown maker", "101")
    assert row.tags == "quilt, textile, cotton (textile)"


def test_the_smithsonian_gives_cc0_media_whatever_their_shape_and_the_key_stays_out(crawled: Crawled) -> None:
    rows = of(crawled, "smithsonian")
    assert set(rows) == {"si-screen.jpg", "si-full.jpg"}
    assert {row.licence for row in rows.values()} == {"CC0"}
    assert [rows[name].creator for name in ("si-screen.jpg", "si-full.jpg")] == ["Ann Maker", "Bo Maker"]
    assert rows["si-full.jpg"].tags == "Quilts, Bedcovers, Quilting"
    assert not crawled.rows("select 1 from request where url like '%KEY%' or meta like '%KEY%'")


def test_shopify_states_no_licence_so_none_is_written(crawled: Crawled) -> None:
    rows = of(crawled, "shopify")
    assert set(rows) == {"tote.jpg?v=1", "clutch.jpg"}
    assert (rows["tote.jpg?v=1"].title, rows["tote.jpg?v=1"].tags) == ("Tote & Purse", "Ann, Bags, leather, red")
    assert rows["clutch.jpg"].tags == "new, sale"
    assert {row.licence for row in rows.values()} == {"unknown"}


def test_woocommerce_keeps_what_is_rated_well_and_takes_the_licence_from_the_recipe(crawled: Crawled) -> None:
    rows = of(crawled, "woocommerce")
    assert {name: row.rating for name, row in rows.items()} == {"blouse1.jpg": 4.5, "blouse4.jpg": 5.0}
    assert rows["blouse1.jpg"].title == "Blouse \u2013 1"
    assert {(row.licence, row.creator) for row in rows.values()} == {("with permission", "the shop")}


def test_product_pages_are_found_by_sitemaps_and_read_by_their_schema(crawled: Crawled, replica: Replica) -> None:
    rows = of(crawled, "product")
    assert set(rows) == {"item1.jpg", "item2.jpg", "item3.jpg"}, "item 3 shows none; its sitemap names one"
    one = rows["item1.jpg"]
    assert (one.title, one.source_id, one.rating, one.tags) == ("Item 1", "S1", 4.25, "Ann")
    assert (one.licence, one.licence_url) == ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/")
    assert not [hit for hit in replica.hits if hit.path == "/about"]
