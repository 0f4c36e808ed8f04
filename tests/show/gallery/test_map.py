"""The map: what it tells the page, who may answer on it, and a person with a lasso in a real Chromium."""

from __future__ import annotations

import io
import json
import re
import signal
import struct
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asking import Server, asked
from click.testing import CliRunner
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.support.simulated_data import Set, dataset, told
from curate import __main__ as curate
from scrapbag import labels
from scrapbag.disk import lock
from show.gallery import choosing, server
from show.known.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from selenium.webdriver import Chrome

HOST = {"Host": "127.0.0.1:8777"}
COUNT = 300
ACT = "12345678-1234-1234-1234-123456789abc"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Set:
    """A dataset with a map, which was decided on. Each test undoes what it answers."""
    one = dataset(tmp_path_factory.mktemp("shelf") / "data" / "quilts", COUNT)
    for command in ("curate", "map"):
        done = CliRunner().invoke(curate.main, [command, "--data", str(one.data.root)])
        assert done.exit_code == 0, done.output
    return one


@pytest.fixture
def client(made: Set) -> FlaskClient:
    root = made.data.root.parent
    return server.application(Shelf(root, root.parent / "runs")).test_client()


def token(client: FlaskClient, name: str = "quilts") -> str:
    page = client.get(f"/map?data={name}", headers=HOST)
    assert page.status_code == 200
    found = re.search(r'<meta name="token" content="([^"]+)"', page.text)
    assert found
    return found[1]


def post(client: FlaskClient, path: str, headers: dict[str, str], **words: object) -> Any:
    answer = client.post(path, headers={**HOST, **headers}, json={"data": "quilts", **words})
    return answer.status_code, answer.get_json(silent=True)


