"""Forgets what was curated of a dataset, and moves its training run aside; what took hours is never deleted."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import click

from scrapbag.disk import aside, lock
from scrapbag.errors import UsageError, exits
from scrapbag.layout import Data, Run
from scrapbag.make.command import last_call


def clean(data: Data, run: Run) -> list[str]:
    """Take away what `make curate` makes again, and move the run to the first free RUN.1, RUN.2 …; says what it did.

    Raises UsageError, before anything is touched, for folders that no stage has made: a slip in DATA or RUN.
    """
    for root, marks in ((data.root, (data.catalog, data.settings)), (run.root, (run.asked, run.settings))):
        if root.exists() and not _is_ours(root, marks):
            raise UsageError(f"{str(root)!r} is no folder that scrapbag has made; see DATA and RUN")
    with ExitStack() as held:  # both before anything: a stage at work is not robbed
        for folder, stage in ((data.root, "curate"), (run.root, "train")):
            if folder.exists():
                held.enter_context(lock(folder, stage))
        gone = [folder for folder in _made_again(data) if folder.exists()]
        for folder in gone:
            shutil.rmtree(folder)
        for asked in (data.settings_of("curate"), *([] if run.settings.exists() else [run.asked])):
            asked.unlink(missing_ok=True)  # THRESH and the like: what the recipe says holds again
        said = [f"took {', '.join(folder.name for folder in gone) or 'nothing'} out of {data.root}"]
        if run.settings.exists():
            said.append(f"moved {run.root} to {run.root.rename(aside(run.root))}; delete it when you need it no more")
    return said


def _made_again(data: Data) -> list[Path]:
    return [data.curated, data.squares, data.thumbs, data.records, data.packed, data.export]


def _is_ours(root: Path, marks: tuple[Path, ...]) -> bool:
    """Whether a stage has worked in it, and we are not inside: `.`, `..` and / are never meant."""
    inside = Path.cwd().is_relative_to(root.resolve())
    return root.is_dir() and any(mark.exists() for mark in marks) and not inside


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
def main(data: Path, run: Path) -> None:
    """Forget what was curated, and move the run aside; keep what was scraped, scored and clicked."""
    with exits(last_call(Data(data)).complete):
        click.echo("\n".join(clean(Data(data), Run(run))))


if __name__ == "__main__":
    main()
