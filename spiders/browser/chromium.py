"""One headless Chromium, driven by Selenium, that leaves nothing behind however this process ends.

Blocking: every call belongs on a thread of its own. The thread must live as long as the browser, because the kernel
ends the driver with the thread that started it.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selenium.common.exceptions import JavascriptException, TimeoutException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.remote_connection import RemoteConnection
from urllib3.exceptions import HTTPError

from spiders.browser import cookies, launch, leash, profiles
from spiders.browser.documents import Documents, Rendered, same_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.programs import Programs

BOOT_S = 60.0  # of a cold start on a busy machine
MAX_BYTES = 700_000_000  # of a browser and its driver, all processes together
QUIT_S = 5.0
_LOOKS = 3  # at a page that goes on to another
_UNLOADED = "unloaded"  # a page went on to another while a script ran; the driver may call that a timeout, too
CALL_S = 30.0  # of a call that no page has a say in, on a busy machine
_SCRIPT = Path(__file__).with_name("actions.js")


class BrowserError(Exception):
    """The browser could not bring a page; the message says why, `url` where it had got to."""

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class BrowserTimeoutError(BrowserError):
    """A page, or one of its actions, took longer than it may."""


class BrowserTooLargeError(BrowserError):
    """A page made the browser hold more than MAX_BYTES."""


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
        for flag in launch.flags(self._profile, proxy_port, user_agent):
            options.add_argument(flag)
        options.add_experimental_option("prefs", launch.preferences(self._profile))
        options.add_experimental_option("excludeSwitches", ["disable-popup-blocking"])
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
        self._service = _Service(programs.driver, self._profile)
        try:
            with self._within(BOOT_S), _named():
                self._chrome = Chrome(options=options, service=self._service)
                _patient(self._chrome)
                # what one page left behind answers for no other
                self._chrome.execute_cdp_cmd("Network.setBypassServiceWorker", {"bypass": True})
        except BaseException:
            self._end()
            raise

    def load(self, url: str, actions: tuple[Any, ...], timeout_s: float) -> Rendered:
        """Open `url`, do the recipe's actions unless it is an error; it, and each action, may take `timeout_s`."""
        documents = Documents()
        self.ends = []
        with _named():
            with self._within(timeout_s):
                self._open(url)
                first = self._document(documents)
            if not same_place(first.url, url):
                self.pages += 1
                return replace(first, moved=True)
            for name, value in actions if first.status < 400 else ():
                with self._within(timeout_s):
                    self._act(name, value, timeout_s)
            with self._within(timeout_s):
                self.pages += 1
                page = self._read(documents)
                if (now := urlsplit(page.url)[:2]) != urlsplit(first.url)[:2]:
                    raise BrowserError(f"the actions lead away, to {now[1]}")
                return page

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

    def _open(self, url: str) -> None:
        try:
            self._chrome.get(url)
        except WebDriverException as error:
            raise BrowserError(_line(error), self._chrome.current_url) from error

    def _read(self, documents: Documents) -> Rendered:
        """The document that the window shows now, with its text. Other windows are closed."""
        for other in set(self._chrome.window_handles) - {self._chrome.current_window_handle}:
            self._chrome.execute_cdp_cmd("Target.closeTarget", {"targetId": other})
        for _ in range(_LOOKS):
            page = self._document(documents)
            html = self._chrome.page_source
            if self._document(documents) == page:  # it did not go on while it was read
                return replace(page, html=html)
        raise BrowserError("the page goes on and on to others", page.url)

    def _document(self, documents: Documents) -> Rendered:
        """The document of the window's own frame, still without its text."""
        frame = self._chrome.execute_cdp_cmd("Page.getFrameTree", {})["frameTree"]["frame"]
        place = frame.get("unreachableUrl") or frame["url"]
        for pause in (0.0, 0.3) if place == frame["url"] else (0.0,):  # its log may be late
            time.sleep(pause)
            documents.read(self._chrome.get_log("performance"))
            if page := documents.of(frame["loaderId"]):
                return page
        raise BrowserError(f"could not open {place}", place)  # the browser shows a page of its own instead

    def _act(self, name: str, value: Any, timeout_s: float) -> None:
        """Do an action, on the next document where the page goes on to one meanwhile; a click is then done."""
        options = {"css": value} if isinstance(value, str) else dict(value)
        ends = time.monotonic() + 0.9 * timeout_s  # an action that ends by itself leaves the browser usable
        self._chrome.set_script_timeout(timeout_s)
        script = _SCRIPT.read_text(encoding="utf-8")
        answer = None
        while answer is None:
            budget = 1000 * max(0.0, ends - time.monotonic())
            try:
                answer = self._chrome.execute_async_script(script, name, {**options, "budget": budget})
            except (JavascriptException, TimeoutException) as error:
                if isinstance(error, JavascriptException) and _UNLOADED not in str(error):
                    raise
                if not budget:
                    raise BrowserTimeoutError(f"{name} {value!r}: the page goes on and on to others") from error
                if name == "click":
                    return
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
        super().__init__(executable_path=leash or driver, env=launch.environment(folder))

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
