"""The review page: a small server on this computer alone, for a person with a keyboard."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

from curate.look.decode import UnusableError, load, max_pixels, strict
from curate.review.questions import Desk
from scrapbag import labels
from scrapbag.disk import lock
from scrapbag.errors import UsageError
from scrapbag.labels import ANSWERS
from scrapbag.make.command import last_call
from scrapbag.web import served
from scrapbag.web.served import Response, abort, jsonify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from curate.review.questions import Question
    from scrapbag.layout import Data
    from scrapbag.make.command import Call
    from scrapbag.recipe import Curate
    from scrapbag.web.served import Flask

_SIDES = {"large": 1200, "small": 240}  # of the longer side, in pixels


def serve(settings: Curate, data: Data, port: int, told: Callable[[str], None]) -> int:
    """Serve the review page until stopped, and return how many pictures are answered then; see served.serve.

    Raises LockedError when the dataset is being reviewed already, UsageError when the port is taken.
    """
    strict(max_pixels(data))
    # One connection stays open: whenever the last one closes, SQLite checkpoints its write-ahead log and syncs the disk
    with lock(data.root, "review"), closing(labels.connect(data.catalog)):
        desk = Desk(settings, data)
        served.serve(application(desk, data.root.resolve().name, last_call(data)), port, told, "make review PORT=0")
        return int(desk.progress()["answers"])


def application(desk: Desk, name: str, call: Call) -> Flask:
    """The page, its pictures, and the four things that it may post; to this computer alone.

    `call` is how make was called for the dataset, for the commands that the page names.
    """
    words = {"name": name, "targets": desk.targets, "curate": call.make("curate")}
    style, script = ("base.css", "asked.css", "review.css"), ("asked.js", "review.js")
    app = served.application(
        "review", "curate.review", "review.html.j2", style, script, words, lambda port: call.make("review", PORT=port)
    )

    @app.get("/picture/<side>/<sha256>")
    def picture(side: str, sha256: str) -> Response:
        if side not in _SIDES or sha256 not in desk.paths:
            abort(404)
        content = _shrunk(desk.paths[sha256], _SIDES[side])
        if not content:
            abort(404)
        return Response(content, mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

    @app.post("/state")
    def state() -> Response:
        desk.look_again()
        return _state(desk, served.text("tab"))

    @app.post("/answer")
    def answer() -> Response:
        if served.text("answer") not in ANSWERS:
            abort(400)
        try:
            desk.answer(served.text("tab"), served.text("sha256"), served.text("answer"))
        except UsageError:
            abort(409)
        return _state(desk, served.text("tab"))

    @app.post("/leave")
    def leave() -> Response:
        desk.leave(served.text("tab"))
        return Response(status=204)

    @app.post("/undo")
    def undo() -> Response:
        desk.undo(served.text("tab"))
        return _state(desk, served.text("tab"))

    return app


def _state(desk: Desk, tab: str) -> Response:
    """What a page needs to go on: what to show now and next, what was answered, and what that has come to."""
    before = [_plain(question, desk) | {"answer": answer} for question, answer in desk.given(tab)]
    asked = [_plain(question, desk) for question in desk.ask(tab)]
    return jsonify(asked=asked, before=before, progress=desk.progress())


def _plain(question: Question, desk: Desk) -> dict[str, Any]:
    title, source = desk.titles.get(question.sha256, ("", ""))
    return {
        "sha256": question.sha256,
        "purpose": question.purpose,
        "nearest": question.nearest,
        "title": title[:120],
        "source": source,
    }


def _shrunk(path: Path, side: int) -> bytes:
    """JPEG bytes of at most `side` pixels a side, re-encoded so that a browser never sees bytes from elsewhere."""
    try:
        image = load(path, at_least=side).image
    except (UnusableError, OSError):
        return b""
    image.thumbnail((side, side))
    file = BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()
