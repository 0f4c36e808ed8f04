"""The blind test: what is asked, what is kept, what is said of it; and its page in a real Chromium."""

from __future__ import annotations

import http.client
import re
import signal
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.request import urlopen

import numpy as np
import pytest
from asking import Server, asked, post, press, shown
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from gan.evaluate import blind, report
from gan.evaluate.blind import Blind
from gan.train import runs
from scrapbag import decision
from scrapbag.decision import Decision
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webdriver import WebDriver

    from gan.train.job import Job
    from scrapbag.layout import Data

    Finished = tuple[Data, Job, str]

HALF = 20


def test_half_are_held_out_reals_half_samples_and_the_same_after_a_pause(finished: Finished) -> None:
    data, job, _ = finished
    pictures, _, _ = runs.pictures(job.run)
    test, shown_ones = blind.begin(job.run, pictures, data, 0)
    again, others = blind.begin(job.run, pictures, data, 0)
    assert test == again
    assert all(np.array_equal(a, b) for a, b in zip(shown_ones, others, strict=True))
    assert (test.kinds.count("real"), test.kinds.count("sample")) == (HALF, HALF)
    assert test.kinds[:HALF] != ("real",) * HALF != test.kinds[HALF:]
    held = {one.tobytes() for one in pictures.held}
    train = {one.tobytes() for one in pictures.train}
    for kind, one in zip(test.kinds, shown_ones, strict=True):
        assert (np.ascontiguousarray(one).tobytes() in held) == (kind == "real")
        assert np.ascontiguousarray(one).tobytes() not in train
    assert blind.begin(job.run, pictures, data, 1)[0].kinds != test.kinds
    assert test.target == "real picture"
    decision.write(data, Decision("demo", "softmax", ("quilt", "rug"), (0,), 0.9))
    assert blind.begin(job.run, pictures, data, 0)[0].target == "quilt or rug"


def test_the_shares_have_wilsons_interval_as_far_as_they_are_answered() -> None:
    kinds = ("sample", "real") * HALF
    test = Blind(100, "key", "quilt", 0, kinds, tuple(range(40)), ("no", "yes") * 10)
    sample, real = blind.shares(test)
    assert (sample.kind, sample.yes, sample.count) == ("sample", 0, 10)
    # Brown, Cai and DasGupta (2001), eq. 4: with k = 0 from 0 to z^2 / (n + z^2), z = 1.96
    assert [sample.low, sample.high] == pytest.approx([0, 3.8415 / 13.8415], abs=1e-4)
    assert [real.low, real.high] == pytest.approx([10 / 13.8415, 1], abs=1e-4)
    assert blind.lines(test)[0] == "0 of 10 samples were taken for a quilt (0%, with 95 % confidence 0% to 28%)"
    assert blind.shares(replace(test, answers=())) == []
    assert [one.kind for one in blind.shares(replace(test, answers=("yes",)))] == ["sample"]


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"seed": 0}]'], ids=["cut off", "no list", "no table", "lacking"])
def test_a_damaged_file_is_one_sentence(finished: Finished, text: str) -> None:
    _, job, _ = finished
    job.run.blind.write_text(text)
    with pytest.raises(UsageError, match=r"blind\.json"):
        blind.read(job.run)


def test_a_test_of_another_generator_stays_beside_and_both_stand_on_the_page(finished: Finished) -> None:
    data, job, _ = finished
    pictures, _, _ = runs.pictures(job.run)
    test, _ = blind.begin(job.run, pictures, data, 0)
    blind.answered(job.run, replace(test, images_seen=7), ("yes",))
    blind.answered(job.run, test, ("yes", "no"))
    blind.answered(job.run, test, ("yes", "no", "no"))
    assert [(one.images_seen, len(one.answers)) for one in blind.read(job.run)] == [(7, 1), (40, 3)]
    page = report.write(job.run).read_text()
    assert "37 pictures not yet answered" in page
    assert all(line in page for line in blind.lines(blind.read(job.run)[1]))


def number(browser: WebDriver, answers: int) -> int:
    return int(shown(browser, "number", answers=answers))


@pytest.mark.browser
def test_forty_answers_by_keys_and_buttons_over_a_pause_are_kept_and_said(chromium: Chrome, finished: Finished) -> None:
    data, job, _ = finished
    pictures, _, _ = runs.pictures(job.run)
    expected = blind.begin(job.run, pictures, data, 0)[0]
    said: list[str] = []
    command = ["gan", "blind", "--run", str(job.run.root)]

    def say(word: str, *, click: bool = False) -> None:
        assert number(chromium, len(said)) == len(said)
        if click:
            chromium.find_element(By.ID, word).click()
        else:
            press(chromium, word[0])
        said.append(word)

    def right(place: int) -> str:
        return "yes" if expected.kinds[place] == "real" else "no"

    with asked(command) as server:
        chromium.get_log("browser")
        chromium.get(server.url)
        assert "Is it a real picture?" in chromium.find_element(By.TAG_NAME, "h1").text
        for place in range(12):
            say(right(place), click=place % 3 == 0)
        assert number(chromium, 12) == 12
        press(chromium, "z")
        assert number(chromium, 11) == 11
        say(said.pop())
        number(chromium, 12)
        assert chromium.get_log("browser") == []
        server.end(signal.SIGKILL)
        assert blind.read(job.run)[0].answers == tuple(said)
    again = Server(command, server.port)
    try:
        chromium.get(again.url)
        for place in range(12, 40):
            say(right(place))
        WebDriverWait(chromium, 10).until(lambda page: "20 of 20 samples" not in page.page_source)
        done = WebDriverWait(chromium, 10).until(lambda page: page.find_element(By.ID, "done").text)
    finally:
        code = again.end()
    assert code == 0
    assert blind.read(job.run) == [replace(expected, answers=tuple(said))]
    lines = [
        "0 of 20 samples were taken for a real picture (0%, with 95 % confidence 0% to 16%)",
        "20 of 20 held-out real pictures were taken for a real picture (100%, with 95 % confidence 84% to 100%)",
    ]
    assert done.splitlines() == lines
    assert again.said.splitlines() == [*lines, f"40 of 40 answered -> {job.run.report}"]
    assert lines[0] in job.run.report.read_text()


def test_the_page_tells_nobody_which_is_real_and_lets_nobody_else_answer(finished: Finished) -> None:
    _, job, _ = finished
    with asked(["gan", "blind", "--run", str(job.run.root)]) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        page, cookie = answer.read().decode(), answer.headers["Set-Cookie"].partition(";")[0]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        connection.close()
        token = re.search(r'name="token" content="([^"]+)"', page)
        assert token
        good = {"X-Token": token[1], "Cookie": cookie}
        assert post(server, "/answer", good, {"number": "0", "answer": "yes"}) == 200
        assert post(server, "/answer", good, {"number": "0", "answer": "yes"}) == 409
        assert post(server, "/answer", good, {"number": "1", "answer": "maybe"}) == 400
        assert post(server, "/answer", good | {"X-Token": "x"}, {"number": "1", "answer": "yes"}) == 403
        assert post(server, "/answer", good | {"Host": "evil.example"}, {"number": "1", "answer": "yes"}) == 403
        assert len(blind.read(job.run)[0].answers) == 1
        sizes = []
        for place in range(40):
            with urlopen(f"{server.url}picture/{place}") as picture:
                assert {key for key in picture.headers if key.lower().startswith("x-")} == {"X-Content-Type-Options"}
                image = Image.open(BytesIO(picture.read()))
            sizes.append((image.format, image.size, image.mode))
        assert set(sizes) == {("PNG", (384, 384), "RGB")}