def points(client: FlaskClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head, and the columns as the page reads them."""
    body = client.get("/map/points?data=quilts", headers=HOST).data
    (length,) = struct.unpack_from("<I", body)
    head = json.loads(body[4 : 4 + length])
    start, count = 4 + length, head["count"]
    assert start % 4 == 0, "a Float32Array begins at a multiple of four"
    place = np.frombuffer(body, "<f4", 2 * count, start)
    codes = np.frombuffer(body, np.uint8, 5 * count, start + 8 * count).reshape(5, count)
    names = body[start + 13 * count :]
    assert len(names) == 32 * count
    columns = dict(zip(("kept", "reason", "source", "confidence", "answer"), codes, strict=True))
    return head, {**columns, "place": place, "sha256": [names[i : i + 32].hex() for i in range(0, len(names), 32)]}


def test_the_page_is_told_every_picture_with_what_became_of_it(made: Set, client: FlaskClient) -> None:
    head, columns = points(client)
    assert head["count"] == COUNT
    assert sorted(columns["sha256"]) == sorted(made.wanted)
    assert np.abs(columns["place"]).max() <= 1
    reasons = [head["names"]["reason"][code] for code in columns["reason"]]
    assert [reason == "kept" for reason in reasons] == columns["kept"].astype(bool).tolist()
    known = np.array([made.confidence[name] for name in columns["sha256"]])
    assert np.corrcoef(columns["confidence"], known)[0, 1] > 0.9
    assert set(columns["answer"]) == {0}
    assert head["absent"] == 0


def test_sheets_have_the_pictures_in_the_order_of_the_points(made: Set, client: FlaskClient) -> None:
    head, columns = points(client)
    for number in range(-(-COUNT // head["sheet"])):
        answer = client.get(f"/map/sheet?data=quilts&n={number}", headers=HOST)
        sheet = np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGB"), dtype=float)
        for place, name in enumerate(columns["sha256"][number * head["sheet"] : (number + 1) * head["sheet"]][:3]):
            original = Image.open(made.data.image(name, "jpg")).crop((80, 0, 560, 480)).resize((64, 64))
            tile = sheet[:64, 64 * place : 64 * place + 64]
            assert np.abs(tile.mean(axis=(0, 1)) - np.asarray(original, dtype=float).mean(axis=(0, 1))).max() < 12
    assert client.get("/map/sheet?data=quilts&n=99", headers=HOST).status_code == 409
    assert client.get("/map/sheet?data=quilts&n=-1", headers=HOST).status_code == 409


def test_only_the_page_itself_may_answer(made: Set, client: FlaskClient) -> None:
    word = {"act": ACT, "answer": "no", "pictures": [next(iter(made.wanted))]}
    assert post(client, "/map/answer", {}, **word)[0] == 403
    good = {"X-Token": token(client)}
    for bad in ({"X-Token": "x"}, {**good, "Origin": "http://evil.example"}, {**good, "Sec-Fetch-Site": "cross-site"}):
        assert post(client, "/map/answer", bad, **word)[0] == 403
        assert post(client, "/map/undo", bad, act=ACT)[0] == 403
    for path in ("/", "/dataset?data=quilts", "/map?data=quilts"):
        assert post(client, path, good, **word)[0] == 405
    without = server.application(Shelf(made.data.root.parent, made.data.root)).test_client()
    assert post(without, "/map/answer", good, **word)[0] == 403, "neither its token nor its cookie"
    assert told(made) == []
    policy = client.get("/map?data=quilts", headers=HOST).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy != client.get("/", headers=HOST).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": []}, {"pictures": ["a" * 64]}, {"pictures": "all"}, {"pictures": [7]}, {"answer": "unsure"},
        {"answer": None}, {"act": "x"}, {"act": 7},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_answer_is_one_sentence_and_nothing_is_written(
    made: Set, client: FlaskClient, change: dict[str, object]
) -> None:
    word = {"act": ACT, "answer": "no", "pictures": [next(iter(made.wanted))]}
    status, said = post(client, "/map/answer", {"X-Token": token(client)}, **word | change)
    assert status == 409
    assert said["sentence"]
    assert told(made) == []


def test_an_act_is_written_once_and_taken_back_whole_also_after_the_next_start(made: Set, client: FlaskClient) -> None:
    names, good = sorted(made.wanted)[:120], {"X-Token": token(client)}
    for _ in range(2):  # the page did not hear of the first
        status, said = post(client, "/map/answer", good, act=ACT, answer="no", pictures=[*names, names[0]])
        assert (status, said["count"], said["answered"]) == (200, 120, 120)
    assert {(one.answer, one.purpose, one.drawn["how"]) for one in told(made)} == {("no", "teach", "lasso")}
    assert sorted(one.sha256 for one in told(made)) == names
    _, columns = points(client)
    assert [name for name, code in zip(columns["sha256"], columns["answer"], strict=True) if code == 2] == [
        name for name in columns["sha256"] if name in set(names)
    ]
    again = server.application(Shelf(made.data.root.parent, made.data.root)).test_client()
    last = again.get("/map/state?data=quilts", headers=HOST).get_json()["last"]
    assert last == {"act": ACT, "answer": "no", "count": 120}
    status, said = post(again, "/map/undo", {"X-Token": token(again)}, act=last["act"])
    assert (status, said["count"], said["last"], said["answered"]) == (200, 120, None, 0)
    assert told(made) == []


def test_a_catalog_that_another_program_holds_is_one_sentence_and_the_same_act_goes_in_afterwards(
    made: Set, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "_PATIENCE_MS", 50)
    word = {"act": ACT, "answer": "yes", "pictures": sorted(made.wanted)[:3]}
    good = {"X-Token": token(client)}
    with closing(labels.connect(made.data.catalog)) as other:
        other.execute("begin immediate")
        status, said = post(client, "/map/answer", good, **word)
        other.execute("rollback")
    assert status == 409
    assert said["sentence"] == "another program holds the catalog: nothing was written; press the key again"
    assert told(made) == []
    with lock(made.data.root, "curate"):
        status, said = post(client, "/map/answer", good, **word)
    assert (status, said["curating"]) == (200, Path("/proc/locks").exists())
    assert post(client, "/map/undo", good, act=ACT)[1]["count"] == 3


def test_without_a_map_the_page_says_which_command_makes_it(tmp_path: Path) -> None:
    bare = dataset(tmp_path / "data" / "quilts", 8)
    client = server.application(Shelf(tmp_path / "data", tmp_path / "runs")).test_client()
    page = client.get("/map?data=quilts", headers=HOST)
    assert "There is no map of these pictures yet: run make map" in page.text
    answer = client.get("/map/points?data=quilts", headers=HOST)
    assert (answer.status_code, "sentence" in answer.get_json()) == (409, True)
    bare.data.report.mkdir()
    for path in (bare.data.map, bare.data.report_parquet):
        path.write_bytes(b"PAR1 cut off")
    for name in ("points", "state", "sheet"):
        assert client.get(f"/map/{name}?data=quilts&n=0", headers=HOST).status_code in {200, 409}
    assert client.get("/map?data=none", headers=HOST).status_code == 404


# --- in Chromium -----------------------------------------------------------------------------------------------------


def shown(browser: Chrome, **wanted: str) -> None:
    """Wait until the page's marks are these."""
    marks = "return {...document.body.dataset}"

    def ready(page: Chrome) -> bool:
        now = page.execute_script(marks)
        return "drawn" in now and now.get("waiting") == "0" and wanted.items() <= now.items()

    WebDriverWait(browser, 60, poll_frequency=0.05).until(ready)


def until(browser: Chrome, condition: Callable[[Chrome], object]) -> None:
    WebDriverWait(browser, 60, poll_frequency=0.05).until(condition)


def rope(browser: Chrome, *corners: tuple[float, float]) -> None:
    """Draw around what lies within corners, given as shares of the canvas from its middle."""
    canvas = browser.find_element(By.ID, "plane")
    places = [(round(x * canvas.size["width"]), round(y * canvas.size["height"])) for x, y in corners]
    acts = ActionChains(browser, duration=20).move_to_element_with_offset(canvas, *places[0]).click_and_hold()
    for x, y in places[1:]:
        acts = acts.move_to_element_with_offset(canvas, x, y)
    acts.release().perform()


def press(browser: Chrome, key: str) -> None:
    ActionChains(browser).send_keys(key).perform()


@pytest.mark.browser
def test_a_person_lassoes_answers_and_takes_it_back_with_the_mouse_and_by_keys(chromium: Chrome, made: Set) -> None:
    root = made.data.root.parent
    command = ["show", "gallery", "--data", str(root), "--runs", str(root.parent / "runs")]
    with asked(command) as one:
        chromium.get(f"{one.url}dataset?data=quilts")
        chromium.find_element(By.LINK_TEXT, "Map").click()
        shown(chromium, chosen="0", answered="0")
        chromium.find_element(By.CSS_SELECTOR, "[data-by=confidence]").click()
        until(chromium, lambda page: "by=confidence" in page.current_url)
        chromium.find_element(By.ID, "lasso").click()
        rope(chromium, (-0.48, -0.48), (0.48, -0.48), (0.48, 0.02), (-0.48, 0.02))
        until(chromium, lambda page: int(page.execute_script("return document.body.dataset.chosen")) > 0)
        count = int(chromium.execute_script("return document.body.dataset.chosen"))
        assert COUNT * 0.2 < count < COUNT * 0.8
        listed = chromium.find_elements(By.CSS_SELECTOR, "#list img")
        assert len(listed) == count
        assert all("off_target" in one.get_attribute("alt") or "kept" in one.get_attribute("alt") for one in listed[:2])
        chromium.find_element(By.CSS_SELECTOR, "#list button").click()  # one is left out
        shown(chromium, chosen=str(count - 1))

        chromium.find_element(By.CSS_SELECTOR, "[data-do=n]").click()
        shown(chromium, answered=str(count - 1), chosen="0")
        said = chromium.find_element(By.ID, "said").text
        assert said.startswith(f"{count - 1} pictures answered no.")
        assert "make curate" in said
        assert len(told(made)) == count - 1
        assert {label.answer for label in told(made)} == {"no"}
        one.end(signal.SIGKILL)

    again = Server(command, one.port)  # the page goes on with it, and it knows the act
    try:
        until(chromium, lambda page: page.find_element(By.ID, "undo").is_displayed())
        press(chromium, "a")  # all in view, by keys alone
        shown(chromium, chosen=str(COUNT))
        press(chromium, "y")
        shown(chromium, answered=str(COUNT), chosen="0")
        assert len({label.drawn["act"] for label in told(made)}) == 2
        assert labels.latest(told(made))[told(made)[0].sha256].answer == "yes"
        press(chromium, "u")
        shown(chromium, answered=str(count - 1))
        press(chromium, "u")
        shown(chromium, answered="0")
        assert told(made) == []
        until(chromium, lambda page: not page.find_element(By.ID, "undo").is_displayed())
        x = "return new URL(location.href).searchParams.get('z')"
        press(chromium, "+")
        until(chromium, lambda page: float(page.execute_script(x) or 1) > 1.3)
        said_aloud = [
            one["message"] for one in chromium.get_log("browser")
        ]  # what the killed server left open is no fault
        assert [words for words in said_aloud if "net::ERR_" not in words and "403" not in words] == []
    finally:
        again.end()


@pytest.mark.browser
def test_the_map_fits_a_phone_reads_in_the_dark_and_keeps_its_state_in_the_address(chromium: Chrome, made: Set) -> None:
    root = made.data.root.parent
    size = {"width": 375, "height": 667, "deviceScaleFactor": 2, "mobile": True}
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    try:
        with asked(["show", "gallery", "--data", str(root), "--runs", str(root / "runs")]) as one:
            chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
            chromium.get(f"{one.url}map?data=quilts&by=reason&only=kept&z=2&x=0.1&y=-0.1")
            shown(chromium)
            pressed = chromium.find_elements(By.CSS_SELECTOR, "[aria-pressed=true]")
            assert [one.text.partition("\n")[0].split(" ")[0] for one in pressed] == ["reason", "kept"]
            corner = "const c = document.getElementById('plane').getContext('2d').getImageData(2, 2, 1, 1).data; "
            assert chromium.execute_script(f"{corner}return Math.max(c[0], c[1], c[2])") < 60
            assert chromium.execute_script("return document.documentElement.scrollWidth") <= 375
            press(chromium, "a")
            until(chromium, lambda page: page.find_element(By.ID, "say").is_displayed())
            assert chromium.execute_script("return document.documentElement.scrollWidth") <= 375
            assert chromium.execute_script("return [...document.images].every((one) => one.alt)")
            [few] = chromium.execute_script("return [Number(document.body.dataset.chosen)]")
            assert 0 < few < COUNT / 2, "those that the legend leaves out are not chosen"
            press(chromium, "0")
            until(chromium, lambda page: "z=1.000" in page.current_url)
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
