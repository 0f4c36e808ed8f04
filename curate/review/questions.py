"""Which picture a person is asked about next, and what the answers have come to so far.

Two kinds of question are mixed. A certificate question is the next in the fixed random order of what a threshold keeps;
its answers make the promise and teach nothing. A teaching question is one that the scores are unsure of, in a corner
where nobody was asked yet, or any one at random; its answers teach the head and promise nothing.
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from curate import run
from curate.choose.certificate import Evidence, Judgement, heard, judge, stages, taught
from curate.choose.certify import UNASKED, asked_next
from curate.scores import neighbours
from scrapbag import labels
from scrapbag.errors import UsageError
from scrapbag.labels import Label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from curate.scores.neighbours import Neighbours
    from scrapbag.layout import Data
    from scrapbag.recipe import Curate

NEAREST = 6  # neighbours shown beside a picture
_HOPE = 150  # with more answers than this missing, teaching comes first
_AWAY_S = 120.0  # after so long without a word from a tab, others may be asked what it shows
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """One picture to say yes or no to."""

    sha256: str
    purpose: str  # certify | teach
    drawn: dict[str, Any]
    nearest: tuple[str, ...]  # sha256 of those most like it


class Desk:
    """The questions of one dataset. Every tab asks here; methods may be called from any thread."""

    def __init__(self, settings: Curate, data: Data) -> None:
        """Read the scores and judge them. Raises MissingError where there are none yet."""
        self.settings, self.data = settings, data
        material = run.gather(settings, data)
        self.paths = {picture.sha256: picture.path for picture in material.pictures.values()}
        self.titles = {sha256: (one.title, one.source) for sha256, one in material.speakers.items()}
        said = material.scores.labels.words
        self.targets = ", ".join(said.get(target, target).partition(",")[0] for target in settings.targets)
        shards = material.scores.shards
        self._nearest: Neighbours | None = neighbours.read(shards) if shards.has("features") else None
        self._evidence: Evidence = run.evidence(material)
        self._judged: Judgement = judge(self._evidence, settings, newest=True)
        self._standing: Judgement = judge(self._evidence, settings)  # what make curate would decide by
        self._out: dict[str, list[Question]] = {}  # by tab what it shows and what it will show next
        self._heard_at: dict[str, float] = {}
        self._lock = threading.RLock()
        self._studying: threading.Thread | None = None

    def ask(self, tab: str, count: int = 2) -> list[Question]:
        """The picture that `tab` shows now, and those that follow whatever the answer. Empty when all is answered."""
        with self._lock:
            self._heard_at[tab] = monotonic()
            queue = self._out.setdefault(tab, [])
            while len(queue) < count and (question := self._next(tab)):
                queue.append(question)
            return list(queue)

    def answer(self, tab: str, sha256: str, answer: str) -> int:
        """Write an answer of `tab`, and return its id once it is on the disk.

        Raises UsageError for a picture that this tab was not asked about: a purpose is never the page's to choose.
        """
        with self._lock, closing(labels.connect(self.data.catalog)) as connection:
            told = labels.every(connection, self.settings.targets)
            queue = self._out.get(tab, [])
            asked = next((q for q in queue if q.sha256 == sha256), None) or _again(told, tab, sha256)
            if asked is None:
                raise UsageError("this picture was not asked about in this tab")
            question = tuple(sorted(self.settings.targets))
            label = Label(sha256, answer, question, asked.purpose, asked.drawn | {"tab": tab}, labels.now())
            [number] = labels.add(connection, [label])
            self._out[tab] = [q for q in queue if q.sha256 != sha256]
            self._hear([*told, replace(label, id=number)])
            return number

    def undo(self, tab: str) -> str | None:
        """Take back the last answer of `tab`, and ask it again first. Returns its picture, None when there is none."""
        with self._lock, closing(labels.connect(self.data.catalog)) as connection:
            told = labels.every(connection, self.settings.targets)
            mine = [label for label in told if label.drawn.get("tab") == tab]
            if not mine or not (label := labels.undo(connection, mine[-1].id)):
                return None
            self._out.setdefault(tab, []).insert(0, self._question(label.sha256, label.purpose, dict(label.drawn)))
            self._hear([one for one in told if one.id != label.id])
            return label.sha256

    def given(self, tab: str, last: int = 30) -> list[tuple[Question, str]]:
        """The last questions that `tab` has answered, and how; the newest at the end."""
        with self._lock:
            mine = [one for one in self._evidence.labels if one.drawn.get("tab") == tab]
            newest = {label.sha256: label for label in mine[-last:]}
            return [(self._question(one.sha256, one.purpose, dict(one.drawn)), one.answer) for one in newest.values()]

    def progress(self) -> dict[str, Any]:
        """What the answers have come to, in plain values."""
        with self._lock:
            shown = self._standing if self._standing.threshold.certificate else self._judged
            certificate = shown.threshold.certificate
            return {
                "answers": len(labels.latest(self._evidence.labels)),
                "certifying": int((shown.pool.answer != UNASKED).sum()),
                "teaching": len(taught(self._evidence)),
                "promise": self.settings.threshold,
                "missing": self._judged.threshold.missing,
                "certified": None if certificate is None else certificate.size,
                "lower": None if certificate is None else certificate.lower,
                "pool": len(self._judged.pool.answer),
                "ranked_by": self._judged.scores.ranked_by,
            }

    def _next(self, tab: str) -> Question | None:
        """The next question that no tab has on its screen."""
        fresh = monotonic() - _AWAY_S
        out = {one.sha256 for name, queue in self._out.items() if self._heard_at[name] > fresh for one in queue}
        turn = len(self._evidence.labels) + len(self._out[tab])
        missing = self._judged.threshold.missing
        near = self._judged.threshold.certificate is None and missing is not None and missing <= _HOPE
        certify = (turn % 4 != 3) if near else (turn % 4 == 3)
        first, second = (self._certify, self._teach) if certify else (self._teach, self._certify)
        return first(out, turn) or second(out, turn)

    def _certify(self, out: AbstractSet[str], turn: int) -> Question | None:
        del turn
        threshold = self._judged.threshold.ask
        if threshold is None:
            return None
        for place in asked_next(self._judged.pool, threshold)[: len(out) + 1]:
            sha256 = self._evidence.shards.sha256[self._judged.scores.shown[place]]
            if sha256 not in out:
                drawn = {"how": "uniform", "version": self._judged.scores.version, "threshold": threshold}
                return self._question(sha256, "certify", drawn)
        return None

    def _teach(self, out: AbstractSet[str], turn: int) -> Question | None:
        row, shown = self._evidence.row, self._judged.scores.shown
        known = {row[label.sha256] for label in self._evidence.labels if label.sha256 in row} | {
            row[one] for one in out
        }
        free = ~np.isin(shown, list(known))
        how = "uncertain" if (turn + turn // 4) % 2 else "random"
        place = teaching(how, self._judged.scores.ranked, free, self._near(known)[shown])
        if place is None:
            return None
        drawn = {"how": how, "version": self._judged.scores.version}
        return self._question(self._evidence.shards.sha256[shown[place]], "teach", drawn)

    def _near(self, known: AbstractSet[int]) -> NDArray[np.bool_]:
        """By row whether one of its nearest, or one that it is nearest to, was asked about."""
        near = np.zeros(len(self._evidence.shards), dtype=bool)
        if self._nearest is not None and known:
            near[self._nearest.row[list(known), :NEAREST]] = True
        return near

    def _question(self, sha256: str, purpose: str, drawn: dict[str, Any]) -> Question:
        nearest: tuple[str, ...] = ()
        if self._nearest is not None:
            rows = self._nearest.row[self._evidence.row[sha256], :NEAREST]
            nearest = tuple(self._evidence.shards.sha256[row] for row in rows)
        return Question(sha256, purpose, drawn, nearest)

    def _hear(self, told: Sequence[Label]) -> None:
        """Judge by the answers as they now are; where they make up a new lesson, study it behind the scenes."""
        before = stages(len(taught(self._evidence)))
        self._evidence = replace(self._evidence, labels=told)
        self._judged = heard(self._judged.scores, self._evidence, self.settings)
        if self._judged.threshold.certificate or self._standing.scores is self._judged.scores:
            self._standing = self._judged
        else:
            self._standing = heard(self._standing.scores, self._evidence, self.settings)
        if stages(len(taught(self._evidence))) != before and not (self._studying and self._studying.is_alive()):
            self._studying = threading.Thread(target=self._study, daemon=True)
            self._studying.start()

    def _study(self) -> None:
        judged = judge(self._evidence, self.settings, newest=True)
        with self._lock:
            self._judged = heard(judged.scores, self._evidence, self.settings)
            if self._judged.threshold.certificate or not self._standing.threshold.certificate:
                self._standing = self._judged
            for queue in self._out.values():  # what is on a screen stays; what would follow is asked for anew
                del queue[1:]
        log.info("ranked by %s", judged.scores.ranked_by)


def teaching(how: str, confidence: NDArray[np.float64], free: NDArray[np.bool_], near: NDArray[np.bool_]) -> int | None:
    """The place to ask about for the head's sake, None when none is free.

    `random` takes the last that is free: places are in random order, and the first ones are wanted for the certificate.
    `uncertain` takes the one nearest to even odds that is like none of those asked before, while there are such; the
    last of several.
    """
    places = np.flatnonzero(free & ~near) if how == "uncertain" and (free & ~near).any() else np.flatnonzero(free)
    if not places.size:
        return None
    last_first = places[::-1]
    return int(last_first[0 if how == "random" else np.argmin(np.abs(confidence[last_first] - 0.5))])


def _again(told: Sequence[Label], tab: str, sha256: str) -> Question | None:
    """A question that this tab has answered before may be answered anew."""
    before = [label for label in told if label.sha256 == sha256 and label.drawn.get("tab") == tab]
    return Question(sha256, before[-1].purpose, dict(before[-1].drawn), ()) if before else None
