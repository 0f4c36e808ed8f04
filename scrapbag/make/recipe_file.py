"""A recipe's file as a table, and the name of the dataset that it makes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from scrapbag.make.variables import meant

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class NoRecipeError(ValueError):
    """A file that is no recipe; the message is one sentence."""


def read(path: Path) -> dict[str, Any]:
    """The file as TOML has it. Raises NoRecipeError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = meant(path.stem, [one.stem for one in (*path.parent.glob("*.toml"), *Path("recipes").glob("*.toml"))])
        other = next(
            (one for one in (path.with_name(f"{near}.toml"), Path(f"recipes/{near}.toml")) if one.exists()), ""
        )
        hint = f"did you mean RECIPE={other}?" if other else "write RECIPE=recipes/<name>.toml"
        raise NoRecipeError(f"there is no recipe {path}; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise NoRecipeError(f"cannot read the recipe {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise NoRecipeError(f"{path} is not TOML: {error}") from None


def name(table: dict[str, Any], path: Path) -> str:
    """`name`, or the file's own: what data/<name> and runs/<name> are called. Raises NoRecipeError."""
    said = table.get("name", path.stem)
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise NoRecipeError(f"{path}: name is {said!r}; write small letters, digits, - and _")
    return said
