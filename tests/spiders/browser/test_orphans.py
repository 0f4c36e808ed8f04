"""Nothing of a browser is left, however its owner ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from browser_site import serve

from scrapbag import programs
from scrapbag.errors import MissingError
from spiders.browser import profiles

needs_chromium = pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")

HOLD = """
import asyncio, json, sys
import psutil
from scrapy import Request
from scrapy.settings import Settings
from spiders.browser.handler import Browsers

async def main(host):
    pool = Browsers(Settings({"BROWSER_SESSIONS": 1, "BROWSER_ALLOW_HOSTS": [host], "USER_AGENT": "scrapbag"}))
    await pool.fetch(Request(f"http://{host}/", meta={"browser": {}}))
    session = pool._workers[0]._session
    print(json.dumps([[p.pid for p in psutil.Process().children(recursive=True)], str(session._profile)]), flush=True)
    if sys.argv[2] == "hang":
        await pool.fetch(Request(f"http://{host}/hang", meta={"browser": {}, "download_timeout": 600}))
    await pool.close()

asyncio.run(main(sys.argv[1]))
"""


def alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.Error:
            pass
    return found


def hold(host: str, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, host, mode], stdout=subprocess.PIPE, text=True)


@pytest.mark.browser
@needs_chromium
def test_sigkill_leaves_nothing_alive_and_the_next_start_removes_the_profile() -> None:
    with serve() as site, hold(site.host, "hang") as process:
        assert process.stdout
        pids, profile = json.loads(process.stdout.readline())
        assert len(alive(pids)) > 3
        time.sleep(1)  # into the page that hangs
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 30
        while alive(pids) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert alive(pids) == []
        assert Path(profile).exists()
        with hold(site.host, "end") as following:
            assert following.wait(90) == 0
        assert not Path(profile).exists()


@pytest.mark.browser
@needs_chromium
def test_an_orderly_end_leaves_neither_processes_nor_a_profile() -> None:
    with serve() as site, hold(site.host, "end") as process:
        assert process.stdout
        pids, profile = json.loads(process.stdout.readline())
        assert process.wait(90) == 0
        assert alive(pids) == []
        assert not Path(profile).exists()


def test_sweeping_spares_the_profile_of_a_process_that_lives() -> None:
    profile = profiles.make()
    profiles.sweep()
    assert profile.exists()
    profile.rmdir()


def test_without_chromium_the_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find() is None
    with pytest.raises(MissingError, match="sudo apt install chromium chromium-driver") as error:
        programs.require()
    assert error.value.exit_code == 69
