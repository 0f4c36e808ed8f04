"""The gallery's pages and pictures: what they say, whom they answer, and that they change nothing."""

from __future__ import annotations

import html
import io
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image
from shelves import DROPPED, KEPT, SIDE, drawn, shelf

from scrapbag import catalog
from scrapbag.disk import lock
from scrapbag.layout import Data, Run
from scrapbag.web import charts
from show.gallery import server

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from show.known.shelf import Shelf

HOST = {"Host": "127.0.0.1:8777"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Nobody changes what is on it."""
    return shelf(tmp_path_factory.mktemp("shelf"))


def asks(one: Shelf) -> FlaskClient:
    return server.application(one).test_client()


def text(client: FlaskClient, address: str) -> str:
    """The words on a page, which must be there."""
    answer = client.get(address, headers=HOST)
    assert answer.status_code == 200, address
    shown = re.sub(r"<(style|script)>.*?</\1>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def picture(client: FlaskClient, address: str) -> Image.Image:
    answer = client.get(html.unescape(address), headers=HOST)
    assert answer.status_code == 200, address
    assert answer.mimetype in {"image/png", "image/jpeg"}, address
    return Image.open(io.BytesIO(answer.data))


def test_the_front_page_has_every_funnel_and_every_run(whole: Shelf) -> None:
    said = text(asks(whole), "/")
    for words in (
        f"found {KEPT + DROPPED + 5}",
        f"fetched {KEPT + DROPPED}",
        f"kept {KEPT}",
        "from museum",
        "CC-BY-4.0",
    ):
        assert words in said
    assert "quilts stopped 9,000 images seen" in said
    assert "auto (auto-cpu) · 32 px · KID 55.2" in said
    assert "No dataset has “heels”" in text(asks(whole), "/?q=heels")
    with lock(whole.runs / "second", "train"):
        now = text(asks(whole), "/")
        assert "second training now 9,000 images seen · about 2 min left" in now
        assert now.index("training now") < now.index("stopped")


def test_sheets_have_two_hundred_thumbnails_a_page_and_every_picture_its_licence(whole: Shelf) -> None:
    client = asks(whole)
    first = client.get("/dataset?data=quilts&show=blurry", headers=HOST).text
    assert len(re.findall('class="tile"', first)) == 200
    assert len(re.findall('<img [^>]*loading="lazy"', first)) == 200
    rest = client.get("/dataset?data=quilts&show=blurry&page=2", headers=HOST).text
    assert len(re.findall('class="tile"', rest)) == DROPPED - 200
    assert text(client, "/dataset?data=quilts&show=blurry&page=99").count("Blur") == text(
        client, "/dataset?data=quilts&show=blurry&page=2"
    ).count("Blur")
    assert (
        len(re.findall('class="tile"', client.get("/dataset?data=quilts&show=blurry&q=blur+17", headers=HOST).text))
        == 13
    )
    kept = client.get("/dataset?data=quilts", headers=HOST).text
    assert "<i>" not in kept
    one = re.findall(r'class="tile" href="([^"]+)"', kept)[2]
    said = text(client, html.unescape(one))
    for words in ("Star <i>2</i>", "creator Ada", "licence CC-BY-4.0", "https://example.org/2", "It was kept"):
        assert words in said
    assert "robots.txt does not let us ask" in text(client, "/dataset?data=quilts&show=robots")
    for address in re.findall(r'<img src="([^"]+)"', client.get(html.unescape(one), headers=HOST).text):
        assert max(picture(client, address).size) <= 400


def test_a_sample_is_shown_beside_the_square_that_it_copies(whole: Shelf) -> None:
    client = asks(whole)
    page = client.get("/run?run=quilts&kimg=4&sample=0", headers=HOST).text
    near = page.partition('<ol class="near">')[2].partition("</ol>")[0]
    assert near.count("<li>") == 6
    first = html.unescape(near.partition("</li>")[0])
    assert re.search(r">0</b> <span>Star <i>4</i>", first)
    assert "shop · CC-BY-4.0" in first
    shown = np.asarray(picture(client, "/sample?run=quilts&kimg=4&sample=3"))
    factor = len(shown) // SIDE
    assert np.array_equal(shown[::factor, ::factor], drawn(64, 104)[3])
    tiled = np.asarray(picture(client, "/sample?run=quilts&kimg=4&sample=3&tiled=1"))
    step = len(tiled) // (3 * SIDE)
    assert np.array_equal(tiled[::step, ::step], np.tile(drawn(64, 104)[3], (3, 3, 1)))
    assert picture(client, "/grid?run=quilts&kimg=4").size == (512, 512)
    assert client.get("/grid?run=quilts&kimg=5", headers=HOST).status_code == 404


def test_two_runs_stand_side_by_side_at_the_same_number_of_images(whole: Shelf) -> None:
    page = asks(whole).get("/run?run=quilts&with=second&kimg=5", headers=HOST).text
    assert re.findall(r"/grid\?run=(\w+)&amp;kimg=(\d+)", page)[::2] == [("quilts", "4"), ("second", "5")]
    labels = re.findall(r'<svg viewBox="0 0 420 210" role="img" aria-label="([^"]+)"', page)
    assert len(labels) == 14
    assert labels[:7] == labels[7:]
    assert labels[0] == "KID over images seen: KID is now 55.2"
    assert page.count("thousand images seen</text>") == 14
    assert 'data-values="0,4,5,9"' in page
    assert "<h2>second</h2>" not in asks(whole).get("/run?run=quilts&with=../second", headers=HOST).text


def test_ticks_are_round_and_axes_shared() -> None:
    assert charts.ticks(0, 51.488) == [0, 20, 40]
    assert charts.ticks(-0.3, 1.1) == [0, 0.5, 1]
    rows = [{"images_seen": "0", "loss_d": "1", "kid": "nan"}, {"images_seen": "9", "loss_d": "3", "kid": "inf"}]
    one, other = charts.charts([(rows, rows), ([], [])])
    assert [plot.title for plot in one] == [plot.title for plot in other] == ["Losses"]
    assert one[0].up == other[0].up


def test_a_film_is_walked_frame_by_frame_and_commands_stand_where_there_is_none(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    client, samples = asks(one), Run(one.runs / "quilts").samples
    assert f"None was filmed yet. Copy the command make interpolate RUN={one.runs}/quilts" in text(
        client, "/run?run=quilts"
    )
    samples.mkdir()
    writer = cv2.VideoWriter(str(samples / "walk.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 24, (64, 64))
    for level in (0, 120, 240):
        writer.write(np.full((64, 64, 3), level, np.uint8))
    writer.release()
    frames = [Image.new("L", (64, 64), level) for level in (250, 10)]
    frames[0].save(samples / "walk.gif", save_all=True, append_images=frames[1:])
    for name, levels in (("walk.mp4", (0, 120, 240)), ("walk.gif", (250, 10))):
        page = client.get(f"/run?run=quilts&film={name}&frame=1", headers=HOST).text
        assert f'max="{len(levels) - 1}" value="1"' in page
        for i, level in enumerate(levels):
            assert abs(np.asarray(picture(client, f"/frame?run=quilts&film={name}&frame={i}")).mean() - level) < 8
    (samples / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{samples / 'walk.mp4'}\n")
    assert re.search(r"list\.mp4 is no film(?! that can be read)", text(client, "/run?run=quilts&film=list.mp4"))
    assert client.get("/frame?run=quilts&film=../settings.toml", headers=HOST).status_code == 404


def test_only_this_computer_may_read_and_nobody_may_write(whole: Shelf) -> None:
    client = asks(whole)
    for address in ("/", "/dataset?data=quilts", "/run?run=quilts&sample=1", "/grid?run=quilts&kimg=0"):
        answer = client.get(address, headers=HOST)
        wanted = answer.headers["Content-Security-Policy"]
        assert re.match("default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'sha256-", wanted)
        assert "unsafe" not in wanted
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert client.get(address, headers={"Host": "evil.example"}).status_code == 403
        for method in ("post", "put", "delete"):
            assert getattr(client, method)(address, headers=HOST).status_code == 403
        if answer.mimetype == "text/html":
            assert not re.search(r"<[^>]+\s(?:style|on\w+)=", answer.text)
            assert not re.findall(
                r"""<(?:img|script|link|iframe|video|source)[^>]+?(?:src|href)=["'](?!/)""", answer.text
            )
            again = client.get(address, headers={**HOST, "If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304


@pytest.mark.parametrize(
    "address",
    [
        *("/dataset?data=..", "/dataset?data=../data/quilts", "/dataset?data=quilts/", "/dataset", "/run?run=%00"),
        *("/run?run=/etc", "/run?run=quilts/..", "/picture?data=quilts&sha256=" + "a" * 64),
        *("/picture?data=quilts&sha256=../../etc/passwd", "/square?data=quilts&square=../report/report.csv"),
        *("/square?data=quilts&square=00400.png", "/grid?run=quilts&kimg=-1", "/grid?run=quilts&kimg=1e9"),
        *("/still?run=quilts&still=../settings.toml", "/static/x", "/frame?run=quilts&film=x.mp4&frame=-1"),
    ],
)
def test_what_is_not_listed_is_not_there(whole: Shelf, address: str) -> None:
    assert asks(whole).get(address, headers=HOST).status_code == 404


def test_odd_names_and_values_are_shown_as_they_are(tmp_path: Path) -> None:
    one, odd = shelf(tmp_path), "a&run=b #?<b>'\"%2e é"
    (one.runs / "second").rename(one.runs / odd)
    (one.data / "quilts").rename(one.data / odd)
    client = asks(one)
    page = client.get("/", headers=HOST).text
    assert "<b>'" not in page
    for kind in ("run", "dataset"):
        [address] = set(re.findall(rf'class="(?:cover|strip)" href="(/{kind}\?[^"]*%252e[^"]*)"', page)) or {""}
        assert odd in text(client, html.unescape(address)), kind
        for src in re.findall(r'<img src="([^"]+)"', client.get(html.unescape(address), headers=HOST).text):
            picture(client, src)
    for query in (
        "kimg=x",
        "kimg=" + "9" * 5000,
        "sample=-1",
        "sample=9999",
        "page=-3",
        "frame=x",
        "q=%ED%A0%80",
        "show=<b>",
    ):
        for page_of in (
            f"/run?run=quilts&{query}",
            f"/dataset?data={odd.replace('&', '%26').replace('#', '%23')}&{query}",
        ):
            assert client.get(page_of, headers=HOST).status_code in {200, 404}


def test_nothing_is_written_and_a_crawl_is_seen_while_it_writes(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    data = Data(one.data / "crawl")
    with closing(catalog.connect(data.catalog, create=True)) as writer:
        writer.execute("insert into request (url, host, source, kind) values ('http://a/1', 'a', 'shop', 'picture')")
        writer.execute(
            "insert into request (url, host, source, kind, state, settled, sha256)"
            " values ('http://a/2', 'a', 'shop', 'picture', 'done', 'done', ?)",
            ["a" * 64],
        )
        writer.execute(
            "insert into picture (sha256, extension, bytes, added_at) values (?, 'jpg', 9, '2026')", ["a" * 64]
        )
        client = asks(one)
        said = text(client, "/dataset?data=crawl")
        assert "found 2 fetched 1 kept \u2013 1 still to be asked for" in said
        assert "waiting 1" in said
    before = state(tmp_path)
    assert "found 2" in text(client, "/dataset?data=crawl")
    for address in (
        "/",
        "/dataset?data=quilts",
        "/run?run=quilts&sample=0&with=second",
        "/grid?run=quilts&kimg=0&side=160",
    ):
        client.get(address, headers=HOST)
    assert state(tmp_path) == before
    with sqlite3.connect(data.catalog) as other:
        other.execute("pragma user_version = 99")
    assert "written by another scrapbag" in text(client, "/")


def state(root: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in root.rglob("*")}
    return {str(path): (one.st_mtime_ns, one.st_size) for path, one in found.items()}


def test_without_flask_and_with_a_taken_port_the_command_says_so() -> None:
    program = "import sys; sys.modules['flask'] = None; from show.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, "gallery"], capture_output=True, text=True, check=False)
    assert ended.returncode == 69
    assert "make setup EXTRA=web" in ended.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = [sys.executable, "-m", "show", "gallery", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert re.fullmatch(r"error: port \d+ is taken; run make gallery PORT=0 for any free one\n", ended.stderr)
