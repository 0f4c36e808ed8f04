"""The map's page and what it asks for. It is the only page of the gallery that may post."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from scrapbag.web import page
from scrapbag.web.served import Response, abort, jsonify, request
from show.gallery import choosing, points, sheets
from show.known import files
from show.known.addresses import to

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.layout import Data
    from scrapbag.web.served import Door, Flask

STYLE, SCRIPT = ("base.css", "gallery.css", "map.css"), "map.js"
_BINARY = "application/octet-stream"


def add(app: Flask, package: str, door: Door, dataset: Callable[[str], Data | None]) -> None:
    """Add the map to the gallery; `dataset` finds one by its name, or gives None."""

    def asked(name: object) -> Data:
        return (dataset(name) if isinstance(name, str) else None) or abort(404)

    @app.get("/map")
    def one_map() -> Response:
        name = request.args.get("data", "")
        words = {"name": name, "keys": {}, **_words(asked(name)), "token": door.token}
        response = door.open(page.render(package, "map.html.j2", STYLE, SCRIPT, served=True, url=to, **words))
        policy = page.policy(page.source(package, STYLE), page.source(package, SCRIPT), served=True)
        response.headers["Content-Security-Policy"] = policy
        return response

    @app.get("/map/points")
    def all_points() -> Response:
        data = asked(request.args.get("data", ""))
        return _told(data, lambda: Response(points.packed(data, _answers(data)), mimetype=_BINARY))

    @app.get("/map/sheet")
    def one_sheet() -> Response:
        data, number = asked(request.args.get("data", "")), request.args.get("n", -1, type=int)
        answer = _told(data, lambda: Response(sheets.sheet(data.map, number), mimetype="image/jpeg"))
        if answer.status_code == 200:  # its address names the file's version
            answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return answer

    @app.get("/map/state")
    def state() -> Response:
        data = asked(request.args.get("data", ""))
        return _told(data, lambda: jsonify(choosing.state(data)))

    @app.post("/map/answer")
    def answer() -> Response:
        data = asked(_posted("data"))
        given = partial(choosing.answer, data, _posted("act"), _posted("answer"), _posted("pictures"))
        return _told(data, lambda: jsonify(count=given().count, **choosing.state(data)))

    @app.post("/map/undo")
    def undo() -> Response:
        data = asked(_posted("data"))
        back = partial(choosing.take_back, data, _posted("act"))
        return _told(data, lambda: jsonify(count=back(), **choosing.state(data)))


def _words(data: Data) -> dict[str, Any]:
    """Of the page: the sentence that stands in the map's place where there is none."""
    call = files.called(data)
    lacking = [path for path in (data.map, data.report_parquet) if not path.exists()]
    sentence = f"There is no map of these pictures yet: run {call.make('map')}" if lacking else ""
    return {"sentence": sentence, "command": call.make("map"), "curate": call.make("curate")}


def _answers(data: Data) -> points.Told | None:
    return points.told(data) if data.catalog.exists() else None


def _posted(name: str) -> object:
    body = request.get_json()
    return body.get(name) if isinstance(body, dict) else None


def _told(data: Data, give: Callable[[], Response]) -> Response:
    """What `give` gives; where it cannot, one sentence as JSON, with 409: nothing was written."""
    try:
        return give()
    except files.UNUSABLE as error:
        words = files.called(data).complete(files.sentence(error, data.root))
        response = jsonify(sentence=words)
        response.status_code = 409
        return response
