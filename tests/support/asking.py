"""A page that asks a person: its server in a process of its own, and what a person does in the browser."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webdriver import WebDriver


class Server:
    """`python -m` and a command, which a test may kill."""

    def __init__(self, command: list[str], port: int = 0) -> None:
        words = [sys.executable, "-m", *command, "--port", str(port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if not found:
            self.process.kill()
            pytest.fail(line + self.process.communicate()[0])
        self.url, self.port = found[0], int(found[1])
        self.said = ""  # after its address, once it has ended

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        assert self.process.stdout is not None
        code = self.process.wait(60)
        self.said = self.process.stdout.read()
        self.process.stdout.close()
        return code


@contextmanager
def asked(command: list[str]) -> Iterator[Server]:
    server = Server(command)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


def shown(browser: WebDriver, name: str, *, answers: int | None = None) -> str:
    """Which picture is on the page, by the `name` that it has there, once the page shows that so many are answered."""

    def ready(page: WebDriver) -> str | bool:
        found, count = page.execute_script(
            "return [document.body.dataset[arguments[0]], document.body.dataset.answers]", name
        )
        return found if found and (answers is None or count == str(answers)) else False

    return str(WebDriverWait(browser, 20, poll_frequency=0.02).until(ready))


def press(browser: WebDriver, key: str) -> None:
    ActionChains(browser).send_keys(key).perform()


def post(server: Server, path: str, headers: dict[str, str], words: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", path, json.dumps(words), {"Content-Type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status
