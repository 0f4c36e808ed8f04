"""The review page: a small server on this computer alone, for a person with a keyboard."""

from __future__ import annotations

import logging
import secrets
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

from curate.look.decode import UnusableError, load, max_pixels, strict
from curate.review.questions import Desk
from scrapbag import labels, page
from scrapbag.disk import lock
from scrapbag.errors import MissingExtraError, UsageError
from scrapbag.labels import ANSWERS
from scrapbag.make.command import last_call

try:
    from flask import Flask, Response, abort, jsonify, request
    from werkzeug.serving import WSGIRequestHandler, make_server
except ModuleNotFoundError as error:
    raise MissingExtraError("make review", error.name or "flask", "web") from None

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from curate.review.questions import Question
    from scrapbag.layout import Data
    from scrapbag.make.command import Call
    from scrapbag.recipe import Curate

HOST = "127.0.0.1"
_SIDES = {"large": 1200, "small": 240}  # of the longer side, in pixels
_COOKIE = "scrapbag_review"
_PACKAGE, _STYLE, _SCRIPT = "curate.review", "review.css", "review.js"  # whose templates/ hold the page


def serve(settings: Curate, data: Data, port: int, told: Callable[[str], None]) -> int:
    """Serve the review page until stopped, and return how many pictures are answered then.

    `told` is called with the page's address once the server answers. Port 0 is any free one.

    Raises LockedError when the dataset is being reviewed already, UsageError when the port is taken.
    """
    strict(max_pixels(data))
    # One connection stays open: whenever the last one closes, SQLite checkpoints its write-ahead log and syncs the disk
    with lock(data.root, "review"), closing(labels.connect(data.catalog)):
        desk = Desk(settings, data)
        app = application(desk, data.root.resolve().name, last_call(data))
        try:
            server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
        except (OSError, SystemExit):  # werkzeug ends the process at a port that is taken
            raise UsageError(f"port {port} is taken; run make review PORT=0 for any free one") from None
        told(f"http://{HOST}:{server.server_port}/")
        try:
            server.serve_forever()  # Ctrl-C and SIGTERM end it as they should end a server: quietly
        finally:
            server.server_close()
        return int(desk.progress()["answers"])


def application(desk: Desk, name: str, call: Call) -> Flask:
    """The page, its pictures, and the three things that it may post; to this computer alone.

    `call` is how make was called for the dataset, for the commands that the page names.
    """
    app = Flask("curate")
    token, key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    @app.before_request
    def guard() -> None:
        """Refuse other names for this computer (DNS rebinding) and, for what changes something, other pages."""
        host, _, _ = request.host.partition(":")
        if host not in {HOST, "localhost"}:
            abort(403)
        if request.method == "GET":
            return
        own = request.headers.get("Origin") in {None, f"http://{request.host}"}
        same = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        sent = secrets.compare_digest(request.headers.get("X-Token", "").encode(), token.encode())
        kept = secrets.compare_digest(request.cookies.get(_COOKIE, "").encode(), key.encode())
        if not (own and same and sent and kept and request.is_json):
            abort(403)

    headers = _headers()

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(headers)
        return response

    @app.get("/")
    def home() -> Response:
        words = {"name": name, "targets": desk.targets, "token": token, "curate": call.make("curate")}
        words["again"] = call.make("review", PORT=request.host.partition(":")[2])
        html = page.render(_PACKAGE, "review.html.j2", _STYLE, _SCRIPT, served=True, **words)
        response = Response(html)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(_COOKIE, key, httponly=True, samesite="Strict")
        return response

    @app.get("/picture/<side>/<sha256>")
    def picture(side: str, sha256: str) -> Response:
        if side not in _SIDES or sha256 not in desk.paths:
            abort(404)
        content = _shrunk(desk.paths[sha256], _SIDES[side])
        if not content:
            abort(404)
        return Response(content, mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status=204)

    @app.post("/state")
    def state() -> Response:
        return _state(desk, _text("tab"))

    @app.post("/answer")
    def answer() -> Response:
        if _text("answer") not in ANSWERS:
            abort(400)
        try:
            desk.answer(_text("tab"), _text("sha256"), _text("answer"))
        except UsageError:
            abort(409)
        return _state(desk, _text("tab"))

    @app.post("/undo")
    def undo() -> Response:
        desk.undo(_text("tab"))
        return _state(desk, _text("tab"))

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


def _text(name: str) -> str:
    value = request.get_json().get(name) if isinstance(request.get_json(), dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        abort(400)
    return value


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


def _headers() -> dict[str, str]:
    """Of every answer: nothing is loaded but from this server, nothing runs but our script, and no page frames ours."""
    style, script = page.source(_PACKAGE, _STYLE), page.source(_PACKAGE, _SCRIPT)
    return {
        "Content-Security-Policy": page.policy(style, script, served=True),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request, and answers several over one connection."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *said: object) -> None:
        logging.getLogger(__name__).debug("%s %s", self.path, said)
