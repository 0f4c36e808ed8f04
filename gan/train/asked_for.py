"""What `python -m gan train` is asked for: settings, and where the pictures are."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from scrapbag.check import build
from scrapbag.errors import RecipeError, UsageError
from scrapbag.layout import Data
from scrapbag.recipe import Train
from scrapbag.recipe import load as load_recipe

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from gan.pictures.dealt import Dealer
    from scrapbag.layout import Run


def settings(run: Run, asked: dict[str, Any]) -> Train:
    """Of RUN/train.toml, where `asked` has no other value than None. Raises RecipeError."""
    known = load_recipe(run.asked).train if run.asked.exists() else Train()
    changed = {key: value for key, value in asked.items() if value not in (None, ())}
    if "values" in changed:
        changed["values"] = (*known.values, *changed["values"])
    if unknown := changed.keys() - {f.name for f in fields(Train)}:
        raise RecipeError(f"train has no {', '.join(sorted(unknown))}")
    if "minutes" in changed and "images" not in changed:
        changed["images"] = 0
    return build(Train, asdict(replace(known, **changed)), "train")


def pictures(
    root: Path | None, url: str | None, token_file: Path | None, patience: float, stack: ExitStack
) -> Data | Dealer:
    """The dataset's folder, or the server, which `stack` leaves at its end. Raises UsageError."""
    if url:
        from gan.pictures import bearer, dealt  # noqa: PLC0415

        return stack.enter_context(dealt.Dealer(url, bearer.read(token_file), patience))
    if root is None:
        raise UsageError("there is nothing to train on; write DATA=data/<name>, or DATA_URL=http://<host>:<port>")
    return Data(root)
