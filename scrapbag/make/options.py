"""A stage's options, in words of make: who wrote AS=tar reads of AS and not of --as."""

from __future__ import annotations

import json
from typing import Any

import click

from scrapbag.make.variables import VARIABLES

FORMAT = 1  # of what --json prints; keys are added without raising it, never renamed or taken away
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
        try:
            return super().invoke(ctx)
        except click.BadParameter as error:
            option = error.param.opts[-1] if error.param is not None else ""
            variable = option.lstrip("-").replace("-", "_").upper()
            named = variable if variable in VARIABLES else option
            said = error.message.rstrip(".") or "is missing"
            raise OptionError(f"{named}: {said}" if named else said) from None
