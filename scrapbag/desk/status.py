"""Where a dataset and its run stand, in one screen of text: what was found, kept and dropped, and what to open."""

from __future__ import annotations

import csv
import json
import os
import textwrap
from collections import Counter
from pathlib import Path

import click

from scrapbag.catalog import connect
from scrapbag.errors import exits
from scrapbag.layout import Data, Run, metrics_rows


def found(data: Data) -> list[str]:
    """Lines about the crawl: requests by state, failures by reason."""
    connection = connect(data.catalog)
    try:
        states = Counter(
            dict(connection.execute("select state, count(*) from request where kind = 'picture' group by 1"))
        )
        sources = connection.execute(
            "select source, count(*) from request where kind = 'picture' and sha256 is not null group by 1 order by 1"
        ).fetchall()
        reasons = connection.execute(
            "select reason, count(*) from request where state in ('failed', 'skipped') group by 1 order by 2 desc, 1"
        ).fetchall()
        distinct = connection.execute("select count(*) from picture").fetchone()[0]
    finally:
        connection.close()
    waiting = states["queued"] + states["leased"]
    lines = [
        f"found    {_count(states.total())} picture addresses, {_count(distinct)} different pictures fetched"
        + (f", {_count(waiting)} still waiting (make scrape)" if waiting else ""),
        f"         from {', '.join(f'{name} {_count(n)}' for name, n in sources) or 'nowhere yet'}",
    ]
    if reasons:
        lines.append(f"         not fetched: {', '.join(f'{reason} {_count(n)}' for reason, n in reasons)}")
    return lines


def chosen(data: Data) -> list[str]:
    """Lines about the curation, from report.csv: kept, and dropped by first reason."""
    with data.report_csv.open(newline="", encoding="utf-8") as file:
        reasons = Counter("" if row["kept"].lower() == "true" else row["reason"] for row in csv.DictReader(file))
    kept = reasons.pop("", 0)
    parts = [f"{reason} {_count(n)}" for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))]
    dropped = textwrap.wrap(", ".join(parts), 90, initial_indent="dropped  ", subsequent_indent="         ")
    return [f"kept     {_count(kept)} of {_count(kept + reasons.total())} rows", *dropped]


def learnt(run: Run) -> list[str]:
    """Lines about the training, from metrics.csv and done.json."""
    lines = metrics_rows(run)
    images = int(lines[-1]["images_seen"]) if lines else 0
    if not run.done.exists():
        return [f"trained  {_count(images)} images seen, not finished (make train)"]
    seconds = json.loads(run.done.read_text(encoding="utf-8"))["seconds"]
    return [f"trained  {_count(images)} images seen in {seconds / 60:.1f} minutes"]


def tour(data: Data, run: Run) -> list[str]:
    """The files worth opening, newest grid first."""
    grids = list(run.grids())[-1:]
    files = {
        "report of the curation": data.report_html,
        "the same as a table": data.report_csv,
        "squares": data.curated,
        "samples": grids[0] if grids else run.fakes(0),
        "how they came about": run.film,
        "report of the training": run.report,
    }
    return [f"  {what:<24}{_short(path)}" for what, path in files.items() if path.exists()]


def screen(data: Data, run: Run, recipe: str = "") -> list[str]:
    """Everything that is known, ending with the next command; `recipe` is named in it unless it is Make's default."""
    of = f" RECIPE={recipe}" if recipe else ""
    if not data.catalog.exists():
        return [f"{data.root}: nothing is here yet · next: make scrape{of}"]
    lines = [str(data.root), *found(data)]
    if not data.report_csv.exists():
        return [*lines, f"next: make curate{of} THRESH=0.9"]
    lines += chosen(data)
    if not run.metrics.exists():
        return [*lines, "", *tour(data, run), "", f"next: make train{of}"]
    ahead = f"make sample{of} N=64" if run.done.exists() else f"make train{of}"
    return [*lines, *learnt(run), "", *tour(data, run), "", f"next: {ahead} · make review{of} certifies the threshold"]


def _count(number: int) -> str:
    return f"{number:,}"


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--recipe", default="", help="Named in the next command.")
def main(data: Path, run: Path, recipe: str) -> None:
    """Say where a dataset stands."""
    with exits():
        click.echo("\n".join(screen(Data(data), Run(run), recipe)))


if __name__ == "__main__":
    main()
