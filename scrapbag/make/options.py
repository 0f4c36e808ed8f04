"""A stage's options, in words of make: who wrote AS=tar reads of AS and not of --as."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from scrapbag.make.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1  # of what --json prints; keys are added without raising it, never renamed or taken away
PORT = click.IntRange(0, 65535)  # 0 is any free one
as_json = click.option("--json", "as_json", is_flag=True, help="Under stable keys, for programs (docs/show.md).")


def printed(**table: Any) -> None:
    """Print what a command found as one JSON object."""
    click.echo(json.dumps({"format": FORMAT, **table}, indent=1))


class OptionError(click.ClickException):
    """A value that an option cannot have; one sentence, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print it as every error of a stage is printed."""
        click.echo(f"error: {self.format_message()}", file=file, err=file is None)


class Stages(click.Group):
    """The commands of a package. Options that have a variable of make are named by it where they are refused."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command that was named. Raises OptionError for a value that it cannot have."""
        with _in_words_of_make():
            return super().invoke(ctx)


class OneStage(click.Command):
    """A command that is alone in its package, refused in the same words as those of Stages."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what the command was given. Raises OptionError for a value that an option cannot have."""
        with _in_words_of_make():
            return super().parse_args(ctx, args)


@contextmanager
def _in_words_of_make() -> Iterator[None]:
    try:
        yield
    except click.BadParameter as error:
        option = error.param.opts[-1] if error.param is not None else ""
        variable = option.lstrip("-").replace("-", "_").upper()
        named = variable if variable in VARIABLES else option
        said = error.message.rstrip(".") or "is missing"
        raise OptionError(f"{named}: {said}" if named else said) from None
