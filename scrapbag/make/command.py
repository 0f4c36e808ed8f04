"""The next command, as it can be pasted: with the recipe, and the folders where they are not the recipe's own."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import tomli_w

from scrapbag.make import recipe_file

# The targets that work on one dataset, so that they need its recipe
OF_A_DATASET = (
    "scrape", "score", "targets", "curate", "train", "review", "report", "export", "sample", "interpolate", "evaluate",
    "blind", "card", "poster", "publish", "push", "pull", "serve", "map", "status", "verify", "clean",
)  # fmt: skip
_COMMAND = re.compile(rf"\bmake ({'|'.join(OF_A_DATASET)})\b(?! RECIPE=)")


class Noted(Protocol):
    """layout.Data or layout.Run."""

    @property
    def variable(self) -> str:
        """The variable of make that names it."""

    @property
    def root(self) -> Path:
        """Where it is."""

    @property
    def call(self) -> Path:
        """The file that notes how make was last called for it."""


@dataclass(frozen=True)
class Call:
    """How make was called for a dataset and a run: paths as one types them where make is called."""

    name: str = ""  # of the recipe; '' where it is not known
    recipe: str = ""
    data: str = ""
    run: str = ""

    def make(self, target: str, **variables: object) -> str:
        """`make TARGET` with what it needs to act on this dataset, quoted for a shell; empty variables are left out.

        RECIPE is always named, because a shell may have another one exported; where no recipe is known, a stage was
        called by hand, and the target stands alone.
        """
        words: dict[str, object] = {}
        if self.recipe:
            words["RECIPE"] = self.recipe
            words |= {"DATA": self.data} if self.data != f"data/{self.name}" else {}
            words |= {"RUN": self.run} if self.run != f"runs/{self.name}" else {}
        given = {name: str(value) for name, value in (words | variables).items() if value not in ("", None)}
        return " ".join(["make", target, *(f"{name}={quoted(value)}" for name, value in given.items())])

    def complete(self, text: str) -> str:
        """`text` with each `make TARGET` in it made whole; variables after it stay."""
        return _COMMAND.sub(lambda found: self.make(found[1]), text)

    def dump(self) -> str:
        """As TOML, which `last_call` reads."""
        return tomli_w.dumps(asdict(self))


def called(recipe: Path, data: Path, run: Path) -> Call:
    """The call of make that names these."""
    try:
        name = recipe_file.name(recipe_file.read(recipe), recipe)
    except recipe_file.NoRecipeError:
        name = recipe.stem
    return Call(name, _typed(recipe), _typed(data), _typed(run))


def last_call(folder: Noted) -> Call:
    """How make was last called for `folder`, which may have been moved since.

    Without a note (a stage was called by hand) it has no recipe.
    """
    try:
        noted = tomllib.loads(folder.call.read_text(encoding="utf-8"))
        call = Call(**{name: str(value) for name, value in noted.items()})
    except (OSError, ValueError, TypeError):
        call = Call()
    return replace(call, **{folder.variable.lower(): _typed(folder.root)})


def _typed(path: Path) -> str:
    """A path as one would type it here."""
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return os.path.normpath(path.relative_to(Path.cwd()) if inside else path)


def quoted(value: str) -> str:
    """For a shell, and for make, which expands what follows a single $."""
    return shlex.quote(value).replace("$", "$$")
