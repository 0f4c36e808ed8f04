"""What more than one file of tests shares."""

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # the same figures with a GPU and without
if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # as many tests as cores run at once: a second thread each would only be in the way
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts pytest in the background has it ignore Ctrl-C, and the commands under test would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files at the top, which call make and take longest, so that no core waits for them at the end."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A crawl of many hostile hosts, done once."""
    from hostile import World  # noqa: PLC0415  (only those who ask for it draw its pictures)

    return World(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser for all tests of a file; its console can be read."""
    from selenium import webdriver  # noqa: PLC0415
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    from scrapbag.programs import find  # noqa: PLC0415

    programs = find()
    if programs is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs.chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=Service(programs.driver))
    yield session
    session.quit()
