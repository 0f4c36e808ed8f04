"""The gallery's server: pages that only read, but for the map, and their pictures; to this computer alone."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from scrapbag.formats.quiet import quiet
from scrapbag.web import page, served
from scrapbag.web.served import Door, Response, abort, request
from show.gallery import dataset_page, map_page, pictures, run_page, training, views
from show.known import dataset, files
from show.known.addresses import to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scrapbag.layout import Data, Run
    from scrapbag.web.served import Flask
    from show.known.listing import Listing
    from show.known.shelf import Shelf

PACKAGE, STYLE, SCRIPT = "show.gallery", ("base.css", "chart.css", "gallery.css"), "gallery.js"
_SIDES = (views.SIDE, 640, views.LARGE)  # pixels that a picture may be asked in
_NOTHING = (  # in the place of a file that is no picture: an answer that is none would stand in the browser's console
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 160"><rect width="160" height="160" fill="#8884"/>'
    '<path d="M60 60 100 100M100 60 60 100" stroke="#888" stroke-width="4"/></svg>'
)


def serve(shelf: Shelf, port: int, told: Callable[[str], None]) -> None:
    """Serve until stopped. Raises UsageError when the port is taken."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a damaged film is said on the page
    quiet()
    served.serve(application(shelf), port, told, "make gallery PORT=0")


def application(shelf: Shelf) -> Flask:
    """Four pages, each with its whole state in its query, and the pictures on them; the map alone may post."""
    door = Door("gallery")
    app = served.guarded(PACKAGE, STYLE, SCRIPT, door.may_post)
    map_page.add(app, PACKAGE, door, lambda name: shelf.datasets().get(name))

    @app.get("/")
    def front() -> Response:
        q = request.args.get("q", "")[:200]
        return _page("front.html.j2", **_front(shelf, q), q=q)

    @app.get("/dataset")
    def one_dataset() -> Response:
        name = request.args.get("data", "")
        return _page("dataset.html.j2", name=name, **dataset_page.words(name, _data(shelf), request.args))

    @app.get("/run")
    def one_run() -> Response:
        runs, name = shelf.all_runs(), request.args.get("run", "")
        if name not in runs:
            abort(404)
        return _page("run.html.j2", **run_page.words(shelf, runs, name, request.args))

    @app.get("/picture")
    def picture() -> Response:
        data = _data(shelf)
        row = _known(data).by_sha256.get(request.args.get("sha256", "")) or abort(404)
        return _picture(partial(pictures.thumbnail, data.image(row.sha256, row.extension), _side()))

    @app.get("/square")
    def square() -> Response:
        data = _data(shelf)
        row = _known(data).by_square.get(request.args.get("square", "")) or abort(404)
        return _picture(partial(pictures.thumbnail, data.curated / row.square, _side()))

    @app.get("/grid")
    def grid() -> Response:
        path = _grid(_run(shelf))
        if "side" in request.args:
            return _picture(partial(pictures.thumbnail, path, _side()))
        return _picture(partial(pictures.whole, path), "image/png", path.name)

    @app.get("/sample")
    def sample() -> Response:
        run = _run(shelf)
        path, number = _grid(run), request.args.get("sample", -1, type=int)
        drawn = pictures.tiled if "tiled" in request.args else pictures.enlarged
        return _picture(lambda: drawn(pictures.cell(run, path, number)), "image/png", f"{path.stem}-{number}.png")

    @app.get("/still")
    def still() -> Response:
        run, name = _run(shelf), request.args.get("still", "")
        if name not in training.stills(run):
            abort(404)
        if "tiled" in request.args:
            return _picture(lambda: pictures.tiled(pictures.opened(run.samples / name)), "image/png", name)
        return _picture(partial(pictures.whole, run.samples / name), "image/png", name)

    @app.get("/frame")
    def frame() -> Response:
        run, name = _run(shelf), request.args.get("film", "")
        number = request.args.get("frame", 0, type=int)
        if name not in training.films(run) or number < 0:
            abort(404)
        return _picture(lambda: pictures.frames(run.samples / name)[number])

    @app.errorhandler(OSError)
    def gone(_: OSError) -> Response:
        """What was listed a moment ago, and was moved or closed since."""
        return Response("It is not there now.", status=404, mimetype="text/plain")

    return app


def _front(shelf: Shelf, q: str) -> dict[str, Any]:
    """Every dataset and run whose name has `q`; runs that learn now first."""
    wanted = q.casefold()
    datasets = [views.dataset_card(name, one) for name, one in shelf.datasets().items() if wanted in name.casefold()]
    runs = [
        views.run_card(name, one, shelf.learnt_from(one))
        for name, one in shelf.all_runs().items()
        if wanted in name.casefold()
    ]
    runs.sort(key=lambda card: (card.state is None, card.state is not None and card.state.state != "running"))
    return {"datasets": datasets, "runs": runs, "keys": {}, "places": (shelf.data, shelf.runs)}


def _page(template: str, **words: Any) -> Response:
    """The page; 304 to a browser that has it as it is."""
    html = page.render(PACKAGE, template, STYLE, SCRIPT, served=True, url=to, **words)
    response = Response(html.encode(errors="replace"), mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _picture(draw: Callable[[], bytes], kind: str = "image/jpeg", name: str = "") -> Response:
    """What `draw` gives; a cross where it cannot."""
    try:
        content = draw()
    except files.UNUSABLE:
        return Response(_NOTHING, mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})
    response = Response(content, mimetype=kind)
    response.headers["Cache-Control"] = "private, no-cache"
    if name:
        response.headers.set("Content-Disposition", "inline", filename=name)
    response.add_etag()
    response.make_conditional(request)
    return response


def _data(shelf: Shelf) -> Data:
    return shelf.datasets().get(request.args.get("data", "")) or abort(404)


def _run(shelf: Shelf) -> Run:
    return shelf.all_runs().get(request.args.get("run", "")) or abort(404)


def _known(data: Data) -> Listing:
    try:
        return dataset.listing(data)
    except files.UNUSABLE:
        abort(404)


def _grid(run: Run) -> Path:
    there = {kimg: path for path, kimg in run.grids().items()}
    return there.get(request.args.get("kimg", -1, type=int)) or abort(404)


def _side() -> int:
    side = request.args.get("side", views.SIDE, type=int)
    return side if side in _SIDES else views.SIDE
