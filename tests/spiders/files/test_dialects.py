"""Lists as spreadsheets and scripts write them: every row is a picture or is counted; a bad one costs itself alone."""

from __future__ import annotations

import gzip
import time

import pytest

from scrapbag.errors import UsageError
from scrapbag.recipe import Scrape
from scrapbag.sources import Urls
from spiders.readers.urls import UrlsReader

A, B, C, D = (f"https://x.example/{name}.jpg" for name in "abcd")
TEXTS = {
    "semicolons": (f"url;caption\n{A};eins\n{B};zwei, drei\n", {A: "eins", B: "zwei, drei"}),
    "sep=": (f"sep=;\r\nURL;Caption\r\n{A};eins\r\n", {A: "eins"}),
    "sep= a tab": (f"sep=\t\r\nURL\tCaption\r\n{A}\teins\r\n", {A: "eins"}),
    "bars and a mark": (f"\ufeffcaption|image_url\none|{A}\n", {A: "one"}),
    "all quoted": (f'"url";"caption"\n"{A}";"a;b ""c"""\n', {A: 'a;b "c"'}),
    "a blank behind the comma": (f'title, url\n"a", "{A}"\n', {A: "a"}),
    "line ends within quotes": (f'url,caption\n{A},"two\nlines"\n{B},three\n', {A: "two lines", B: "three"}),
    "line ends before the address": (f'caption,url\n"see\n{D}, too",{A}\nb,{B}\n', {A: f"see {D}, too", B: "b"}),
    "an inch": (f'caption,url\n5" wide,{A}\n6" high,{B}\n', {A: '5" wide', B: '6" high'}),
    "no end, by tabs": (f'caption\turl\n"open\t{A}\n"good"\t{B}\nplain\t{C}\n', {A: "open", B: "good", C: "plain"}),
    "no end, closed by another": (
        f'caption,url\n"open,{A}\ngood,{B}\nplain "x",{C}\nlast,{D}\n',
        {A: "open", B: "good", C: 'plain "x"', D: "last"},
    ),
    "no end, in the last column": (
        f'url,caption\n{A},"open\n{B},good\n{C},"a ""b"""\n{D},end "\n',
        {A: "open", B: "good", C: 'a "b"', D: 'end "'},
    ),
    "no end and no address": (
        f'caption,url\n"open\ngood,{A}\nfine,{B}\nend ",{C}\n',
        {A: "good", B: "fine", C: 'end "'},
    ),
    "old line ends": (f"url,caption\r{A},one\r{B},two\r", {A: "one", B: "two"}),
    "bare": (f"{A}\n\n# mine\n{B}\n", {A: "", B: ""}),
    "bare, with commas in the addresses": (
        f"{A}?w_1,h_2/i\n{B}?w_1,h_2/i\n",
        {f"{A}?w_1,h_2/i": "", f"{B}?w_1,h_2/i": ""},
    ),
    "no header": (f"a quilt\t{A}\nanother\t{B}\n", {A: "a quilt", B: "another"}),
    "brackets": (f"url,caption\n<{A}>,one\n'{B}',two\n", {A: "one", B: "two"}),
    "JSON lines": (f'{{"url": "{A}", "alt": "one"}}\n{{"image_url": "{B}"}}\n', {A: "one", B: ""}),
    "JSON": (f'[\n{{"url": "{A}", "TEXT": "one"}},\n "{B}"]', {A: "one", B: ""}),
}


def listed(path, body, **values):
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    reader = UrlsReader(Urls(name="list", path=str(path), **values), Scrape())
    return list(reader.start()), {(reason, kind): count for reason, kind, count, _ in reader.passed.rows()}


@pytest.mark.parametrize("name", TEXTS)
def test_every_dialect_gives_its_rows(tmp_path, name):
    body, rows = TEXTS[name]
    found, _ = listed(tmp_path / "list.txt", body)
    assert {one.url: one.title for one in found} == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_encoding_and_packing_gives_the_same_words(tmp_path, encoding):
    body = f"url;caption\r\n{A};Colcha de João\r\n".encode(encoding)
    for name, text in (("list.csv", body), ("list.tsv.gz", gzip.compress(body)), ("list", gzip.compress(body))):
        assert [one.title for one in listed(tmp_path / name, text)[0]] == ["Colcha de João"]


