"""`python -m curate`: score pictures, choose among them, and look at what was chosen."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scrapbag import recipe
from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.plain import down

if TYPE_CHECKING:
    from collections.abc import Callable

    from curate.rows import Outcome

KINDS = ("folder", "zip", "webdataset", "parquet")


def _data(command: Callable[..., None]) -> Callable[..., None]:
    option = click.option("--data", "root", required=True, type=click.Path(path_type=Path), help="data/<name>")
    return option(command)


@click.group()
def main() -> None:
    """Choose among the pictures of a dataset: score, curate, report, review, labels, export."""


@main.command()
@_data
def score(root: Path) -> None:
    """Let the model look at every picture that it has not seen yet."""
    with exits():
        from curate.scores.stage import score as run  # noqa: PLC0415  the other commands do without torch

        done = run(recipe.load(root / "settings" / "score.toml").score, Data(root))
        click.echo(
            f"scored {done.new:,} new of {done.pictures:,} pictures with {done.model}"
            f" ({done.forward_passes:,} forward passes, {done.unusable:,} unusable files)"
            f" -> {root / 'scored' / done.key} · next: make curate"
        )


@main.command()
@_data
def curate(root: Path) -> None:
    """Keep or drop every picture, say why, and square what is kept."""
    with exits():
        from curate.run import curate as run  # noqa: PLC0415

        outcome = run(recipe.load(root / "settings" / "curate.toml").curate, Data(root))
        click.echo(
            f"kept {outcome.kept:,} of {len(outcome.rows):,} ({_threshold(outcome)}, {_passes(outcome)})"
            f" -> {root / 'report' / 'report.html'} · next: make {'train' if outcome.kept else 'report'}"
        )


@main.command()
@_data
def report(root: Path) -> None:
    """Print what was kept and dropped by reason and source, and the ten decisions nearest to flipping."""
    with exits():
        from curate.report import report_csv  # noqa: PLC0415
        from curate.report.summary import summary  # noqa: PLC0415

        rows = report_csv.read(Data(root).report / "report.csv")
        click.echo(summary(rows))
        kept = sum(row.kept for row in rows)
        click.echo(f"\nkept {kept:,} of {len(rows):,} -> {root / 'report' / 'report.html'} · next: make review")


@main.command()
@_data
@click.option("--port", default=8775, show_default=True, help="on this computer alone; 0 is any free one")
def review(root: Path, port: int) -> None:
    """Say yes or no to pictures in the browser: what turns a threshold into a promise."""
    with exits():
        from curate.review.server import serve  # noqa: PLC0415  Flask is an extra

        settings = recipe.load(root / "settings" / "curate.toml").curate
        answers = serve(settings, Data(root), port, lambda url: click.echo(f"review at {url} · end with Ctrl-C"))
        click.echo(f"{answers:,} pictures answered -> {Data(root).catalog} · next: make curate")


@main.command()
@_data
@click.option("--import", "file", type=click.Path(path_type=Path), help="add the answers of a labels.csv")
def labels(root: Path, file: Path | None) -> None:
    """Write report/labels.csv, the answers that were given; or add those of another one first."""
    with exits():
        from scrapbag import labels as book  # noqa: PLC0415

        with closing(book.connect(Data(root).catalog)) as connection:
            new, absent = book.load(connection, file) if file else (0, 0)
            count, _ = book.export(connection, Data(root).report / "labels.csv")
        added = f"added {new:,} labels of {file}; " if file else ""
        added += f"{absent:,} are of pictures that are not here, and wait for them; " if absent else ""
        click.echo(f"{added}{count:,} labels -> {Data(root).report / 'labels.csv'} · next: make curate")


@main.command()
@_data
@click.option("--as", "kind", required=True, type=click.Choice(KINDS), help="the form of data/<name>/export/")
def export(root: Path, kind: str) -> None:
    """Write the kept squares in the form that another trainer reads."""
    with exits():
        from curate.squares.handover import export as run  # noqa: PLC0415

        place, count = run(Data(root), kind)
        click.echo(f"exported {count:,} squares -> {place}")


def _threshold(outcome: Outcome) -> str:
    ranked = outcome.settings.targets or outcome.ranked_by != "nobody"
    by = f"threshold {_down(outcome.threshold)}" if ranked else "no targets, quality rules alone"
    if outcome.certificate is None:
        away = f": {outcome.missing} yes in make review would certify" if outcome.missing else ""
        return f"{by}, uncertified{away}"
    lower: Any = outcome.certificate.lower
    more = f", {outcome.missing} more yes may keep more" if outcome.missing else ""
    return f"{by}, precision at least {_down(lower)} with 95 % confidence{more}"


def _down(share: float) -> str:
    """Two digits, more only where they matter, and never more than it is."""
    return f"{share:.2f}" if round(share, 2) == share else down(share, 4)


def _passes(outcome: Outcome) -> str:
    return f"{outcome.score.forward_passes if outcome.score else 0} forward passes"


if __name__ == "__main__":
    main()
