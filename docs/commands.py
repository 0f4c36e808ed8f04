"""Every command line, option and variable that a user may have written down: `.venv/bin/python -m docs.commands`.

tests/commands.txt holds what this printed when it was last looked at.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from docs.reading import defaults, targets, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    "scrapbag.settings", "scrapbag.desk.status", "scrapbag.desk.doctor", "scrapbag.desk.clean",
    "scrapbag.storage.__main__", "spiders.__main__",
    "curate.__main__", "gan.__main__", "gan.serve.__main__", "show.__main__", "demo.__main__",
)  # fmt: skip


def lines() -> Iterator[str]:
    """Click's commands with their parameters, then Make's targets and variables."""
    for module in MODULES:
        yield from _command(f"python -m {module.removesuffix('.__main__')}", import_module(module).main)
    yield from (f"make {name}" for name in sorted(targets()))
    otherwise = defaults()
    for name, (becomes, by) in variables().items():
        said = " ".join(becomes).replace("`", "") or "-"
        yield f"{name}={otherwise.get(name, '')} -> {said} ({' '.join(sorted(by))})"


def _command(words: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{words} {name}", inner)
        return
    yield words
    yield from sorted(f"    {_parameter(one)}" for one in command.params)


def _parameter(one: click.Parameter) -> str:
    names = "|".join([*one.opts, *one.secondary_opts]) if isinstance(one, click.Option) else (one.name or "").upper()
    kind = "" if getattr(one, "is_flag", False) else f" {_kind(one.type)}"
    many = "..." if one.multiple or one.nargs < 0 else ""
    default = one.to_info_dict().get("default")
    said = "" if default is None or default is False or default in ("", ()) else f" (default {default})"
    return f"{names}{kind}{many}{' (required)' if one.required else said}"


def _kind(kind: click.ParamType[Any]) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{kind.name} {kind.min:g} to {kind.max:g}"
    return kind.name


if __name__ == "__main__":
    click.echo("\n".join(lines()))
