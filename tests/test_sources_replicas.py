"""Each kind of source that speaks to an interface, crawled whole against a replica of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from replicas import Replica
from servers import Crawled, crawl, recipe, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.catalog import Record


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    site = Replica()
    with serving(site):
        yield site


@pytest.fixture(scope="module")
def crawled(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    def source(kind: str, **values: str) -> str:
        lines = "\n".join(f"{key} = {value}" for key, value in values.items())
        return f'[[source]]\nname = "{kind}"\nkind = "{kind}"\n{lines}'

    start = f'["{replica.url}"]'
    text = recipe(
        source("commons", category='"Quilts"', depth="1", api=f'"{replica.url}/w/api.php"'),
        source("met", query='"quilt"', api=f'"{replica.url}/met"'),
        source("artic", query='"quilt"', api=f'"{replica.url}/artic"'),
        source("smithsonian", query='"quilt"', api_key='"KEY"', api=f'"{replica.url}/si"'),
        source("shopify", start=start),
        source("woocommerce", start=start, min_rating="4", licence='"with permission"', creator='"the shop"'),
        source("product", start=start, match='"/item/"', min_rating="0"),
        allow=(replica,),
        contact="me@example.org",
    )
    done = crawl(tmp_path_factory.mktemp("data") / "x", text, timeout=200)
    assert done.code == 0, done.out
    return done


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


def test_commons_waits_when_the_wiki_lags_and_asks_each_question_once(crawled: Crawled, replica: Replica) -> None:
    assert crawled.code == 0
    hits = [hit for hit in replica.hits if hit.path.startswith("/w/api.php")]
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
