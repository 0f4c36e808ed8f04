"""What a server shows in the place of many different pictures is called a placeholder, and copies are not."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from servers import Answer, Site, crawl, picture, recipe, serving

from curate import run
from curate.scores.stage import score
from scrapbag.desk import status
from scrapbag.labels import Label, add
from scrapbag.layout import Data
from scrapbag.recipe import Curate, Score
from scrapbag.tables.placeholders import ADDRESSES

pytestmark = pytest.mark.timeout(120)

ANY = Curate(targets=(), threshold=0.0, size=32, min_side=16)
SOON, SEVERAL, FEW, VIEW = picture(1), picture(2), picture(3), picture(4)


def shop() -> Site:
    """Things without a picture yet, one thing at many addresses, a picture that a few things share, two good ones."""
    shown = {f"/soon/{n}.jpg": (SOON, f"Bag {n}") for n in range(ADDRESSES + 1)}
    shown |= {f"/view/{n}.jpg": (VIEW, "One bag") for n in range(ADDRESSES + 1)}
    shown |= {f"/few/{n}.jpg": (FEW, f"Purse {n}") for n in range(ADDRESSES - 1)}
    shown |= {f"/error/{n}.jpg": (b"<html><p>Something went wrong", f"Scarf {n}") for n in range(ADDRESSES + 1)}
    shown |= {f"/good/{n}.jpg": (picture(10 + n), f"Hat {n}") for n in range(2)}
    page = "".join(f'<p><img src="{path}" alt="{title}"></p>' for path, (_, title) in shown.items())
    pictures = {path: Answer(body, kind="image/jpeg") for path, (body, _) in shown.items()}
    return Site({"/": Answer(page.encode()), **pictures})


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    root = tmp_path_factory.mktemp("placeholders")
    (root / "mine").mkdir()
    for number in range(ADDRESSES + 2):
        (root / "mine" / f"{number}.jpg").write_bytes(SEVERAL)
    site = shop()
    with serving(site):
        start = f'[[source]]\nname = "shop"\nkind = "gallery"\nimage = "img"\nstart = ["{site.url}/"]'
        mine = f'[[source]]\nname = "mine"\nkind = "folder"\npath = "{root / "mine"}"'
        done = crawl(root / "data", recipe(start, mine, allow=(site,), per_host=8))
    assert done.code == 0, done.out
    score(Score(model="none"), Data(done.data))
    return done


def table(data):
    run.curate(ANY, data)
    rows = pd.read_csv(data.report_csv, keep_default_na=False)
    return rows.assign(group=rows.url.str.split("/").str[-2], kept=rows.kept.astype(str) == "True")


def test_one_picture_at_many_addresses_of_different_things_is_a_placeholder_and_is_not_curated(crawled):
    rows = table(Data(crawled.data))
    assert set(rows[rows.group == "soon"].reason) == {"placeholder"}
    assert not rows[rows.group == "soon"].kept.any()
    assert dict(rows[rows.kept].groupby("group").size()) == {"few": 1, "good": 2, "mine": 1, "view": 1}
    assert set(rows[rows.group == "error"].reason) == {"not_image"}
    assert set(rows[~rows.kept & ~rows.group.isin(["soon", "error"])].reason) == {"dup_exact"}


def test_the_summary_the_status_and_the_funnel_say_so(crawled):
    data = Data(crawled.data)
    run.curate(ANY, data)
    said = f"source 'shop': one and the same picture stands at {ADDRESSES + 1} addresses of different things"
    assert crawled.out.count("taken for a placeholder") == 1
    assert said in crawled.out
    assert any(said in line for line in status.found(data))
    assert "placeholder" in data.report_html.read_text()


def test_a_person_who_has_looked_may_say_that_it_is_none(crawled):
    data = Data(crawled.data)
    with closing(sqlite3.connect(data.catalog, isolation_level=None)) as connection:
        url = "%/soon/0.jpg"
        (sha256,) = connection.execute("select sha256 from request where url like ?", (url,)).fetchone()
        add(connection, [Label(sha256, "yes", ())])
        rows = table(data)
        connection.execute("delete from label")
    assert rows[rows.group == "soon"].kept.sum() == 1
