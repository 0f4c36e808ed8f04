"""Which picture a person is asked about next, and what the answers have come to so far.

Two kinds of question are mixed. A certificate question is the next, in the fixed random order, of the pictures above a
cut; its answers certify a promise, and no ranker is fitted to them. A teaching question (active learning) is about the
picture that the scores are least sure of and that is no neighbour of one asked about before, or about one at random;
a ranker is fitted to its answers, and they certify nothing.
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
from curate.choose.certificate import Judgement, best, judge_version
from curate.choose.certify import asked_next
from curate.choose.versions import Evidence, stages, teaching_answers, versions
from curate.review.progress import progress
from curate.review.teaching import teaching
from curate.scores import neighbours
from scrapbag import labels
from scrapbag.errors import UsageError
from scrapbag.labels import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from sqlite3 import Connection

    from numpy.typing import NDArray

    from curate.choose.versions import Frozen
    from curate.scores.neighbours import Neighbours
    from scrapbag.layout import Data
    from scrapbag.recipe import Curate

NEAREST = 6  # neighbours shown beside a picture
_IN_REACH = 150  # answers missing to a certificate; with more than this, teaching questions go first
_AWAY_S = 120.0  # seconds without a request from a tab after which others may be asked what it shows
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """One picture to say yes or no to."""

    sha256: str
    purpose: str  # certify | teach
    drawn: dict[str, Any]  # how it was drawn, as the label keeps it
    nearest: tuple[str, ...]  # sha256 of its nearest neighbours


class Desk:
    """The questions of one dataset. Every tab asks here; methods may be called from any thread."""

    def __init__(self, settings: Curate, data: Data) -> None:
        """Read the scores and judge them. Raises MissingError where there are none yet."""
        self.settings, self.data = settings, data
        material = run.gather(settings, data)
        table = material.addresses.table
        sha256, extension, title, source = (
            table[name].to_pylist() for name in ("sha256", "extension", "title", "source")
        )
        self.paths = {one: data.image(one, end) for one, end in zip(sha256, extension, strict=True) if one}
        main = [place for place in material.addresses.main.tolist() if place >= 0]
        self.titles = {sha256[place]: (title[place], source[place]) for place in main}
        words = material.scores.classes.words
        self.targets = ", ".join(words.get(target, target).partition(",")[0] for target in settings.targets)
        shards = material.scores.shards
        self._nearest: Neighbours | None = neighbours.read(shards) if shards.has("features") else None
        self._evidence: Evidence = run.evidence(material)
        self._versions: list[Judgement] = self._judge(versions(self._evidence, settings))
        self._out: dict[str, list[Question]] = {}  # by tab what it shows and what it will show next
        self._asked_at: dict[str, float] = {}  # by tab, seconds of the monotonic clock
        self._lock = threading.RLock()
        self._fitting: threading.Thread | None = None

    def ask(self, tab: str, count: int = 2) -> list[Question]:
        """The picture that `tab` shows now, and those that follow whatever the answer. Empty when all is answered."""
        with self._lock:
            self._asked_at[tab] = monotonic()
            queue = self._out.setdefault(tab, [])
            while len(queue) < count and (question := self._next(tab)):
                queue.append(question)
            return list(queue)

    def leave(self, tab: str) -> None:
        """The tab was closed: others may be asked what it shows, and may change what it answered."""
        with self._lock:
            self._asked_at.pop(tab, None)

    def look_again(self) -> None:
        """Count answers that came from elsewhere, as by `labels --import`, or were taken back there."""
        with self._lock, closing(labels.connect(self.data.catalog)) as connection:
            now = self._ever(connection)
            if [(one.id, one.undone) for one in now] != [(one.id, one.undone) for one in self._evidence.ever]:
                self._update(now)

    def answer(self, tab: str, sha256: str, answer: str) -> int:
        """Write an answer of `tab`, and return its id once it is on the disk.

        Raises UsageError for a picture that this tab was not asked about: a purpose is never the page's to choose.
        """
        with self._lock, closing(labels.connect(self.data.catalog)) as connection:
            queue = self._out.get(tab, [])
            mine = self._of(self._ever(connection), tab)
            asked = next((q for q in queue if q.sha256 == sha256), None) or _again(mine, sha256)
            if asked is None:
                raise UsageError("this picture was not asked about in this tab")
            question = tuple(sorted(self.settings.targets))
            label = Label(sha256, answer, question, asked.purpose, asked.drawn | {"tab": tab}, labels.now())
            [number] = labels.add(connection, [label])
            self._out[tab] = [q for q in queue if q.sha256 != sha256]
            self._update(self._ever(connection), tab)
            return number

    def undo(self, tab: str) -> str | None:
        """Take back the last answer of `tab` or a closed one, and ask it again first. Returns its picture, or None."""
        with self._lock, closing(labels.connect(self.data.catalog)) as connection:
            mine = self._of(self._ever(connection), tab)
            if not mine or not (label := labels.undo(connection, mine[-1].id)):
                return None
            self._out.setdefault(tab, []).insert(0, self._question(label.sha256, label.purpose, dict(label.drawn)))
            self._update(self._ever(connection), tab)
            return label.sha256

    def given(self, tab: str, last: int = 30) -> list[tuple[Question, str]]:
        """The last questions that `tab`, or one that is closed, has answered, and how; the newest at the end."""
        with self._lock:
            newest = {label.sha256: label for label in self._of(self._evidence.labels, tab)[-last:]}
            return [(self._question(one.sha256, one.purpose, dict(one.drawn)), one.answer) for one in newest.values()]

    def progress(self) -> dict[str, Any]:
        """What the answers have come to, as JSON for the page."""
        with self._lock:
            return progress(self._evidence, best(self._versions), self._newest, self.settings)

    def settle(self) -> None:
        """Wait until a ranker that is being fitted is in use."""
        if self._fitting:
            self._fitting.join()

    def _next(self, tab: str) -> Question | None:
        """The next question, about a picture that no tab shows: mostly of the kind that helps more now."""
        open_now = self._open()
        out = {one.sha256 for name, queue in self._out.items() if name in open_now for one in queue}
        turn = len(self._evidence.labels) + len(self._out[tab])
        missing = self._newest.cut.missing
        near = self._newest.cut.certificate is None and missing is not None and missing <= _IN_REACH
        certify = (turn % 4 != 3) if near else (turn % 4 == 3)
        if certify:
            return self._certify(out) or self._teach(out, turn)
        return self._teach(out, turn) or self._certify(out)

    def _open(self) -> set[str]:
        """The tabs that were not closed, and asked for something lately."""
        return {tab for tab, at in self._asked_at.items() if at > monotonic() - _AWAY_S}

    def _of(self, answers: Sequence[Label], tab: str) -> list[Label]:
        """The answers that `tab` may change: its own, and those of no tab that is open, given on any day."""
        others = self._open() - {tab}
        mine = [one for one in answers if one.drawn.get("tab") not in {None, *others} and not one.undone]
        return [label for label in mine if label.sha256 in self._evidence.row]

    def _certify(self, out: AbstractSet[str]) -> Question | None:
        cut, scores = self._newest.cut.ask, self._newest.scores
        if cut is None:
            return None
        for place in asked_next(self._newest.pool, cut)[: len(out) + 1]:
            sha256 = self._evidence.shards.sha256[scores.pool_row[place]]
            if sha256 not in out:
                drawn = {"how": "uniform", "version": scores.version, "family": scores.family, "threshold": cut}
                return self._question(sha256, "certify", drawn | {"promise": self.settings.threshold})
        return None

    def _teach(self, out: AbstractSet[str], turn: int) -> Question | None:
        row, scores = self._evidence.row, self._newest.scores
        answered = {row[label.sha256] for label in self._evidence.labels if label.sha256 in row}
        known = answered | {row[one] for one in out}
        free = ~np.isin(scores.pool_row, list(known))
        how = "uncertain" if (turn + turn // 4) % 2 else "random"
        place = teaching(how, scores.pool_confidence, free, self._near(known)[scores.pool_row])
        if place is None:
            return None
        drawn = {"how": how, "version": scores.version}
        return self._question(self._evidence.shards.sha256[scores.pool_row[place]], "teach", drawn)

    def _near(self, known: AbstractSet[int]) -> NDArray[np.bool_]:
        """By row of the shards whether it is among the nearest neighbours of a row in `known`."""
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

    def _ever(self, connection: Connection) -> list[Label]:
        return labels.every(connection, self.settings.targets, undone=True)

    def _update(self, ever: Sequence[Label], tab: str = "") -> None:
        """Judge by the answers as they now are; where they allow a new ranker, fit it in the background."""
        before, seed = stages(len(teaching_answers(self._evidence))), self._newest.family.seed
        self._evidence = replace(self._evidence, ever=ever)
        self._versions = self._judge(one.scores for one in self._versions)
        if self._newest.family.seed != seed:  # opened by this answer, so its random order was drawn just now
            self._choose_anew(tab)
        now = stages(len(teaching_answers(self._evidence)))
        if now != before and not (self._fitting and self._fitting.is_alive()):
            self._fitting = threading.Thread(target=self._fit, daemon=True)
            self._fitting.start()

    def _fit(self) -> None:
        known = {one.scores.version: one.scores for one in self._versions}
        found = list(versions(self._evidence, self.settings, known))
        with self._lock:
            self._versions = self._judge(found)
            self._choose_anew()
        log.info("ranked by %s", self._newest.scores.ranked_by)

    def _judge(self, found: Iterable[Frozen]) -> list[Judgement]:
        return [judge_version(scores, self._evidence, self.settings) for scores in found]

    def _choose_anew(self, tab: str = "") -> None:
        """What a tab shows stays, and of `tab`, which has just been answered, nothing; the rest is chosen anew."""
        for name, queue in self._out.items():
            del queue[name != tab :]

    @property
    def _newest(self) -> Judgement:
        return self._versions[0]


def _again(answers: Sequence[Label], sha256: str) -> Question | None:
    """The question about a picture that was answered before, which may be answered anew."""
    before = [label for label in answers if label.sha256 == sha256]
    return Question(sha256, before[-1].purpose, dict(before[-1].drawn), ()) if before else None
