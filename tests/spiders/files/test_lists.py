"""Lists of addresses in files: read without trust, in pieces, and once."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from servers import Answer, Site, crawl, picture, recipe, serving

from scrapbag.errors import UsageError
from scrapbag.recipe import Scrape
from scrapbag.sources import Urls
from spiders.readers.urls import UrlsReader

pytestmark = pytest.mark.timeout(120)
JPEG = picture()
ROWS = [
    {"url": "https://x.example/1.jpg", "caption": "one", "licence": "CC0-1.0", "sha256": "AB" * 32},
    {"url": "https://x.example/2.jpg", "caption": None, "licence": None, "sha256": None},
]


def as_csv(path, delimiter=","):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


WRITERS = {
    "list.csv": as_csv,
    "list.tsv": lambda path: as_csv(path, "\t"),
    "list.jsonl": lambda path: path.write_text("\n\n".join(map(json.dumps, ROWS))),
    "list.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
}


def listed(path, **values):
    return list(UrlsReader(Urls(name="list", path=str(path), **values), Scrape()).start())


@pytest.mark.parametrize("name", WRITERS)
def test_a_list_says_of_each_picture_what_it_knows(tmp_path, name):
    WRITERS[name](tmp_path / name)
    one, two = listed(tmp_path / name)
    assert (one.url, one.title, one.licence, one.sha256) == (ROWS[0]["url"], "one", "CC0-1.0", "ab" * 32)
    assert (two.url, two.title, two.licence, two.sha256) == (ROWS[1]["url"], "", "", "")


def test_a_plain_list_may_have_comments_and_empty_lines(tmp_path):
    (tmp_path / "list.txt").write_text("# mine\n\nhttps://x.example/a b.jpg\n")
    assert [one.url for one in listed(tmp_path / "list.txt")] == ["https://x.example/a%20b.jpg"]


def test_columns_may_have_other_names(tmp_path):
    (tmp_path / "list.csv").write_text("where,what\nhttps://x.example/1.jpg,one\n")
    assert listed(tmp_path / "list.csv", url="where", caption="what")[0].title == "one"
    with pytest.raises(UsageError, match="no column 'url'; it has where, what"):
        listed(tmp_path / "list.csv")


@pytest.mark.parametrize("name", ["list.xlsx", "list.jsonl", "list.parquet"])
def test_a_list_that_cannot_be_read_is_said_in_a_sentence(tmp_path, name):
    (tmp_path / name).write_text("{broken")
    with pytest.raises(UsageError, match=name):
        listed(tmp_path / name)


@pytest.mark.parametrize("where", ["lists", "lists/*", "lists/**/*.[cp]*"])
def test_a_folder_or_a_pattern_of_lists_is_one_list(tmp_path, where):
    (tmp_path / "lists" / "more").mkdir(parents=True)
    as_csv(tmp_path / "lists" / "a.csv")
    pq.write_table(pa.table({"URL": ["https://x.example/9.jpg", None]}), tmp_path / "lists" / "b.parquet")
    pq.write_table(pa.table({"key": [1]}), tmp_path / "lists" / "c.parquet")
    (tmp_path / "lists" / "a.png").write_bytes(JPEG)
    (tmp_path / "lists" / "_SUCCESS").touch()
    reader = UrlsReader(Urls(name="list", path=str(tmp_path / where)), Scrape())
    assert [one.url[-5:] for one in reader.start()] == ["1.jpg", "2.jpg", "9.jpg"]
    counts = {reason: count for reason, _, count, _ in reader.passed.rows()}
    assert counts.pop("no_address") == counts.pop("no_column") == 1
    assert counts == ({"no_list": 1} if "[" in where else {"no_list": 1, "system": 1})


def test_pictures_that_lie_in_a_parquet_file_are_not_loaded_to_read_its_addresses(tmp_path):
    image = [{"bytes": b"x" * 1000, "path": "1.jpg"}]
    pq.write_table(
        pa.table({"image": image, "url": ["https://x.example/1.jpg"], "author": ["Ann"]}), tmp_path / "l.parquet"
    )
    assert [(one.url, one.creator) for one in listed(tmp_path / "l.parquet")] == [("https://x.example/1.jpg", "Ann")]
    pq.write_table(pa.table({"image": image, "label": [1]}), tmp_path / "l.parquet")
    with pytest.raises(
        UsageError, match=r"l\.parquet: pictures lie in the file itself, in 'image'; save them as files"
    ):
        listed(tmp_path / "l.parquet")


def test_a_list_that_is_missing_ends_the_crawl_with_a_sentence(tmp_path):
    source = f'[[source]]\nname = "list"\nkind = "urls"\npath = "{tmp_path}/none.csv"'
    done = crawl(tmp_path / "data", recipe(source, contact="me@example.org"))
    assert done.code == 69
    assert "there is no list" in done.out
    assert "Traceback" not in done.out


def test_bytes_that_are_not_those_of_the_list_are_a_row_with_its_reason(tmp_path):
    site = Site({"/a.jpg": Answer(JPEG, kind="image/jpeg")})
    with serving(site):
        (tmp_path / "list.csv").write_text(f"url,sha256\n{site.url}/a.jpg,{'0' * 64}\n")
        source = f'[[source]]\nname = "list"\nkind = "urls"\npath = "{tmp_path}/list.csv"'
        done = crawl(tmp_path / "data", recipe(source, contact="me@example.org", allow=(site,)))
    (record,) = done.records().values()
    assert (record.state, record.fetch_reason) == ("failed", "mismatch")