def test_one_line_of_another_encoding_costs_nobody_else_anything(tmp_path):
    body = f"url,caption\n{A},Jo".encode() + b"\xe3o\n" + f"{B},João\n".encode()
    assert [one.title for one in listed(tmp_path / "list.csv", body)[0]] == ["João", "João"]


def test_a_field_of_200_kilobytes_is_a_field(tmp_path):
    found, passed = listed(tmp_path / "list.csv", f'caption,url\n{"x" * 200_000},{A}\n"{"y," * 100_000}",{B}\n')
    assert [(one.url, len(one.title)) for one in found] == [(A, 200_000), (B, 200_000)]
    assert passed == {}


def test_rows_without_an_address_and_rows_that_cannot_be_read_are_counted(tmp_path):
    found, passed = listed(tmp_path / "list.csv", f"url,caption\n{A},one\n,two\n ,three\n,,\n\n{B},four\n")
    assert ([one.url for one in found], passed) == ([A, B], {("no_address", "row"): 2})
    found, passed = listed(
        tmp_path / "l.jsonl", f'{{"url": "{A}"}}\n{{broken\n[1]\n{{"caption": "x"}}\n{{"url": "{B}"}}'
    )
    assert ([one.url for one in found], passed) == ([A, B], {("bad_row", "row"): 2, ("no_address", "row"): 1})


def test_a_list_of_nothing_but_open_quotes_is_read_in_time(tmp_path):
    began = time.process_time()
    found, passed = listed(tmp_path / "list.csv", "caption,url\n" + '"open\n' * 20_000 + f"last,{A}\n")
    assert time.process_time() - began < 4, "without an end of patience it takes ten times as long"
    assert ([one.url for one in found], passed) == ([A], {("no_address", "row"): 20_000})


def test_a_spreadsheet_is_one_sentence_that_says_what_to_save(tmp_path):
    for name in ("list.xlsx", "list.csv"):
        with pytest.raises(UsageError, match=rf"{name} is a spreadsheet or an archive; save it as CSV"):
            listed(tmp_path / name, b"PK\x03\x04 and so on")


def test_a_column_that_the_recipe_names_wins_whatever_its_letter_case(tmp_path):
    body = f"url,Foto Link,caption,Wer,wo\n{A},{B},one,Ann,https://x.example/p\n"
    (found,), _ = listed(tmp_path / "list.csv", body, url="foto_link", creator_column="wer", page_column="WO")
    assert (found.url, found.creator, found.page_url) == (B, "Ann", "https://x.example/p")
    with pytest.raises(UsageError, match="has no column 'bild'"):
        listed(tmp_path / "list.csv", body, url="bild")
    (found,), _ = listed(tmp_path / "list.csv", f"caption\n{A}\n", url="caption")
    assert found.url == A


def test_open_images_lists_say_whose_a_picture_is(tmp_path):
    head = (
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5"
    )
    licence = "https://creativecommons.org/licenses/by/2.0/"
    row = f'0a,train,{A},https://f.example/p/1,{licence},https://f.example/u,Ann O,"A ""q""",9,x'
    (found,), _ = listed(tmp_path / "list.csv", f"{head}\n{row}\n")
    assert (found.url, found.page_url, found.creator, found.title) == (A, "https://f.example/p/1", "Ann O", 'A "q"')
    assert (found.licence, found.licence_url) == ("CC-BY-2.0", licence)


def test_a_table_of_our_own_gives_back_all_that_it_says(tmp_path):
    head = "kept,url,page_url,source_id,title,tags,creator,licence,licence_url,attribution,rating,sha256"
    row = f"True,{A},https://x.example/p,7,'=A,\"red, old\",'@ann,CC BY 4.0,https://l.example/,by Ann,4.5,{'ab' * 32}"
    (found,), _ = listed(tmp_path / "report.csv", f"{head}\n{row}\n")
    assert (found.title, found.creator, found.tags) == ("=A", "@ann", ("red", "old"))
    assert (found.licence, found.licence_url, found.attribution) == ("CC BY 4.0", "https://l.example/", "by Ann")
    assert (found.source_id, found.rating, found.sha256) == ("7", 4.5, "ab" * 32)
