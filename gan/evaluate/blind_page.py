"""The page of the blind test: one picture at a time, yes or no."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gan.evaluate import blind
from scrapbag.disk import lock
from scrapbag.make.command import last_call
from scrapbag.web import served
from scrapbag.web.served import Response, abort, jsonify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gan.evaluate.blind import Blind
    from gan.pictures.packing import Pixels
    from scrapbag.layout import Run
    from scrapbag.make.command import Call
    from scrapbag.web.served import Flask

SIDE = 384  # pixels that every picture is enlarged to, so that nothing but the picture tells it from another


class Sitting:
    """The answers so far, each on the disk before the page hears of it; several threads may answer."""

    def __init__(self, run: Run, test: Blind, pictures: Sequence[Pixels]) -> None:
        self.test = test
        self.pictures = [_png(one) for one in pictures]
        self._run, self._lock = run, threading.Lock()

    def answer(self, number: int, word: str) -> bool:
        """Whether picture `number` was the one to answer: a page that fell behind asks anew."""
        with self._lock:
            if number != len(self.test.answers) or number >= len(self.pictures):
                return False
            self.test = blind.answered(self._run, self.test, (*self.test.answers, word))
            return True

    def undo(self) -> None:
        with self._lock:
            if self.test.answers:
                self.test = blind.answered(self._run, self.test, self.test.answers[:-1])

    def state(self) -> Response:
        """What to show; which pictures are real is said when all are answered, not before."""
        done = len(self.test.answers)
        over = done == len(self.pictures)
        said = blind.lines(self.test) if over else []
        return jsonify(now=None if over else done, said=said, progress={"answers": done, "of": len(self.pictures)})


def serve(run: Run, test: Blind, pictures: Sequence[Pixels], port: int, told: Callable[[str], None]) -> Blind:
    """Serve the page until stopped, and return the test as it is answered then.

    Raises LockedError when another page asks about this run, UsageError when the port is taken.
    """
    with lock(run.root, "blind"):
        sitting = Sitting(run, test, pictures)
        served.serve(application(sitting, run.root.resolve().name, last_call(run)), port, told, "make blind PORT=0")
        return sitting.test


def application(sitting: Sitting, name: str, call: Call) -> Flask:
    """The page, its pictures by their number in the order of asking, and the three things that it may post."""
    words = {"name": name, "target": sitting.test.target}
    script = ("asked.js", "blind.js")
    app = served.application(
        "blind",
        "gan.evaluate",
        "blind.html.j2",
        ("base.css", "asked.css"),
        script,
        words,
        lambda port: call.make("blind", PORT=port),
    )

    @app.get("/picture/<int:number>")
    def picture(number: int) -> Response:
        if number >= len(sitting.pictures):
            abort(404)
        return Response(sitting.pictures[number], mimetype="image/png", headers={"Cache-Control": "no-store"})

    @app.post("/state")
    def state() -> Response:
        return sitting.state()

    @app.post("/answer")
    def answer() -> Response:
        number, word = served.text("number"), served.text("answer")
        if word not in ("yes", "no") or not number.isdecimal():
            abort(400)
        if not sitting.answer(int(number), word):
            abort(409)
        return sitting.state()

    @app.post("/undo")
    def undo() -> Response:
        sitting.undo()
        return sitting.state()

    return app


def _png(pixels: Pixels) -> bytes:
    """Real or sample, enlarged and encoded the same."""
    file = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()
