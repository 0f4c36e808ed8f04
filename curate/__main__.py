"""`python -m curate`: score pictures, choose among them, and look at what was chosen."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curate.squares import CAPTIONS, FORMS, SIDES
from scrapbag import labels, recipe
from scrapbag.computer import memory
from scrapbag.errors import UsageError, exits
from scrapbag.layout import Data
from scrapbag.make import options
from scrapbag.make.command import called, last_call
from scrapbag.make.options import PORT, Stages
from scrapbag.workers.engines import ENGINES, engine

if TYPE_CHECKING:
    from collections.abc import Callable


def _data(command: Callable[..., None]) -> Callable[..., None]:
    option = click.option("--data", "root", required=True, type=click.Path(path_type=Path), help="data/<name>")
    return option(command)


def _engine(command: Callable[..., None]) -> Callable[..., None]:
    """Who does the work; neither option changes a byte of what comes out."""
    name = click.option("--engine", "kind", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
    workers = click.option(
        "--workers", type=click.IntRange(1, 4096), help="threads, or workers of Ray; as many as cores"
    )
    return name(workers(command))


@click.group(cls=Stages)
def main() -> None:
    """Choose among the pictures of a dataset: score, targets, curate, report, review, labels, export."""
    with exits():
        memory.room()


@main.command()
@_data
@_engine
def score(root: Path, kind: str, workers: int | None) -> None:
    """Let the model look at every picture that it has not seen yet."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate.scores import stage  # noqa: PLC0415  the other commands do without torch

        with engine(kind, workers or 0) as chosen:
            done = stage.score(recipe.load(Data(root).settings_of("score")).score, Data(root), chosen)
        again = call.make("scrape", RETRY="failed")
        click.echo(
            f"scored {done.new:,} new of {done.pictures:,} pictures with {done.model}"
            f" ({done.forward_passes:,} forward passes, {done.unusable:,} unusable files)"
            f"{f', {done.missing:,} files are gone or damaged: {again} asks for them anew' * bool(done.missing)}"
            f" -> {Data(root).scored / done.key} · next: {call.make('curate')}"
        )


@main.command()
@_data
@_engine
def curate(root: Path, kind: str, workers: int | None) -> None:
    """Keep or drop every picture, say why, and square what is kept."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate import run  # noqa: PLC0415
        from curate.report.summary import advice, how_decided  # noqa: PLC0415

        with engine(kind, workers or 0) as chosen:
            outcome = run.curate(recipe.load(Data(root).settings_of("curate")).curate, Data(root), chosen)
        cached = "" if outcome.forward_passes else ": all scores are cached"
        click.echo(
            f"kept {outcome.kept:,} of {len(outcome.rows):,}"
            f" ({call.complete(how_decided(outcome))}; {outcome.forward_passes:,} forward passes{cached})"
            f" -> {Data(root).report_html} · next: {call.make('train' if outcome.kept else 'report')}"
        )
        if said := advice(outcome):
            click.echo(call.complete(said))


@main.command()
@_data
@options.as_json
def report(root: Path, *, as_json: bool) -> None:
    """Print what was kept and dropped by reason and source, and the ten decisions nearest to flipping."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate.report import report_csv  # noqa: PLC0415
        from curate.report.summary import FIELDS, summary, table  # noqa: PLC0415

        rows = report_csv.read(Data(root).report_csv, FIELDS)
        if as_json:
            options.printed(**table(rows), page=str(Data(root).report_html), next=call.make("review"))
            return
        click.echo(summary(rows))
        kept = int(rows.flags("kept").sum())
        click.echo(f"\nkept {kept:,} of {len(rows):,} -> {Data(root).report_html} · next: {call.make('review')}")


@main.command()
@_data
def targets(root: Path) -> None:
    """Show which classes the pictures won most often, and write targets.html with a sheet of each."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate.choose import winners  # noqa: PLC0415
        from curate.report import suggestions  # noqa: PLC0415

        found = winners.suggest(Data(root))
        suggestions.write(found, Data(root))
        click.echo(suggestions.printed(found))
        click.echo(f"\nin the recipe, for the first: {suggestions.line(found.winners[0])}")
        click.echo(f"-> {Data(root).targets_html} · next: {call.make('curate')}")


@main.command()
@_data
@click.option("--port", type=PORT, default=8775, show_default=True, help="on this computer alone; 0 is any free one")
def review(root: Path, port: int) -> None:
    """Say yes or no to pictures in the browser: what turns a threshold into a promise."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate.review.server import serve  # noqa: PLC0415  Flask is an extra

        settings = recipe.load(Data(root).settings_of("curate")).curate
        answers = serve(settings, Data(root), port, lambda url: click.echo(f"review at {url} · end with Ctrl-C"))
        click.echo(f"{answers:,} pictures answered -> {Data(root).catalog} · next: {call.make('curate')}")


