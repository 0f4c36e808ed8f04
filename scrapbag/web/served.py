"""A web page for a person on this computer: a small server that no other computer, and no other page, can use."""

from __future__ import annotations

import logging
import secrets
import socket
from typing import TYPE_CHECKING, Any

from scrapbag.errors import MissingExtraError, UsageError
from scrapbag.web import page

try:  # pages take Flask's names from here, so that without it there is one sentence
    from flask import Flask, Response, abort, jsonify, request
    from werkzeug.serving import WSGIRequestHandler, make_server
except ModuleNotFoundError as error:
    raise MissingExtraError("a page in the browser", error.name or "flask", "web") from None

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.web.page import Files

__all__ = [
    "HOST", "Door", "Flask", "Response", "abort", "application", "guarded", "jsonify", "request", "serve", "text",
]  # fmt: skip
HOST = "127.0.0.1"


class Door:
    """What tells a page of this server's own, which may change something, from every other: a token and a cookie."""

    def __init__(self, name: str) -> None:
        """`name` is the app's, and its cookie's."""
        self.token, self._key, self._cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32), f"scrapbag_{name}"

    def may_post(self) -> bool:
        """Whether the request is a POST of JSON by a page that this door opened."""
        own = request.headers.get("Origin") in {None, f"http://{request.host}"}
        same = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        sent = secrets.compare_digest(request.headers.get("X-Token", "").encode(), self.token.encode())
        kept = secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._key.encode())
        return own and same and sent and kept and request.is_json

    def open(self, html: str) -> Response:
        """The page `html`, which has the token, with the cookie."""
        response = Response(html.encode(errors="replace"), mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict")
        return response


def guarded(package: str, style: Files, script: Files, may_post: Callable[[], bool] = lambda: False) -> Flask:
    """An app without pages, which are to have this style and script; it answers this computer alone.

    Whatever is not a GET is refused, unless `may_post` says that the request may change something. A page of another
    style and script says so in its own Content-Security-Policy (page.policy).
    """
    app = Flask(package.partition(".")[0])

    @app.before_request
    def guard() -> None:
        """Refuse other names for this computer (DNS rebinding) and, for what changes something, other pages."""
        host, _, _ = request.host.partition(":")
        if host not in {HOST, "localhost"} or (request.method != "GET" and not may_post()):
            abort(403)

    headers = _headers(package, style, script)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status=204)

    return app


def application(
    name: str,
    package: str,
    template: str,
    style: Files,
    script: Files,
    words: dict[str, Any],
    again: Callable[[str], str],
) -> Flask:
    """An app whose only page is `template` of the package's templates/, shown with `words`; routes are added to it.

    `again` makes of a port the command that starts the server once more. `name` is the app's, and its cookie's. What
    changes something is a POST of JSON with the page's token.
    """
    door = Door(name)
    app = guarded(package, style, script, door.may_post)

    @app.get("/")
    def home() -> Response:
        told = {**words, "token": door.token, "again": again(request.host.partition(":")[2])}
        return door.open(page.render(package, template, style, script, served=True, **told))

    return app


def serve(app: Flask, port: int, told: Callable[[str], None], free: str) -> None:
    """Serve until stopped. `told` is called with the page's address once the server answers; port 0 is any free one.

    `free` is the command that takes any free port.

    Raises UsageError when the port is taken.
    """
    try:
        listening = socket.create_server((HOST, port))  # by werkzeug it would be three sentences and the end
    except OSError:
        raise UsageError(f"port {port} is taken; run {free} for any free one") from None
    with listening:
        port = listening.getsockname()[1]
        server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
        told(f"http://{HOST}:{port}/")
        try:
            server.serve_forever()  # Ctrl-C and SIGTERM end it as they should end a server: quietly
        finally:
            server.server_close()


def text(name: str) -> str:
    """A text of 1 to 100 characters in the JSON that was posted; anything else ends the request with 400."""
    value = request.get_json().get(name) if isinstance(request.get_json(), dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        abort(400)
    return value


def _headers(package: str, style: Files, script: Files) -> dict[str, str]:
    """Of every answer: nothing is loaded but from this server, nothing runs but our script, and no page frames ours."""
    sources = page.source(package, style), page.source(package, script)
    return {
        "Content-Security-Policy": page.policy(*sources, served=True),
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
