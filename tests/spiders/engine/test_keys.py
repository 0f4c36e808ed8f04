"""Where a key may be, and where it never is: in no table, log, report, setting or message, and at no other host."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from making import environment
from servers import Answer, Site, picture, recipe, serving

KEY = "sEcReT/Key+of40=letters"  # an address escapes it
TALKATIVE = """import logging, runpy, sys
logging.basicConfig(level=logging.NOTSET, stream=sys.stdout)
runpy.run_module("spiders", run_name="__main__", alter_sys=True)"""


class Paths(dict):
    """Routes by their paths alone; of a search's second page by its place, too."""

    def get(self, path, default=None):
        return super().get(path.partition("?")[0] + ("#2" if "start=1000" in path else ""), default)


def source(api, file="", kind="smithsonian", **values):
    values = {"query": "quilt", "api": api, **({"api_key_file": str(file)} if file else {}), **values}
    lines = [f'[[source]]\nname = "{kind}"\nkind = "{kind}"', *(f'{name} = "{one}"' for name, one in values.items())]
    return "\n".join(lines)


def call(folder, text, *, program=("-m", "spiders"), **env):
    """Settings by `make scrape`'s first half, then the crawl; what both said, and the code of the last that ran."""
    (folder / "x.toml").write_text(text)
    data, run = folder / "data", folder / "run"
    words = ["-m", "scrapbag.settings", str(folder / "x.toml"), "--data", str(data), "--run", str(run)]
    said = ""
    for one in ([*words, "--named", "scrape"], [*program, "scrape", "--data", str(data)]):
        known = {name: value for name, value in environment().items() if name != "SMITHSONIAN_API_KEY"}
        done = subprocess.run([sys.executable, *one], capture_output=True, text=True, timeout=60, env=known | env)
        said += done.stdout + done.stderr
        if done.returncode:
            break
    return SimpleNamespace(code=done.returncode, out=said, files=[path for path in folder.rglob("*") if path.is_file()])


def key_file(folder, mode=0o600, text=f"{KEY}\n"):
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def answer(site, number):
    """A record, which repeats the key wherever it can; the second page lies at another host."""
    media = {"type": "Images", "content": f"{site.url}/{number}.jpg?api_key={KEY}", "usage": {"access": "CC0"}}
    said = {"online_media": {"media": [media]}, "record_link": f"{site.url}/r?k={KEY}", "record_ID": KEY}
    record = {"title": f"with {KEY} inside", "content": {"descriptiveNonRepeating": said}}
    return Answer(json.dumps({"response": {"rows": [record], "rowCount": 1500}}).encode(), kind="application/json")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    home, other = Site(Paths()), Site(Paths())
    with serving(home, other):
        away = f"{other.url}/away?api_key=sEcReT%2FKey%2Bof40%3Dletters&x=1"
        redirect = Answer(status=302, headers={"Location": away})
        home.routes |= {"/si/search": answer(home, 1), "/si/search#2": redirect}
        home.routes["/moved/search"] = Answer(status=302, headers={"Location": "/si/last"})
        home.routes["/si/last"] = Answer(b"{}", kind="application/json")
        home.routes["/artic/artworks/search"] = Answer(status=302, headers={"Location": f"{other.url}/artic"})
        home.routes["/1.jpg"] = Answer(picture(), kind="image/jpeg")
        other.routes |= {path: Answer(b"{}", kind="application/json") for path in ("/away", "/artic")}
        key = key_file(folder)
        text = recipe(
            source(f"{home.url}/si", key),
            source(f"{home.url}/moved", key).replace('name = "smithsonian"', 'name = "moved"'),
            source(f"{home.url}/artic", kind="artic"),
            allow=(home, other),
            contact="a@b.c",
        )
        done = call(folder, text, program=("-c", TALKATIVE))
        key.unlink()
        yield SimpleNamespace(**vars(done), home=home, other=other)


def test_a_key_is_sent_in_a_header_to_its_own_host_through_redirects_there(crawled):
    assert crawled.code == 0, crawled.out
    asked = {hit.path.partition("?")[0]: hit.headers.get("x-api-key") for hit in crawled.home.asked()}
    assert asked == {"/si/search": KEY, "/moved/search": KEY, "/si/last": KEY, "/artic/artworks/search": None,
                     "/1.jpg": None}  # fmt: skip


def test_no_header_of_a_source_and_no_key_in_an_address_reaches_another_host(crawled):
    hits = {hit.path: hit.headers for hit in crawled.other.asked()}
    assert set(hits) == {"/away?x=1", "/artic"}
    assert not [headers for headers in hits.values() if {"x-api-key", "aic-user-agent"} & set(headers)]


def test_a_key_stands_in_no_file_and_in_no_word_that_is_written(crawled):
    assert "DEBUG" in crawled.out
    spelt = [KEY.encode(), b"sEcReT%2FKey", b"sEcReT"]
    assert not [path for path in crawled.files if path.name != "key" and any(s in path.read_bytes() for s in spelt)]
    assert "sEcReT" not in crawled.out
    assert any(path.name == "scrape.csv" and b"with *** inside" in path.read_bytes() for path in crawled.files)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_not_read(tmp_path, mode):
    done = call(tmp_path, recipe(source("http://127.0.0.1:9", key_file(tmp_path, mode)), contact="a@b.c"))
    assert done.code == 77
    sentence = f"error: {tmp_path}/key may be read by others, so its key is not used; run chmod 600 {tmp_path}/key"
    assert done.out.splitlines() == [sentence]


def test_a_key_in_the_recipe_is_refused_and_both_ways_are_named(tmp_path):
    done = call(tmp_path, recipe(source("http://127.0.0.1:9", api_key=KEY), contact="a@b.c"))
    assert done.code == 2
    assert "export SMITHSONIAN_API_KEY=… or write api_key_file" in done.out
    assert KEY not in done.out
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("two words", "holds no key: it is one word"),
        (f"{KEY}\nX-Other: 1", "holds no key: it is one word"),
        ("", "needs a key, free from"),
        (None, "needs a key, free from"),
    ],
    ids=["words", "a second header", "empty", "no file"],
)
def test_what_is_no_key_is_one_sentence_without_it(tmp_path, text, sentence):
    path = tmp_path / "key" if text is None else key_file(tmp_path, text=text)
    done = call(tmp_path, recipe(source("http://127.0.0.1:9", path), contact="a@b.c"))
    assert (done.code, len(done.out.splitlines())) == (2, 1)
    assert sentence in done.out
    assert KEY not in done.out


def test_a_key_for_the_name_of_its_variable_is_not_repeated(tmp_path):
    done = call(tmp_path, recipe(source("http://127.0.0.1:9", api_key_env="aBcDeF"), contact="a@b.c"))
    assert done.code == 2
    assert "api_key_env is no name of a variable" in done.out
    assert "aBcDeF" not in done.out


def test_an_empty_key_of_an_older_recipe_is_none(tmp_path):
    done = call(tmp_path, recipe(source("http://127.0.0.1:9", api_key=""), contact="a@b.c"))
    assert done.code == 2
    assert "smithsonian needs a key" in done.out
