"""Where a dataset and its run stand, in one screen of text: what was found, kept and dropped, and what to open."""

from __future__ import annotations

import csv
import json
import os
import textwrap
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag import catalog
from scrapbag.catalog import connect
from scrapbag.errors import exits
from scrapbag.layout import Data, Run, metrics_rows
from scrapbag.make.command import Call, called, last_call
from scrapbag.settings import kept
from scrapbag.tables import endings, passed_over, placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        passed, undecoded = passed_over.read(connection), catalog.undecoded(connection)
        distinct = connection.execute("select count(*) from picture").fetchone()[0]
        said = [*endings.sentences(connection), *placeholders.sentences(connection)]
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
    lines += [f"         {line}" for line in said]
    for source, some in groupby(passed, lambda one: one.source):
        if words := passed_over.line(known := list(some)):
            lines.append(f"passed   {_count(passed_over.total(known))} of {source}: {words}")
    if undecoded:
        lines.append(f"         {undecoded}")
    return lines


def chosen(data: Data) -> list[str]:
    """Lines about the curation, from report.csv: kept, and dropped by first reason; and exports that are older."""
    reasons = Counter("" if row["kept"].lower() == "true" else row["reason"] for row in _rows(data))
    kept = reasons.pop("", 0)
    parts = [f"{reason} {_count(n)}" for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))]
    dropped = textwrap.wrap(", ".join(parts), 90, initial_indent="dropped  ", subsequent_indent="         ")
    return [f"kept     {_count(kept)} of {_count(kept + reasons.total())} rows", *dropped, *exported(data)]


def exported(data: Data) -> list[str]:
    """A line for each export that is older than curated/ is."""
    if not data.curated.exists() or not data.export.exists():
        return []
    forms = {"": "folder", ".zip": "zip", ".parquet": "parquet"}  # of files, which an older scrapbag wrote there
    lines = []
    for path in sorted(data.export.iterdir()):
        form = path.name if path.is_dir() else forms.get(path.suffix, "")
        if form and not path.name.startswith(".") and path.stat().st_mtime < data.curated.stat().st_mtime:
            lines.append(f"exported {_short(path)} is older than what is kept now: make export AS={form}")
    return lines


def learnt(run: Run) -> list[str]:
    """Lines about the training, from metrics.csv and done.json."""
    lines = metrics_rows(run)
    images = int(lines[-1]["images_seen"]) if lines else 0
    if not run.done.exists():
        return [f"trained  {_count(images)} images seen, not finished (make train)"]
    done = json.loads(run.done.read_text(encoding="utf-8"))
    return [f"trained  {_count(done['images_seen'])} images seen in {done['seconds'] / 60:.1f} minutes"]


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


def screen(data: Data, run: Run) -> list[str]:
    """Everything that is known, less what to do next."""
    if not data.catalog.exists():
        return [f"{data.root}: nothing is here yet"]
    lines = [str(data.root), *found(data)]
    if data.report_csv.exists():
        lines += chosen(data)
        lines += learnt(run) if run.metrics.exists() else []
        lines += ["", *tour(data, run), ""]
    return lines


def following(data: Data, run: Run) -> str:
    """What to do next: a target of make, with the variables that it last ran with; and what else would be of use."""
    if not data.catalog.exists():
        return "make scrape"
    if not data.images.is_dir() or not any(data.images.glob("*/*")):
        return "make scrape"
    if not data.report_csv.exists() or not data.curated.is_dir() or _changed_since(data):
        return "make curate"
    rows = list(_rows(data))
    if not any(row["kept"].lower() == "true" for row in rows):
        return "make report"
    ranked = any(row.get("confidence") for row in rows)
    certified = any(row.get("certificate") for row in rows)
    review = " · make review certifies the threshold" if ranked and not certified else ""
    if run.done.exists():
        return f"make sample N=64{review}"
    given = kept(data, run, "train") if run.asked.exists() and run.section.exists() else {}
    train = Call().make("train", **{name: now for name, (now, _) in given.items()})
    return f"{train}{review if run.metrics.exists() else ''}"


def _changed_since(data: Data) -> bool:
    """Whether scrape.csv, which is rewritten only when it differs, is newer than what was decided."""
    scrape, report = data.scrape_csv, data.report_csv
    return scrape.exists() and scrape.stat().st_mtime > report.stat().st_mtime


def overview(folder: Path) -> list[str]:
    """Every dataset in `folder`, each with its next command."""
    lines = []
    for root in sorted(path for path in folder.glob("*") if Data(path).settings.exists()):
        data = Data(root)
        call = last_call(data)
        run = Run(Path(call.run or f"runs/{root.name}"))
        facts = screen(data, run)
        short = [line for line in facts[1:] if line.startswith(("found", "kept", "trained", "exported"))]
        lines += [str(root), *(f"  {call.complete(line)}" for line in short or ["nothing is here yet"])]
        lines.append(f"  next: {call.complete(following(data, run))}")
    return lines or [f"{folder}: no dataset is here yet · next: make demo"]


def _rows(data: Data) -> Iterator[dict[str, str]]:
    with data.report_csv.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _count(number: int) -> str:
    return f"{number:,}"


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The dataset's folder; without one, all in data/.")
@click.option("--run", type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Named in the next command.")
def main(data: Path | None, run: Path | None, recipe: Path | None) -> None:
    """Say where a dataset stands."""
    with exits():
        if data is None or run is None:
            click.echo("\n".join(overview(Path("data"))))
            return
        call = called(recipe, data, run) if recipe else last_call(Data(data))
        lines = [*screen(Data(data), Run(run)), f"next: {following(Data(data), Run(run))}"]
        click.echo("\n".join(map(call.complete, lines)))


if __name__ == "__main__":
    main()
