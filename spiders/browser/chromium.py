"""One headless Chromium, driven by Selenium, that leaves nothing behind however this process ends.

Blocking: every call belongs on a thread of its own. The thread must live as long as the browser, because the kernel
ends the driver with the thread that started it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.remote_connection import RemoteConnection
from urllib3.exceptions import HTTPError

from spiders.browser import cookies, leash, profiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.programs import Programs

BOOT_S = 60.0  # of a cold start on a busy machine
MAX_BYTES = 700_000_000  # of a browser and its driver, all processes together
QUIT_S = 5.0
CALL_S = 30.0  # of a call that no page has a say in, on a busy machine
_SCRIPT = Path(__file__).with_name("actions.js")
_STATUS = "return [location.protocol, performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0]"
# the cache of pages left behind would hold 20 MB more with every page
_OFF = "BackForwardCache,SpareRendererForSitePerProcess,OptimizationHints,MediaRouter,Translate"
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",  # Chromium ends when the driver's end of the pipe does; a port would keep it alive
    "--proxy-bypass-list=<-loopback>",  # loopback goes through the proxy as well
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    f"--disable-features={_OFF}",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--mute-audio",
    "--renderer-process-limit=1",
    "--window-size=1280,2000",
)


class BrowserError(Exception):
    """The browser could not bring a page; the message says why, `url` where it had got to."""

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class BrowserTimeoutError(BrowserError):
    """A page, or one of its actions, took longer than it may."""


class BrowserTooLargeError(BrowserError):
    """A page made the browser hold more than MAX_BYTES."""


@dataclass(frozen=True)
class Rendered:
    """A page as the browser holds it: after its scripts, its redirects and the recipe's actions."""

    url: str
    status: int
    headers: dict[str, str]
    html: str = ""


