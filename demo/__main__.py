"""python -m demo: draw the shop, serve it, or serve it while a command runs."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from PIL import Image

from demo.drawing import photographs, small_quilts
from demo.drawing.stock import stock, summary
from demo.folder import folder_shop
from demo.guard import follow_parent, run_while_served
from demo.server import is_open, running
from demo.shop import fill, shop
from demo.strip import strip
from scrapbag.errors import STOPPED, end, exits

if TYPE_CHECKING:
    from demo.server import Site

_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=Path("data/demo-shop"),
    show_default=True,
    help="Where the drawn pictures are kept.",
)
_port = click.IntRange(0, 65535)
_shop_port = click.option("--port", type=_port, default=8765, show_default=True)
_folder_port = click.option("--port", type=_port, default=8766, show_default=True)
_folder = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
_command = click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)


@click.group()
def main() -> None:
    """The shop that this repository draws, on 127.0.0.1 alone."""


@main.command()
@_cache
def draw(cache: Path) -> None:
    """Draw the shop's pictures, those that are not there yet."""
    drawn = fill(cache)
    click.echo(f"drew {drawn:,} pictures: {summary(stock())} -> {cache}")


@main.command()
@_cache
@_shop_port
def serve(cache: Path, port: int) -> None:
    """Serve the drawn shop until Ctrl-C."""
    fill(cache)
    _serve(shop(cache), port)


@main.command()
@_folder
@_folder_port
def serve_folder(folder: Path, port: int) -> None:
    """Serve the photographs in FOLDER as a shop until Ctrl-C."""
    _serve(folder_shop(folder), port)


@main.command(context_settings={"ignore_unknown_options": True})
@_cache
@_shop_port
@_command
def with_shop(cache: Path, port: int, command: tuple[str, ...]) -> None:
    """Serve the drawn shop while COMMAND runs: with-shop -- make scrape."""
    fill(cache)
    sys.exit(run_while_served(shop(cache), port, command))


@main.command(context_settings={"ignore_unknown_options": True})
@_folder
@_folder_port
@_command
def with_folder(folder: Path, port: int, command: tuple[str, ...]) -> None:
    """Serve FOLDER as a shop while COMMAND runs."""
    sys.exit(run_while_served(folder_shop(folder), port, command))


@main.command()
@click.option("-n", "--n", "count", type=click.IntRange(1, 100_000), default=6000, show_default=True)
@click.option("--size", type=click.Choice(["64", "32"]), default="64", show_default=True, help="Pixels of a side.")
@click.option(
    "--photographs", "seen", is_flag=True, help="As people photograph them: on walls and floors, askew, near."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="data/<name>")
def squares(count: int, size: str, output: Path, *, seen: bool) -> None:
    """Draw small quilts as squares to train on: OUTPUT/curated/00000.png and so on."""
    folder, part = output / "curated", output / "curated.part"
    if folder.exists():
        raise click.UsageError(f"{folder} is there already; write another -o, or move that away")
    part.mkdir(parents=True, exist_ok=True)
    draw = photographs.pictures if seen else small_quilts.pictures
    for number, pixels in enumerate(draw(count, int(size))):
        Image.fromarray(pixels).save(part / f"{number:05d}.png")
    part.rename(folder)
    click.echo(f"{count:,} quilts of {size}x{size} -> {folder}")


@main.command("strip")
@click.option("--data", type=click.Path(path_type=Path), default=Path("data/demo"), show_default=True)
@click.option("--run", "run_folder", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def draw_strip(data: Path, run_folder: Path, output: Path) -> None:
    """Paste pictures as scraped, as squared and as dreamt into one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    strip(data, run_folder).save(output, quality=88)
    click.echo(f"scraped, squared, generated -> {output}")


def _serve(site: Site, port: int) -> None:
    if is_open(site, port):
        click.echo(f"it is open already at http://127.0.0.1:{port}")
        return
    follow_parent()
    with running(site, port) as url:
        click.echo(f"open at {url} · Ctrl-C closes it")
        threading.Event().wait()


def run() -> None:
    """The command line; what ends it early is a sentence and a code, as in every stage."""
    with exits(ending=_end):
        try:
            main(standalone_mode=False)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:  # click's name for Ctrl-C
            raise KeyboardInterrupt from None


def _end(sentence: str, code: int) -> NoReturn:
    end("stopped" if code == STOPPED else sentence, code)  # there is nothing that would go on


if __name__ == "__main__":
    run()
