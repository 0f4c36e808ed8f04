"""One post by apprise: when its bytes leave is told, what is logged on the way is kept back, as it may hold secrets."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from scrapbag.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from show.post.destinations import Destination

Outcome = Literal["posted", "refused", "unclear"]
# Audit events (PEP 578) that http.client and smtplib raise right before they write to a socket
_LEAVING = {"http.client.send", "smtplib.send"}
_ANSWERED = "error="  # how apprise's plugins log the status of an answer; of a lost connection they say other words
_listeners: list[Callable[[], None]] = []
_hooked: list[bool] = []


class Sender:
    """Posts to one destination. Raises MissingExtraError without apprise, UsageError for what is no address of its."""

    def __init__(self, to: Destination) -> None:
        with warnings.catch_warnings(), _kept_back():
            warnings.simplefilter("ignore")  # theirs: apprise looks for modules that Python will take away
            try:
                apprise: Any = import_module("apprise")
            except ImportError:
                raise MissingExtraError("make publish", "apprise", "publish") from None
            self._server = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, app_id="scrapbag"))
            if not self._server.add(to.url):
                raise UsageError(f"{to} is no address that apprise knows")
            for one in self._server:
                one.retry = 0  # ?retry=3 in an address would repeat what may have arrived

    def send(self, title: str, caption: str, picture: Path, leaving: Callable[[], None]) -> Outcome:
        """Post `picture` with its words. `leaving` is called once, right before the first byte goes out.

        `refused`: nothing left this computer, or the service answered that it has not taken it. `unclear`: the
        connection ended between the two.
        """
        with _kept_back() as said, _watching(leaving) as left:
            taken = bool(self._server.notify(body=caption, title=title, attach=str(picture)))
        if taken:
            return "posted"
        return "unclear" if left and not any(_ANSWERED in words for words in said) else "refused"


@contextmanager
def _kept_back() -> Iterator[list[str]]:
    """What apprise logs in here is printed nowhere; it is in the list."""
    said: list[str] = []
    log, handler = logging.getLogger("apprise"), _Keeping(said)
    before = log.handlers[:], log.propagate, log.level
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        log.handlers, log.propagate = before[0], before[1]
        log.setLevel(before[2])


class _Keeping(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextmanager
def _watching(leaving: Callable[[], None]) -> Iterator[list[bool]]:
    """Call `leaving` at the first write to a service; the list is empty until then."""
    left: list[bool] = []

    def once() -> None:
        if not left:
            left.append(True)
            leaving()

    if not _hooked:  # a hook can never be taken off again, so there is one
        sys.addaudithook(_heard)
        _hooked.append(True)
    _listeners.append(once)
    try:
        yield left
    finally:
        _listeners.remove(once)


def _heard(event: str, _: tuple[object, ...]) -> None:
    if event in _LEAVING:
        for one in tuple(_listeners):
            one()
