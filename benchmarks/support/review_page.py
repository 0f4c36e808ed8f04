"""Page time: from a key to the next picture painted, in a real Chromium over a catalog of 40,000 pictures.

    .venv/bin/python -m benchmarks.review page [--pictures 40000] [--keys 50] [--pause 0.5]

The pictures are twelve drawings of shapes and grain, 1000 x 750 and about 100 kB, under 40,000 names; the
scores are simulated. A person is a key every `pause` seconds, yes or no by the truth. A probe in the page takes the
time from the key's own time stamp to the frame after the picture is decoded and the answer counted. The server's
CPU-seconds tell its share; what other programs leave of the machine is in the times. The last line is JSON.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.curate import draw
from benchmarks.support.simulated_data import Set, dataset
from scrapbag.programs import require

if TYPE_CHECKING:
    from collections.abc import Iterator

GOAL_MS = 100
WARM_UP = 3  # keys before the count
PROBE = """
window.times = [];
addEventListener("keydown", (event) => { window.pressed = event.timeStamp; }, true);
performance.setResourceTimingBufferSize(10000);
addEventListener("DOMContentLoaded", () => new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
  if (window.pressed) window.times.push(performance.now() - window.pressed);
  window.pressed = 0;
}))).observe(document.body, { attributeFilter: ["data-answers"] }));
"""


@click.command()
@click.option("--pictures", default=40_000, show_default=True)
@click.option("--keys", default=50, show_default=True)
@click.option("--pause", default=0.5, show_default=True, help="seconds that a person looks")
def main(pictures: int, keys: int, pause: float) -> None:
    """Print the page time of `keys` answers, and of what it is made."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = dataset(root / "many", pictures, pairs=False)
        for path, drawing in zip(sorted((made.data.root / "drawings").iterdir()), draw(root / "drawn"), strict=False):
            shutil.copyfile(drawing, path)
        with served(made) as (url, server), chromium(root) as browser:
            browser.get(url)
            spent: list[float] = []
            for number in range(WARM_UP + keys):
                sha256 = shown(browser, number)
                time.sleep(pause)
                if number == WARM_UP:
                    spent.append(sum(server.cpu_times()[:2]))
                ActionChains(browser).send_keys("y" if made.wanted[sha256] else "n").perform()
            shown(browser, WARM_UP + keys)
            time.sleep(pause)
            spent.append(sum(server.cpu_times()[:2]))
            times = browser.execute_script("return window.times")[WARM_UP:]
            waited = browser.execute_script(
                "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/answer'))"
                ".map((e) => [e.requestStart - e.startTime, e.responseStart - e.requestStart, e.duration])"
            )[WARM_UP:]
    figures = {
        "pictures": pictures,
        "keys": len(times),
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
        "worst_ms": round(max(times), 1),
        **{
            f"answer_{name}_ms": round(statistics.median(column), 1)
            for name, column in zip(("queued", "served", "whole"), zip(*waited, strict=True), strict=True)
        },
        "server_cpu_ms_a_key": round(1000 * (spent[1] - spent[0]) / keys, 1),
        "load": round(psutil.getloadavg()[0], 1),
    }
    reached = {"median at most 100 ms": figures["median_ms"] <= GOAL_MS, "p95": figures["p95_ms"] <= GOAL_MS}
    print(json.dumps({"figures": figures, "reached": reached}))


@contextmanager
def served(made: Set) -> Iterator[tuple[str, psutil.Process]]:
    command = [sys.executable, "-m", "curate", "review", "--data", str(made.data.root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        try:
            assert found, "the server said nothing"
            yield found[0], psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def chromium(root: Path) -> Iterator[webdriver.Chrome]:
    programs = require()
    options = webdriver.ChromeOptions()
    options.binary_location = programs.chromium
    flags = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900")
    for flag in (*flags, f"--user-data-dir={root / 'profile'}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(programs.driver))
    try:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": PROBE})
        yield browser
    finally:
        browser.quit()


def shown(browser: webdriver.Chrome, answers: int) -> str:
    """The picture on the page, once it is painted after so many answers."""
    said = "return [document.body.dataset.sha256, document.body.dataset.answers, window.times.length]"

    def ready(page: webdriver.Chrome) -> str | bool:
        sha256, count, painted = page.execute_script(said)
        return sha256 if sha256 and count == str(answers) and painted == answers else False

    return str(WebDriverWait(browser, 60, poll_frequency=0.05).until(ready))


if __name__ == "__main__":
    main()
