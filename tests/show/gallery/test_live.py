"""The gallery in a real Chromium beside a real, tiny training: live, by keys, on a phone, in the dark."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from asking import asked
from gan_data import squares
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from shelves import quilts, run

from scrapbag.layout import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from asking import Server
    from selenium.webdriver import Chrome

# The trainer itself: it begins when told to, probes for a moment, and writes lines and grids more often
TRAIN = """
from gan.evaluate import keep, report
from gan.train import loop, preflight, progress, runs
progress.ROW_S, progress.GRID_S, preflight.PATIENCE_S = 0.3, 0.6, 0.2
from gan.__main__ import main
input()
main()
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run `quilts`, which was stopped; and `live`, which nobody has begun yet."""
    folder = tmp_path_factory.mktemp("live")
    run(folder / "runs" / "quilts", quilts(folder / "data" / "quilts").root)
    live = Run(folder / "runs" / "live")
    live.root.mkdir()
    values = "['width=4', 'batch=4', 'z=8']"
    live.asked.write_text(f"name = 'live'\n[train]\nminutes = 2.0\nvalues = {values}\n")
    squares(folder / "data" / "live")
    return folder


@pytest.fixture(scope="module")
def training(root: Path) -> Iterator[subprocess.Popen[str]]:
    """What will train the run `live` once it is told to."""
    words = ["train", "--data", str(root / "data" / "live"), "--run", str(root / "runs" / "live")]
    command = [sys.executable, "-c", TRAIN, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def server(root: Path, training: subprocess.Popen[str]) -> Iterator[Server]:
    with asked(["show", "gallery", "--data", str(root / "data"), "--runs", str(root / "runs")]) as one:
        yield one


def until(browser: Chrome, condition: Callable[[Chrome], object]) -> None:
    WebDriverWait(browser, 60, poll_frequency=0.03).until(condition)


def seen(browser: Chrome) -> int:
    """How many images the page says that the run has seen."""
    shown = browser.execute_script("return document.querySelector('.now b')?.textContent ?? '0'")
    return int(shown.replace(",", ""))


def query(browser: Chrome) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(browser.current_url).query).items()}


def press(browser: Chrome, key: str, changed: str, value: str | None) -> None:
    """Press a key, after which the address has `value` under the name `changed`."""
    ActionChains(browser).send_keys(key).perform()
    until(browser, lambda page: query(page).get(changed) == value)


def contrast(browser: Chrome, selector: str) -> float:
    """Of an element's text against what is behind it, by WCAG 2.2, 1.4.3."""
    return float(
        browser.execute_script(
            """const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255)
                 .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
                 .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
               let node = document.querySelector(arguments[0]);
               const one = light(getComputedStyle(node).color);
               while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
               const two = light(getComputedStyle(node).backgroundColor);
               return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)""",
            selector,
        )
    )


