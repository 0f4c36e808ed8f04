"""Where the pictures of a run are, though data/ and runs/ may have been moved since it began."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapbag.layout import Data
from scrapbag.make.command import last_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapbag.layout import Run


def note(dataset: Data, run: Run) -> dict[str, str]:
    """What settings.toml keeps of the dataset's folder: where it is, and where seen from the run."""
    home, here = dataset.root.absolute(), run.root.absolute()
    return {"from": str(home), "beside": os.path.relpath(home, here)}


def places(run: Run, known: Mapping[str, Any]) -> list[Data]:
    """The folders that may be the dataset of a run with the settings `known`, the likeliest first; all have squares.

    Where it was; where it would be if both were moved together; where make last had it; and data/ beside runs/. Where
    none has squares, the first alone.
    """
    was, here = Path(str(known["from"])), run.root.absolute()
    made = last_call(run).data
    guesses = [was, here / str(known.get("beside", was)), *([Path(made)] if made else [])]
    guesses += [here.parent.parent / "data" / name for name in (was.name, here.name)]
    every = list(dict.fromkeys(Path(os.path.normpath(one)) for one in guesses))
    return [Data(one) for one in every if Data(one).curated.is_dir()] or [Data(every[0])]
