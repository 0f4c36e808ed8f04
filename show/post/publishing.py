"""make publish: looks at a run until it ends, and posts its newest grid whenever it is time to, each once."""

from __future__ import annotations

import csv
import hashlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapbag.disk import held, lock
from scrapbag.errors import MissingError, TooManyFailuresError, UsageError
from scrapbag.layout import metrics_rows
from scrapbag.plain import counted, plain
from show.post.ledger import Ledger
from show.post.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scrapbag.layout import Run
    from show.post.destinations import Destination

LOOK_S = 2.0  # between looks at the run
LEAST_S = 60.0  # between two posts to one destination, or two tries, which double up to PATIENCE_S
PATIENCE_S = 3600.0
TRIES = 5  # in a row that fail, after which a run that has ended is not waited for any more
_PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True)
class Every:
    """How often: after so many seconds, or so many thousand images."""

    seconds: float = 3600.0
    kimg: int = 0  # where this is set, seconds do not count

    @classmethod
    def of(cls, text: str) -> Every:
        """`30min`, `2h` or `100kimg`; a number alone is of minutes. Raises UsageError."""
        found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?(min|h|kimg|)", text.strip())
        if not found or not float(found[1]) or (found[2] == "kimg" and float(found[1]) < 1):
            raise UsageError(f"EVERY is {text!r:.40}; write 30min, 2h or 100kimg")
        number = float(found[1])
        return cls(kimg=int(number)) if found[2] == "kimg" else cls(number * (3600 if found[2] == "h" else 60))


@dataclass(frozen=True)
class Post:
    """A grid and its words."""

    path: Path
    kimg: int
    name: str  # with a hash of its content: a run that was resumed may draw another one of that number
    title: str
    caption: str


def newest(run: Run) -> Post | None:
    """The last grid that is whole; None where there is none."""
    for path, kimg in reversed(run.grids().items()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a run that is resumed takes those back that it had drawn further on
            continue
        if content.endswith(_PNG_END):
            name = f"{path.name} {hashlib.sha256(content).hexdigest()[:16]}"
            return Post(path, kimg, name, plain(run.root.resolve().name), _caption(run, kimg))
    return None


def rehearse(run: Run, to: list[Destination], every: Every, say: Callable[[str], None]) -> None:
    """The dry run: say what would be posted and where; note that it was shown. Raises as `publish` does."""
    with lock(run.root, "publish"):
        ledger = Ledger(run.posts)
        post = newest(run)
        for one in to:
            Sender(one)
            if post is None:
                say(f"{one}: there is no grid yet; each would be posted {_often(every)}")
            elif ledger.state(one, post.name):
                say(f"{one}: {post.path.name} was posted before; the next one would be, {_often(every)}")
            else:
                words = f"{post.path} with the words {post.title!r}, {post.caption!r}"
                say(f"{one}: {words}; then the newest {_often(every)}")
            ledger.show(one)


def is_shown(run: Run, to: list[Destination]) -> bool:
    """Whether a dry run has shown what would go to each of them."""
    ledger = Ledger(run.posts)
    return all(map(ledger.is_shown, to))


def publish(run: Run, to: list[Destination], every: Every, say: Callable[[str], None], least_s: float = LEAST_S) -> int:
    """Post until the training has ended and its last grid is posted; returns how many posts were made.

    Raises MissingError where there is no run, TooManyFailuresError where the last grid could not be posted everywhere,
    LockedError where another call is at it.
    """
    if not run.settings.exists() and not run.grids():
        raise MissingError(f"there is no run in {run.root}; run make train first")
    with lock(run.root, "publish"):
        desk = _Desk(Ledger(run.posts), every, say, least_s)
        senders = {one: Sender(one) for one in to}
        desk.remember(run, to)
        while True:
            learning = held(run.root, "train")  # asked first: a grid that is drawn after this is seen the next time
            post = newest(run)
            waiting = [one for one in to if desk.serve(one, senders[one], post, last=not learning)]
            if not learning and not waiting:
                break
            time.sleep(min(LOOK_S, max(least_s / 2, 0.05)))
    if desk.given_up:
        raise TooManyFailuresError(
            f"the last grid could not be posted to {', '.join(map(str, desk.given_up))}; run make publish to try again"
        )
    return desk.count


class _Desk:
    """Decides of each destination whether it is time, and posts."""

    def __init__(self, ledger: Ledger, every: Every, say: Callable[[str], None], least_s: float) -> None:
        self._ledger, self._every, self._say, self._least_s = ledger, every, say, least_s
        self._tries: dict[Destination, int] = {}
        self.given_up: list[Destination] = []
        self.count = 0

    def remember(self, run: Run, to: list[Destination]) -> None:
        """Say of a grid that a kill cut off while it was sent that it is not sent again."""
        post = newest(run)
        for one in to:
            if post and self._ledger.state(one, post.name) == "sent":
                self._say(f"{one} may have got {post.path.name} when this was stopped; it is not posted again")

    def serve(self, to: Destination, sender: Sender, post: Post | None, *, last: bool) -> bool:
        """Post if it is time to; whether there is still something to wait for once the run has ended."""
        if post is None or self._ledger.state(to, post.name) or to in self.given_up:
            return False
        now = time.time()
        tried, failures = self._ledger.tried(to)
        pause = min(self._least_s * 2 ** min(failures, 12), max(PATIENCE_S, self._least_s))
        if now - min(tried, now) < pause or not (last or failures or self._is_due(to, post, now)):
            return True
        try:
            outcome = sender.send(
                post.title, post.caption, post.path, lambda: self._ledger.sent(to, post.name, post.kimg, time.time())
            )
        except FileNotFoundError:
            return True
        if outcome == "refused":
            self._ledger.failed(to, post.name, time.time())
            self._tries[to] = self._tries.get(to, 0) + 1
            self._say(f"{to} did not take {post.path.name}; it is tried again")
            if last and self._tries[to] >= TRIES:
                self.given_up.append(to)
            return to not in self.given_up
        self._tries[to] = 0
        self.count += 1
        if outcome == "posted":
            self._ledger.posted(to, post.name, post.kimg, time.time())
            self._say(f"posted {post.path.name} to {to}")
        else:
            self._say(f"{to} may have got {post.path.name}, but did not answer; it is not posted again")
        return False

    def _is_due(self, to: Destination, post: Post, now: float) -> bool:
        last = self._ledger.last(to)
        if last is None:
            return True
        at, kimg = last
        if self._every.kimg:
            return post.kimg - kimg >= self._every.kimg or post.kimg < kimg
        return now - min(at, now) >= self._every.seconds


def _caption(run: Run, kimg: int) -> str:
    rows = [row for row in metrics_rows(run) if int(row["images_seen"]) // 1000 <= kimg]
    said = f"{int(rows[-1]['images_seen']):,} images seen" if rows else f"{kimg:,} thousand images seen"
    if rows and rows[-1].get("seconds"):
        said += f" in {counted(round(float(rows[-1]['seconds']) / 60), 'minute')}"
    if kid := _kid(run, kimg):
        said += f", KID x1000 {kid:.1f}"
    return said


def _kid(run: Run, kimg: int) -> float | None:
    try:
        with run.quality.open(newline="", encoding="utf-8") as file:
            found = [float(row["kid"]) for row in csv.DictReader(file) if int(row["images_seen"]) // 1000 <= kimg]
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        return None
    return found[-1] if found else None


def _often(every: Every) -> str:
    if every.kimg:
        return f"every {every.kimg:,} thousand images"
    return f"every {counted(round(every.seconds / 60, 3), 'minute')}"
