"""python -m scrapbag.storage: a dataset to a bucket or another folder, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.make.command import called
from scrapbag.make.options import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = click.Path(path_type=Path)


def _of_a_dataset(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--store", "url", required=True, help="s3://bucket/prefix, gs://, az:// or a folder"),
        click.option("--recipe", required=True, type=_FOLDER, help="Its name is the dataset's."),
        click.option("--run", required=True, type=_FOLDER, help="The training run's folder, for the next command."),
        click.option("--data", "root", required=True, type=_FOLDER, help="data/<name>"),
    ):
        command = option(command)
    return command


@click.group(cls=Stages)
def main() -> None:
    """Send a dataset to a store, or bring it from there."""


@main.command()
@_of_a_dataset
@click.option("--fresh", is_flag=True, help="Also what the store says it has.")
def push(root: Path, run: Path, recipe: Path, url: str, *, fresh: bool) -> None:
    """Send what the store lacks: pictures, scores, answers, squares, reports, and the catalog last."""
    call = called(recipe, root, run)
    with exits(call.complete):
        from scrapbag.storage import address, push  # noqa: PLC0415

        store = address.opened(url)
        moved, absent = push.push(Data(root), call.name, store, fresh=fresh)
        again = call.make("scrape", RETRY="failed")
        lost = f"; {absent:,} pictures are gone or damaged here: {again} asks for them anew" * bool(absent)
        click.echo(f"sent {moved}{lost} -> {store.url} · on another machine: {call.make('pull', STORE=store.url)}")


@main.command()
@_of_a_dataset
def pull(root: Path, run: Path, recipe: Path, url: str) -> None:
    """Bring what is missing here from a store."""
    call = called(recipe, root, run)
    with exits(call.complete):
        from scrapbag.storage import address, pull  # noqa: PLC0415

        store = address.opened(url)
        moved, absent = pull.pull(Data(root), call.name, store)
        lost = f"; the store lacks {absent:,} pictures, as the machine did that they came from" * bool(absent)
        click.echo(f"brought {moved}{lost} -> {root} · next: {call.make('train')}")


if __name__ == "__main__":
    main()
