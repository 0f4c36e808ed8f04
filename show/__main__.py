"""SHOW: what others look at, made from the files of a dataset and a run. The commands."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from scrapbag.errors import exits
from scrapbag.layout import Data, Run
from scrapbag.make.command import last_call
from scrapbag.make.options import Stages

_FOLDER = click.Path(path_type=Path)


@click.group(cls=Stages)
def main() -> None:
    """Cards, and posts while a run learns."""
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


if __name__ == "__main__":
    main()
