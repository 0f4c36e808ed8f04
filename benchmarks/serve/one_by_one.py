"""The quilt seed's way to deal pictures: a Flask box that answers each request with one variation, as a list of pixels.

The variations are ours, so that what differs is the way to the trainer; waitress answers in place of Flask's own
server, over connections that stay open, which favours it.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import waitress
from flask import Flask, Response

from gan.pictures import data
from gan.serve.deal import variation
from scrapbag.layout import Data


@click.command()
@click.option("--data", "root", type=click.Path(path_type=Path), required=True)
def main(root: Path) -> None:
    """Serve on any free port until killed; prints the address."""
    dataset = Data(root)
    pictures = data.load(dataset.curated, dataset.packed)
    app = Flask(__name__)

    @app.get("/picture/<int:seed>")
    def picture(seed: int) -> Response:
        rng = np.random.default_rng(seed)
        one = variation(pictures.train[rng.integers(len(pictures.train))], pictures.side, rng)
        return Response(json.dumps(one.tolist()), content_type="application/json")

    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    click.echo(f"one by one at http://127.0.0.1:{server.effective_port}")
    server.run()


if __name__ == "__main__":
    main()
