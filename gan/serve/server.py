"""make serve: the routes, who may ask, and the server that answers."""

from __future__ import annotations

import errno
import importlib
import json
import socket
from dataclasses import asdict, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gan.pictures import bearer, data, wire
from gan.serve.deal import Deck
from gan.serve.metrics import TEXT, Metrics
from scrapbag.errors import MissingExtraError, UsageError
from scrapbag.layout import DATASET
from scrapbag.make.command import last_call
from scrapbag.web.served import Flask, Response, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.layout import Data

PORT = 8778
THREADS = 4  # that answer; more requests wait
_WAITING = 64  # connections at once
_IDLE_S = 120  # before a connection is closed
_KEPT = 2**27  # bytes of an answer that stay in memory while it is sent; more would go to a file
_ROUTES = ("/", f"/{DATASET}", "/batch.tar", "/squares.tar", "/metrics")
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve(dataset: Data, host: str, port: int, token: str, say: Callable[[str], object]) -> str:
    """Serve the squares of a dataset until stopped; what is curated meanwhile is served after the next start.

    `say` is called with a line once it answers; port 0 is any free one. Returns a line for the end. Raises UsageError
    for another host than this computer without a token, a port that is taken, a dataset that cannot be trained on.
    """
    if not token and not _is_loopback(host):
        raise UsageError(
            f"HOST={host} can be asked by other computers, so it needs a token of {bearer.LEAST} bytes or more: "
            f"TOKEN_FILE=<file of mode 600>, or the variable {bearer.VARIABLE}"
        )
    with _listening(host, port) as listening:
        deck = Deck(data.load(dataset.curated, dataset.packed), data.chosen_by(dataset.curated))
        server = waiting(deck, listening, token, local=_is_loopback(host))
        url = _url(host, listening.getsockname()[1])
        say(
            f"deals {deck.offer.train:,} pictures of {deck.offer.side}x{deck.offer.side}, {deck.offer.held:,} held "
            f"out besides, at {url} · end with Ctrl-C · on the other computer: {_pasted(dataset, url, token)}"
        )
        if not _is_loopback(host):
            say("TOKEN_FILE=token there is a file of mode 600 with the token")
            say("warning: the token and the pictures are not encrypted on their way; docs/serve.md has ssh -L for that")
        try:
            server.run()  # Ctrl-C and SIGTERM end it quietly
        finally:
            server.close()
        return f"{url} is closed"


def _url(host: str, port: int) -> str:
    """Where it is asked; by this computer's name where it listens at all of its addresses."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def _pasted(dataset: Data, url: str, token: str) -> str:
    """The command for the other computer, whose folders are its own."""
    call = replace(last_call(dataset), data="", run="")
    return call.make("train", DATA_URL=url, TOKEN_FILE="token" if token else "")


def waiting(deck: Deck, listening: socket.socket, token: str, *, local: bool) -> Any:
    """A waitress server on a socket, which `run` lets answer. Raises MissingExtraError."""
    try:
        waitress = importlib.import_module("waitress")
    except ModuleNotFoundError:
        raise MissingExtraError("make serve", "waitress", "web") from None
    return waitress.create_server(
        application(deck, token, local=local), sockets=[listening], threads=THREADS, ident="scrapbag",
        connection_limit=_WAITING, channel_timeout=_IDLE_S, outbuf_overflow=_KEPT, max_request_body_size=1,
        clear_untrusted_proxy_headers=True,
    )  # fmt: skip


def application(deck: Deck, token: str, *, local: bool) -> Callable[..., object]:
    """The WSGI application; where `local`, only names of this computer may be asked for (DNS rebinding)."""
    app, metrics = Flask(__name__.partition(".")[0]), Metrics(_ROUTES)

    @app.before_request
    def guard() -> Response | None:
        """Nobody but who has the token, and no page of a browser that is not this server's own."""
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
        if local and not _is_loopback(_name(request.host)):
            return _said(403, "it is asked for by a name that is not this computer's")
        if origin not in (None, f"http://{request.host}") or site not in ("none", "same-origin"):
            return _said(403, "pages of other sites may not ask")
        if not bearer.admits(token, request.headers.get(bearer.HEADER, "")):
            refused = _said(401, "the token is missing or wrong")
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        return None

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(UsageError)
    def unusable(error: UsageError) -> Response:
        return _said(400, str(error))

    @app.get("/")
    @app.get(f"/{DATASET}")
    def offer() -> Response:
        text = json.dumps(asdict(deck.offer), indent=1) + "\n"
        return _tagged(deck.tag("offer"), text.encode, "application/json", deck)

    @app.get("/batch.tar")
    def batch() -> Response:
        asked = deck.asked(request.args.to_dict())
        return _tagged(deck.tag(asked), lambda: deck.batch(asked), "application/x-tar", deck)

    @app.get("/squares.tar")
    def squares() -> Response:
        part, at = request.args.get("part", ""), request.args.get("at", "")
        return _tagged(deck.tag(f"{part!r} {at!r}"), lambda: deck.squares(part, at), "application/x-tar", deck)

    @app.get("/metrics")
    def counted() -> Response:
        return Response(metrics.text(), content_type=TEXT)

    return metrics.around(app)


def _tagged(tag: str, make: Callable[[], bytes], kind: str, deck: Deck) -> Response:
    """The answer with its ETag; without a body where the client has it already, and then it is not made either."""
    response = Response(content_type=kind)
    response.set_etag(tag)
    response.headers[wire.DATASET] = deck.offer.key
    if request.if_none_match.contains(tag):
        response.status_code = 304
        return response
    body = make()
    response.set_data(body)
    response.headers[wire.DIGEST] = wire.digest(body)
    return response


def _said(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, content_type="text/plain; charset=utf-8")


def _name(host: str) -> str:
    """A Host header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is taken; run make serve PORT=0 for any free one") from None
        raise UsageError(
            f"cannot listen at HOST={host} ({error.strerror or error}); write an address of this computer"
        ) from None
