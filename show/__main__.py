"""SHOW: what others look at, made from the files of a dataset and a run. The commands."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from scrapbag.errors import exits
from scrapbag.make.command import Call
from scrapbag.make.options import Stages

_FOLDER = click.Path(path_type=Path)


@click.group(cls=Stages)
def main() -> None:
    """A gallery of every dataset and run."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


@main.command()
@click.option("--data", type=_FOLDER, default="data", show_default=True, help="The folder that datasets are in.")
@click.option("--runs", type=_FOLDER, default="runs", show_default=True, help="The folder that runs are in.")
@click.option("--port", type=click.IntRange(0, 65535), default=8777, show_default=True, help="0 is any free one.")
def gallery(data: Path, runs: Path, port: int) -> None:
    """Show every dataset and run in the browser, live while they grow."""
    with exits(Call().complete):
        from show.gallery import server, shelf  # noqa: PLC0415

        server.serve(shelf.Shelf(data, runs), port, lambda url: click.echo(f"gallery: {url} (Ctrl-C ends it)"))


if __name__ == "__main__":
    main()