@pytest.mark.browser
def test_keys_move_through_grids_samples_and_pictures_and_the_address_has_it_all(
    chromium: Chrome, server: Server
) -> None:
    chromium.get(f"{server.url}run?run=quilts")
    chromium.execute_script("window.same = true")
    press(chromium, Keys.ARROW_LEFT, "kimg", "4")
    press(chromium, Keys.ARROW_LEFT, "kimg", "0")
    press(chromium, Keys.ARROW_RIGHT, "kimg", "4")
    until(chromium, lambda page: "kimg=4" in page.find_element(By.CSS_SELECTOR, ".cells img").get_attribute("src"))
    chromium.find_element(By.CSS_SELECTOR, '.cells a[aria-label="sample 0"]').click()
    until(chromium, lambda page: len(page.find_elements(By.CSS_SELECTOR, ".near li")) == 6)
    assert "CC-BY-4.0" in chromium.find_element(By.CSS_SELECTOR, ".near li").text
    press(chromium, Keys.ARROW_DOWN, "sample", "8")
    press(chromium, Keys.ARROW_RIGHT, "sample", "9")
    chromium.refresh()
    assert chromium.find_element(By.CSS_SELECTOR, ".sample h3").text == "Sample 9"
    press(chromium, Keys.ESCAPE, "sample", None)
    chromium.back()
    until(chromium, lambda page: page.find_elements(By.CSS_SELECTOR, ".sample"))

    chromium.get(f"{server.url}dataset?data=quilts&show=blurry")
    press(chromium, Keys.ARROW_RIGHT, "page", "2")
    press(chromium, "/", "page", "2")
    chromium.switch_to.active_element.send_keys("blur 17")
    until(chromium, lambda page: query(page).get("q") == "blur 17")
    until(chromium, lambda page: len(page.find_elements(By.CSS_SELECTOR, ".tile")) == 13)
    ActionChains(chromium).send_keys(Keys.ESCAPE).perform()
    chromium.find_element(By.CSS_SELECTOR, "a.tile").click()
    until(chromium, lambda page: page.find_elements(By.ID, "opened"))
    was = query(chromium)["picture"]
    ActionChains(chromium).send_keys(Keys.ARROW_RIGHT).perform()
    until(chromium, lambda page: query(page)["picture"] != was)
    focus = "return getComputedStyle(document.activeElement).outlineStyle"
    ActionChains(chromium).send_keys(Keys.TAB).perform()
    assert chromium.execute_script(focus) == "solid"


@pytest.mark.browser
def test_every_page_fits_a_phone_reads_in_the_dark_and_asks_nobody_else(chromium: Chrome, server: Server) -> None:
    size = {"width": 375, "height": 667, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for page in ("", "dataset?data=quilts", "dataset?data=quilts&show=robots", "run?run=quilts&sample=0&with=live"):
            for scheme in ("light", "dark"):
                told = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", told)
                chromium.get(server.url + page)
                for selector in ("h1", "main .soft, main .meaning", "main a[href]"):
                    assert contrast(chromium, selector) >= 4.5, (page, scheme, selector)
            assert chromium.execute_script("return document.documentElement.scrollWidth") <= 375, page
            assert chromium.execute_script("return [...document.images].every((one) => one.hasAttribute('alt'))")
            asked_of = chromium.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
            assert all(name.startswith(server.url) for name in asked_of)
        time.sleep(0.3)
        assert chromium.get_log("browser") == []
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.browser
def test_the_page_moves_while_a_run_learns_and_is_never_loaded_again(
    chromium: Chrome, server: Server, training: subprocess.Popen[str]
) -> None:
    chromium.get_log("browser")
    chromium.get(server.url)
    chromium.execute_script("window.same = true")
    assert training.stdin is not None
    assert training.poll() is None, "the trainer has ended before it was told to begin"
    training.stdin.write("\n")
    training.stdin.flush()
    until(chromium, lambda page: "training now" in page.find_element(By.ID, "live").text)
    first = chromium.find_element(By.CSS_SELECTOR, ".card h3").text
    assert first.split() == ["live", "training", "now"], "those that learn come first"
    assert chromium.execute_script("return window.same"), "it was loaded again"

    chromium.get(f"{server.url}run?run=live")
    chromium.execute_script("window.same = true")
    before, grid = seen(chromium), "return document.querySelector('.cells img')?.src"
    until(chromium, lambda page: page.execute_script(grid))
    src = chromium.execute_script(grid)
    until(chromium, lambda page: seen(page) > before)
    until(chromium, lambda page: page.execute_script(grid) != src)
    now = chromium.find_element(By.CSS_SELECTOR, ".now").text
    assert "training now" in now
    assert "left" in now
    until(chromium, lambda page: page.find_elements(By.CSS_SELECTOR, ".chart path"))
    training.terminate()
    until(chromium, lambda page: "training now" not in page.find_element(By.CSS_SELECTOR, ".now").text)
    assert chromium.execute_script("return window.same"), "it was loaded again"
    assert chromium.get_log("browser") == []
