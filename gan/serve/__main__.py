"""`python -m gan.serve`: deal the curated squares to trainers on other computers, until it is stopped."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from gan.pictures import bearer
from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.make.command import last_call
from scrapbag.make.options import PORT, OneStage

_HOST = "127.0.0.1"
_FOLDER = click.Path(path_type=Path)


@click.command(cls=OneStage)
@click.option("--data", "root", type=_FOLDER, required=True, help="data/<name>, with curated/ in it.")
@click.option("--host", default=_HOST, show_default=True, help="Of this computer; any but its own needs a token.")
@click.option("--port", type=PORT, default=8778, show_default=True, help="0 is any free one.")
@click.option("--token-file", type=_FOLDER, help="Of mode 600, with a token; else the variable SCRAPBAG_TOKEN has it.")
def main(root: Path, host: str, port: int, token_file: Path | None) -> None:
    """Deal curated squares by HTTP."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with exits(last_call(Data(root)).complete):
        from gan.serve import server  # noqa: PLC0415 - torch takes two seconds to import

        click.echo(server.serve(Data(root), host or _HOST, port, bearer.read(token_file), click.echo))


if __name__ == "__main__":
    main()
