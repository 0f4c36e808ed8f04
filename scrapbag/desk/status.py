"""Where a dataset and its run stand, in one screen of text: what was found, kept and dropped, and what to open."""

from __future__ import annotations

import os
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag import decision
from scrapbag.desk import facts
from scrapbag.disk import held
from scrapbag.errors import exits
from scrapbag.layout import Data, Run, dealt_by, handed_by
from scrapbag.make import options
from scrapbag.make.command import Call, called, last_call
from scrapbag.settings import kept
from scrapbag.tables import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def found(data: Data) -> list[str]:
    """Lines about the crawl: requests by state, failures by reason."""
    known = facts.found(data)
    lines = [
        f"found    {_count(known.addresses)} picture addresses, {_count(known.pictures)} different pictures fetched"
        + (f", {_count(known.waiting)} still waiting (make scrape)" if known.waiting else ""),
        f"         from {_listed(known.sources) or 'nowhere yet'}",
    ]
    if known.not_fetched:
        lines.append(f"         not fetched: {_listed(known.not_fetched)}")
    lines += [f"         {line}" for line in known.said]
    for source, some in groupby(known.passed_over, lambda one: one.source):
        if words := passed_over.line(passed := list(some)):
            lines.append(f"passed   {_count(passed_over.total(passed))} of {source}: {words}")
    return lines


def handed(data: Data) -> list[str]:
    """A line about squares that came as shards of another machine."""
    known = handed_by(data)
    return [f"kept     {_count(known.pictures)} squares, as shards from {known.source}"]


def chosen(data: Data) -> list[str]:
    """Lines about the curation: kept, and dropped by first reason; and exports that are older."""
    known = facts.chosen(data)
    dropped = textwrap.wrap(_listed(known.dropped), 90, initial_indent="dropped  ", subsequent_indent="         ")
    return [f"kept     {_count(known.kept)} of {_count(known.rows)} rows", *dropped, *exported(data)]


def exported(data: Data) -> list[str]:
    """A line for each export that is older than curated/ is."""
    return [
        f"exported {_short(path)} is older than what is kept now: make export AS={form}"
        for path, form in facts.older_exports(data)
    ]


def learnt(run: Run) -> list[str]:
    """Lines about the training."""
    known = facts.learnt(run)
    if held(run.root, "train"):
        return [f"trained  {_count(known.images_seen)} images seen, and goes on now"]
    if not known.finished:
        return [f"trained  {_count(known.images_seen)} images seen, not finished (make train)"]
    return [f"trained  {_count(known.images_seen)} images seen in {known.minutes:.1f} minutes"]


def tour(data: Data, run: Run) -> dict[str, Path]:
    """The files worth opening that are there, by what they are."""
    grids = list(run.grids())[-1:]
    files = {
        "report of the curation": data.report_html,
        "the same as a table": data.report_csv,
        "squares": data.curated,
        "samples": grids[0] if grids else run.fakes(0),
        "how they came about": run.film,
        "report of the training": run.report,
    }
    return {what: path for what, path in files.items() if path.exists()}


def screen(data: Data, run: Run) -> list[str]:
    """Everything that is known, less what to do next."""
    if not data.catalog.exists() and (server := dealt_by(run)):
        return [str(run.root), f"dealt    by {server}", *learnt(run)]
    if not data.catalog.exists() and not data.handed.exists():
        return [f"{data.root}: nothing is here yet"]
    lines = [str(data.root), *(found(data) if data.catalog.exists() else handed(data))]
    if data.report_csv.exists() or data.handed.exists():
        lines += chosen(data) if data.report_csv.exists() else []
        lines += learnt(run) if run.metrics.exists() else []
        lines += ["", *(f"  {what:<24}{_short(path)}" for what, path in tour(data, run).items()), ""]
    return lines


def following(data: Data, run: Run) -> str:
    """What to do next: a target of make, with the variables that it last ran with; and what else would be of use."""
    if not data.catalog.exists():
        learning = "make sample N=64" if run.done.exists() else "make train"
        return learning if data.handed.exists() or dealt_by(run) else "make scrape"
    if not data.images.is_dir() or not any(data.images.glob("*/*")):
        return "make scrape"
    if not data.report_csv.exists() or not data.curated.is_dir() or _changed_since(data):
        return "make curate"
    known = decision.counted(data)
    if not known.kept:
        return "make report"
    review = " · make review certifies the threshold" if known.ranked and not known.certified else ""
    if run.done.exists():
        return f"make sample N=64{review}"
    given = kept(data, run, "train") if run.asked.exists() and run.section.exists() else {}
    train = Call().make("train", **{name: now for name, (now, _) in given.items()})
    return f"{train}{review if run.metrics.exists() else ''}"


def _changed_since(data: Data) -> bool:
    """Whether scrape.csv, which is rewritten only when it differs, is newer than what was decided."""
    scrape, report = data.scrape_csv, data.report_csv
    return scrape.exists() and scrape.stat().st_mtime > report.stat().st_mtime


def every(folder: Path) -> Iterator[tuple[Data, Run, Call]]:
    """Every dataset in `folder`, its run, and how make was last called for it."""
    for root in sorted(path for path in folder.glob("*") if Data(path).settings.exists()):
        call = last_call(Data(root))
        yield Data(root), Run(Path(call.run or f"runs/{root.name}")), call


def overview(folder: Path) -> list[str]:
    """Every dataset in `folder`, each with its next command."""
    lines = []
    for data, run, call in every(folder):
        known = screen(data, run)
        short = [line for line in known[1:] if line.startswith(("found", "kept", "trained", "exported"))]
        lines += [str(data.root), *(f"  {call.complete(line)}" for line in short or ["nothing is here yet"])]
        lines.append(f"  next: {call.complete(following(data, run))}")
    return lines or [f"{folder}: no dataset is here yet · next: make demo"]


def _count(number: int) -> str:
    return f"{number:,}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_count(n)}" for name, n in counts.items())


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The dataset's folder; without one, all in data/.")
@click.option("--run", type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Named in the next command.")
@options.as_json
def main(data: Path | None, run: Path | None, recipe: Path | None, *, as_json: bool) -> None:
    """Say where a dataset stands."""
    with exits():
        if data is None or run is None:
            if not as_json:
                click.echo("\n".join(overview(Path("data"))))
                return
            asked = list(every(Path("data")))
        else:
            call = called(recipe, data, run) if recipe else last_call(Data(data))
            asked = [(Data(data), Run(run), call)]
        if as_json:
            tables = [facts.table(d, r, c.complete(following(d, r)), tour(d, r)) for d, r, c in asked]
            options.printed(datasets=tables)
            return
        [(one, its_run, call)] = asked
        lines = [*screen(one, its_run), f"next: {following(one, its_run)}"]
        click.echo("\n".join(map(call.complete, lines)))


if __name__ == "__main__":
    main()
