"""What there is to show: the folders in data/ and runs/. A name in an address counts only if it is listed here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.layout import Data, Run
from show.known import files

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Shelf:
    """The folders that datasets and runs are in, such as data/ and runs/."""

    data: Path
    runs: Path

    def datasets(self) -> dict[str, Data]:
        """Every folder in data/ by its name that a stage has worked in, or that cannot be looked into."""
        return {name: Data(path) for name, path in _folders(self.data) if _is_dataset(Data(path))}

    def all_runs(self) -> dict[str, Run]:
        """Every folder in runs/ by its name, whatever it holds."""
        return {name: Run(path) for name, path in _folders(self.runs)}

    def learnt_from(self, run: Run) -> str:
        """The name of the dataset that a run learns from; '' where it is not on the shelf.

        A dataset that was moved since is known by its name.
        """
        origin = files.optional(files.toml, run.settings).get("from", "")
        if not isinstance(origin, str) or not origin:
            return ""
        there = self.datasets()
        same = (name for name, one in there.items() if os.path.realpath(one.root) == os.path.realpath(origin))
        by_place = next(same, "") if "\0" not in origin else ""
        return by_place or (Path(origin).name if Path(origin).name in there else "")


def _is_dataset(data: Data) -> bool:
    """A drawn shop, or a folder of one's own, lies in data/ as well and is none."""
    try:
        held = {path.name for path in data.root.iterdir()}
    except OSError:
        return True
    return bool(held & {path.name for path in (data.settings, data.catalog, data.report, data.curated)})


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    """Folders by name, in its order. Hidden ones are not shown, nor those whose name no page can write."""
    try:
        found = sorted(entry.name for entry in os.scandir(root))
    except OSError:
        return
    for name in found:
        shown = not name.startswith(".") and not any("\ud800" <= one <= "\udfff" for one in name)
        if shown and os.path.isdir(root / name):  # noqa: PTH112  Path.is_dir raises where it may not look
            yield name, root / name