class Session:
    """A running browser. Any exception from it means that it is to be closed, and another one opened."""

    def __init__(self, programs: Programs, proxy_port: int, user_agent: str) -> None:
        self.pages = 0
        self.ends: list[tuple[str, str]] = []  # of the last page's actions: which, and bottom, max or time
        self._killed = False
        self._profile = profiles.make()
        options = ChromeOptions()
        options.binary_location = programs.chromium
        options.page_load_strategy = "eager"  # the DOM is there; pictures are not waited for, nor loaded
        for flag in (*_FLAGS, *(("--no-sandbox",) if os.geteuid() == 0 else ())):
            options.add_argument(flag)
        options.add_argument(f"--proxy-server=http://127.0.0.1:{proxy_port}")
        options.add_argument(f"--user-agent={user_agent}")
        options.add_argument(f"--user-data-dir={self._profile}")
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.images": 2})
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
        self._service = _Service(programs.driver, self._profile)
        try:
            with self._within(BOOT_S), _named():
                self._chrome = Chrome(options=options, service=self._service)
                _patient(self._chrome)
        except BaseException:
            self._end()
            raise

    def load(self, url: str, actions: tuple[Any, ...], timeout_s: float) -> Rendered:
        """Open `url`, do the recipe's actions unless it is an error; it, and each action, may take `timeout_s`."""
        self.ends = []
        with _named():
            with self._within(timeout_s):
                page = self._open(url)
            for name, value in actions if page.status < 400 else ():
                with self._within(timeout_s):
                    self._act(name, value, timeout_s)
            with self._within(timeout_s):
                self.pages += 1
                if (now := urlsplit(self._chrome.current_url).netloc) != urlsplit(page.url).netloc:
                    raise BrowserError(f"the actions lead away, to {now}")
                return replace(page, html=self._chrome.page_source)

    def cookies(self) -> list[str]:
        """The cookies of the page that is open, as Set-Cookie headers."""
        with _named(), self._within(CALL_S):
            return cookies.said(self._chrome)

    def forget(self) -> None:
        """Keep nothing of the pages so far."""
        with _named(), self._within(CALL_S):
            cookies.forget(self._chrome)

    def memory(self) -> int:
        """Bytes that the driver and all of the browser's processes hold."""
        return leash.memory(self._pid())

    def close(self) -> None:
        """End the browser, gently if it listens, and remove its profile."""
        if not self._killed:
            quitting = threading.Thread(target=self._chrome.quit, daemon=True)  # a hung browser hangs quit() as well
            quitting.start()
            quitting.join(QUIT_S)
        self._end()

    def _open(self, url: str) -> Rendered:
        """The page as it comes, still without its text."""
        try:
            self._chrome.get(url)
        except WebDriverException as error:
            raise BrowserError(_line(error), self._chrome.current_url) from error
        place = self._chrome.current_url
        scheme, status = self._chrome.execute_script(_STATUS)
        if scheme not in ("http:", "https:"):
            raise BrowserError(f"could not open {place}", place)  # the browser shows a page of its own instead
        return Rendered(place, status, self._headers(place))

    def _headers(self, url: str) -> dict[str, str]:
        """What the server said with the page: an opt-out, a pause. Names in small letters, several values joined."""
        found: dict[str, str] = {}
        for entry in self._chrome.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.responseReceived" and event["params"]["type"] == "Document":
                response = event["params"]["response"]
                if response["url"] == url.partition("#")[0]:
                    found = {name.lower(): value.replace("\n", ", ") for name, value in response["headers"].items()}
        return found

    def _act(self, name: str, value: Any, timeout_s: float) -> None:
        options = {"css": value} if isinstance(value, str) else dict(value)
        budget = timeout_s * 900  # milliseconds; an action that ends by itself leaves the browser usable
        self._chrome.set_script_timeout(timeout_s)
        script = _SCRIPT.read_text(encoding="utf-8")
        answer = self._chrome.execute_async_script(script, name, {**options, "budget": budget})
        if "error" in answer:
            raise BrowserTimeoutError(f"{name} {value!r}: {answer['error']}")
        if answer["end"]:
            self.ends.append((name, answer["end"]))

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        try:
            with leash.leashed(self._pid, seconds, MAX_BYTES):
                yield
        except leash.LateError as error:
            self._killed = True
            raise BrowserTimeoutError(f"the page {error}") from error
        except leash.LargeError as error:
            self._killed = True
            raise BrowserTooLargeError(f"the page {error}") from error

    def _pid(self) -> int | None:
        process = getattr(self._service, "process", None)
        return process.pid if process else None

    def _end(self) -> None:
        leash.kill(self._pid())
        shutil.rmtree(self._profile, ignore_errors=True)


class _Service(Service):
    """The driver: the kernel kills it when its thread ends (PR_SET_PDEATHSIG); its files lie in the profile."""

    def __init__(self, driver: str, folder: Path) -> None:
        leash = shutil.which("setpriv") if sys.platform == "linux" else None
        self._leash = ("--pdeathsig", "KILL", driver) if leash else ()
        (folder / "tmp").mkdir()
        env = {**os.environ, "TMPDIR": str(folder / "tmp"), "SE_OFFLINE": "true"}
        super().__init__(executable_path=leash or driver, env=env)

    def command_line_args(self) -> list[str]:
        return [*self._leash, *super().command_line_args()]


def _patient(chrome: Chrome) -> None:
    """Let no call to the driver time out by itself: `_within` is the clock that counts."""
    if isinstance(chrome.command_executor, RemoteConnection):
        chrome.command_executor.client_config.timeout = 3600


@contextmanager
def _named() -> Iterator[None]:
    """Turn what Selenium and its connection raise into a BrowserError of one line."""
    try:
        yield
    except (WebDriverException, HTTPError, OSError) as error:
        raise BrowserError(_line(error)) from error


def _line(error: Exception) -> str:
    words = str(error).removeprefix("Message: ").strip() or type(error).__name__
    return words.splitlines()[0]
