"""SHOW: what others look at, made from the files of a dataset and a run. The commands."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from scrapbag.errors import exits
from scrapbag.layout import Data, Run
from scrapbag.make.command import Call, last_call
from scrapbag.make.options import PORT, Stages

_FOLDER = click.Path(path_type=Path)


@click.group(cls=Stages)
def main() -> None:
    """A gallery of every dataset and run; cards, and posts while a run learns."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


@main.command()
@click.option("--data", "data_root", type=_FOLDER, help="data/<name>; without one, where the run's pictures came from.")
@click.option("--run", "root", type=_FOLDER, required=True, help="runs/<name>")
def card(data_root: Path | None, root: Path) -> None:
    """Write MODEL_CARD.md and DATASET_CARD.md, whichever there is something for."""
    with exits(last_call(Run(root)).complete):
        from show.cards import writing  # noqa: PLC0415

        paths = writing.write(Data(data_root) if data_root else None, Run(root))
        click.echo(f"cards -> {', '.join(map(str, paths))}")


@main.command()
@click.option("--run", "root", type=_FOLDER, required=True, help="runs/<name>")
@click.option("--to", "written", default="", metavar="FILE, env:NAME or URL", help="Else the variable TO has them.")
@click.option("--every", default="60min", show_default=True, help="30min, 2h or 100kimg.")
@click.option("--dry/--no-dry", "dry", default=None, help="Say what would be posted; so does the first call.")
@click.option(
    "--least", type=click.FloatRange(0, 86_400), default=60.0, show_default=True, help="Seconds between posts."
)
def publish(root: Path, written: str, every: str, dry: bool | None, least: float) -> None:
    """Post the newest grid to apprise's addresses while a run learns, each grid once."""
    call = last_call(Run(root))
    with exits(call.complete):
        from show.post import destinations, publishing  # noqa: PLC0415

        run, often = Run(root), publishing.Every.of(every)
        to = destinations.read(written, os.environ)
        if dry or (dry is None and not publishing.is_shown(run, to)):
            publishing.rehearse(run, to, often, click.echo)
            more = "without DRY=1 the same command posts" if dry else "the same command posts now"
            click.echo(f"nothing was posted, this was the dry run; {more}")
            return
        count = publishing.publish(run, to, often, click.echo, least)
        click.echo(f"{count} posts; {run.root} is not being trained now -> {run.posts}")


@main.command()
@click.option("--data", type=_FOLDER, default="data", show_default=True, help="The folder that datasets are in.")
@click.option("--runs", type=_FOLDER, default="runs", show_default=True, help="The folder that runs are in.")
@click.option("--port", type=PORT, default=8777, show_default=True, help="0 is any free one.")
def gallery(data: Path, runs: Path, port: int) -> None:
    """Show every dataset and run in the browser, live while they grow."""
    with exits(Call().complete):
        from show.gallery import server  # noqa: PLC0415
        from show.known import shelf  # noqa: PLC0415

        server.serve(shelf.Shelf(data, runs), port, lambda url: click.echo(f"gallery: {url} (Ctrl-C ends it)"))


if __name__ == "__main__":
    main()
