"""Both cards, as far as there is something to say on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapbag.errors import MissingError
from show.cards import dataset_card, facts, model_card

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Data, Run


def write(data: Data | None, run: Run) -> list[Path]:
    """The paths of the cards that were written; `data` None: the dataset that the run was trained on.

    Raises MissingError where neither is there yet, UsageError for files that are damaged.
    """
    data = data or facts.came_from(run)
    if data is None:
        raise MissingError(f"there is no {run.settings}; run make train first")
    paths = []
    if data.report_csv.exists():
        paths.append(dataset_card.write(data))
    if run.done.exists():
        paths.append(model_card.write(run, data))
    if not paths:
        raise MissingError(f"there is no {data.report_csv} and no {run.done}; run make curate first")
    return paths
