"""python -m scrapbag.make: whether all is known that make was called with, and which dataset is meant.

Prints `ok NAME`, or one sentence about what cannot be used. Run by the Makefile as it is read, with the python of .venv
or, before there is one, any other. Its arguments, each with spaces between its words: the variables on make's command
line; goals that are neither targets nor files; the targets; the recipe, empty where none is needed; who named the
recipe, as make's $(origin) has it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scrapbag.make import recipe_file, variables


def answer(written: str, strange: str, targets: str, recipe: str, origin: str) -> str:
    """`ok` and the name of the dataset, or a sentence."""
    if wrong := variables.unknown(written.split(), os.environ):
        return wrong
    for goal in strange.split():
        near = variables.meant(goal, targets.split())
        return f"there is no make {goal}; " + (f"did you mean make {near}? " if near else "") + "make help lists all"
    if not recipe:
        return "ok"
    path = Path(recipe)
    if origin == "file" and not path.exists():  # the Makefile's own default: nobody asked for it
        return f"ok {path.stem}"
    try:
        return f"ok {recipe_file.name(recipe_file.read(path), path)}"
    except recipe_file.NoRecipeError as error:
        return str(error)


if __name__ == "__main__":
    print(answer(*sys.argv[1:]))  # noqa: T201  click alone takes as long to import
