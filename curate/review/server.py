"""The review page: a small server on this computer alone, for a person with a keyboard."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from contextlib import closing
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from curate.look.decode import UnusableError, load
from curate.review.questions import Desk
from scrapbag import labels
from scrapbag.disk import lock
from scrapbag.errors import MissingError, UsageError
from scrapbag.labels import ANSWERS

try:
    from flask import Flask, Response, abort, jsonify, render_template, request
    from werkzeug.serving import WSGIRequestHandler, make_server
except ModuleNotFoundError as error:
    raise MissingError(f"make review needs {error.name}; run: pip install flask") from None

if TYPE_CHECKING:
    from collections.abc import Callable

    from curate.review.questions import Question
    from scrapbag.layout import Data
    from scrapbag.recipe import Curate

HOST = "127.0.0.1"
PORT = 8775
_SIDES = {"large": 1200, "small": 240}  # of the longer side, in pixels
_COOKIE = "scrapbag_review"


def serve(settings: Curate, data: Data, port: int, told: Callable[[str], None]) -> int:
    """Serve until stopped, and return how many pictures are answered then.

    `told` gets the address once it answers. Port 0 is any free one.

    Raises LockedError when the dataset is being reviewed already, UsageError when the port is taken.
    """
    # One connection stays open: the last one to close would fold SQLite's log in, which waits for the disk once more
    with lock(data.root, "review"), closing(labels.connect(data.catalog)):
        desk = Desk(settings, data)
        app = application(desk, data.root.resolve().name)
        try:
            server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
        except (OSError, SystemExit):  # werkzeug ends the process at a port that is taken
            raise UsageError(f"port {port} is taken; write --port 0 for any free one") from None
        told(f"http://{HOST}:{server.server_port}/")
        try:
            server.serve_forever()  # Ctrl-C and SIGTERM end it as they should end a server: quietly
        finally:
            server.server_close()
        return int(desk.progress()["answers"])


def application(desk: Desk, name: str) -> Flask:
    """The page, the pictures, and the ways to say something; nothing else, and to this computer alone."""
    app = Flask("curate.review")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
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

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(_headers())
        return response

    @app.get("/")
    def page() -> Response:
        style, script = Markup(_source("review.css")), Markup(_source("review.js"))  # noqa: S704  our own files
        words = {"name": name, "targets": desk.targets, "token": token, "style": style, "script": script}
        response = Response(render_template("review.html", **words))
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
    """JPEG bytes of a picture that fits `side`, re-encoded so that a browser never sees bytes from elsewhere."""
    try:
        image = load(path, at_least=side).image
    except UnusableError:
        return b""
    image.thumbnail((side, side))
    file = BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


@cache
def _source(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


@cache
def _headers() -> dict[str, str]:
    """Nothing from anywhere but this server, no style or script but our two, and in nobody's frame."""
    names = ("review.css", "review.js")
    style, script = (base64.b64encode(hashlib.sha256(_source(one).encode()).digest()).decode() for one in names)
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'sha256-{style}';"
            f" script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
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