@main.command("map")
@_data
def lay_out(root: Path) -> None:
    """Lay every picture out on a plane, alike ones side by side: for the gallery's map, and for Embedding Atlas."""
    call = last_call(Data(root))
    with exits(call.complete):
        from curate.choose import facts  # noqa: PLC0415
        from curate.report import atlas, report_csv  # noqa: PLC0415
        from curate.scores import plane  # noqa: PLC0415

        shards = facts.current(Data(root)).shards
        rows = report_csv.read(Data(root).report_csv)
        count = atlas.write(Data(root), shards.sha256, plane.read(shards), rows)
        click.echo(f"{count:,} pictures on the map -> {Data(root).map} · next: make gallery")


@main.command("labels")
@_data
@click.option("--import", "file", type=click.Path(path_type=Path), help="add the answers of a labels.csv")
def write_labels(root: Path, file: Path | None) -> None:
    """Write report/labels.csv, the answers that were given; or add those of another one first."""
    call = last_call(Data(root))
    with exits(call.complete):
        with closing(labels.connect(Data(root).catalog)) as connection:
            new, absent = labels.load(connection, file) if file else (0, 0)
            count, _ = labels.export(connection, Data(root).labels_csv)
        added = f"added or corrected {new:,} labels of {file}; " if file else ""
        added += f"{absent:,} are of pictures that are not here, and wait for them; " if absent else ""
        click.echo(f"{added}{count:,} labels -> {Data(root).labels_csv} · next: {call.make('curate')}")


@main.command()
@_data
@click.option("--as", "kind", required=True, type=click.Choice((*FORMS, CAPTIONS)), help="of data/<name>/export/")
@click.option("--side", type=click.Choice(SIDES), default=None, help="of captions: pixels of a square picture; 768")
@click.option("--word", default="", help="of captions: the trigger word; the dataset's name")
@click.option("--nd", is_flag=True, help="with captions: pictures whose licence forbids derivatives, too")
@click.option("--store", default="", help="of webdataset: s3://bucket/prefix or a folder to put the shards in, too")
@click.option("--fresh", is_flag=True, help="with --store: also the shards that are there already")
def export(root: Path, kind: str, side: str | None, word: str, store: str, *, nd: bool, fresh: bool) -> None:
    """Write the kept squares in the form that another trainer reads; or the pictures themselves with captions."""
    call = last_call(Data(root))
    with exits(call.complete):
        if store and kind != "webdataset":
            raise UsageError("STORE takes tar shards, which have an index; write AS=webdataset beside it")
        if kind == CAPTIONS:
            from curate.squares import captions  # noqa: PLC0415

            asked = captions.Captions(int(side or captions.Captions.side), word, nd)
            click.echo(call.complete(str(captions.export(Data(root), asked))))
            return
        if side or word or nd:
            raise UsageError("SIDE, WORD and ND are of captions; write AS=captions beside them")
        from curate.squares import handover  # noqa: PLC0415

        place, count = handover.export(Data(root), kind)
        click.echo(f"exported {count:,} squares -> {place}")
        if said := handover.note(Data(root), kind):
            click.echo(call.complete(said))
        if store:
            from curate.squares import remote  # noqa: PLC0415

            click.echo(f"sent {remote.send(place, store, fresh=fresh)} -> {store}")


@main.command()
@_data
@click.option("--recipe", required=True, type=click.Path(path_type=Path), help="Named in the next command.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="Its folder; named there.")
@click.option("--shards", required=True, help="an export AS=webdataset: s3://bucket/prefix or a folder")
def unpack(root: Path, recipe: Path, run: Path, shards: str) -> None:
    """Bring squares out of tar shards, to learn from where there is no catalog."""
    call = called(recipe, root, run)
    with exits(call.complete):
        from curate.squares import remote  # noqa: PLC0415

        count = remote.unpack(Data(root), shards)
        click.echo(f"unpacked {count:,} squares -> {Data(root).curated} · next: {call.make('train')}")


if __name__ == "__main__":
    main()
