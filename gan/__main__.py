"""LEARN: a folder of squares -> a generator. The commands."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gan.nets import presets
from gan.nets.values import Values
from gan.train import asked_for, launch
from scrapbag.computer import memory
from scrapbag.disk import lock
from scrapbag.errors import exits
from scrapbag.layout import Data, Run
from scrapbag.make.command import last_call
from scrapbag.make.options import PORT, Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.pictures.dealt import Dealer
    from gan.step.processes import Processes
    from scrapbag.recipe import Train

_FOLDER = click.Path(path_type=Path)


@click.group(cls=Stages)
def main() -> None:
    """Train a GAN on curated squares, and draw from it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with exits():
        memory.room()


def _run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--run", "root", type=_FOLDER, required=True, help="runs/<name>")(command)


@main.command("train")
@click.option("--data", "data_root", type=_FOLDER, help="data/<name>, with curated/ in it.")
@click.option("--data-url", "url", help="Instead of --data: http://host:port of make serve on another computer.")
@click.option("--token-file", type=_FOLDER, help="With the server's token; else the variable SCRAPBAG_TOKEN has it.")
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="With a server.",
)
@_run_option
@click.option("--preset", help="See `.venv/bin/python -m gan presets`.")
@click.option("--minutes", type=float, help="Of training, over all resumes.")
@click.option("--images", type=int, help="Instead of minutes.")
@click.option("--level", type=int, help="Train on pictures of this level or less, 0 to 3.")
@click.option("--seed", type=int)
@click.option("--init", help="Begin with the weights of this run.")
@click.option("--processes", type=click.IntRange(1, 64), help="That divide each batch; else the run's, or one a GPU.")
@click.option("--set", "values", multiple=True, metavar="KEY=VALUE", help="Override one value of the preset.")
@click.option(
    "--save-every", type=float, default=60.0, show_default=True, metavar="SECONDS", help="Between checkpoints."
)
def train_command(
    data_root: Path | None, url: str | None, token_file: Path | None, patience: float, root: Path, save_every: float,
    processes: int | None, **asked: Any,
) -> None:  # fmt: skip
    """Train, or go on where the run was stopped. Settings come from RUN/train.toml and the options."""
    with exits(last_call(Run(root)).complete, launch.end), ExitStack() as stack:
        run, settings = Run(root), asked_for.settings(Run(root), asked)
        count = launch.count(run, processes)
        if count > 1 and not launch.inside():
            sys.exit(launch.start(count))
        dataset = asked_for.pictures(data_root, url, token_file, patience, stack)
        group = stack.enter_context(launch.joined(count))
        _train(dataset, run, settings, save_every, group)


def _train(dataset: Data | Dealer, run: Run, settings: Train, save_every: float, group: Processes) -> None:
    """Each process of a run; the one that leads it comes first, and writes all its files."""
    from gan.train import loop, preflight, runs  # noqa: PLC0415 - torch takes two seconds to import

    def say(line: str) -> None:
        if group.leads:
            click.echo(last_call(run).complete(line))

    with lock(run.root, "train") if group.leads else nullcontext(), preflight.fits():
        with group.after_the_first():
            job = runs.prepare(dataset, run, settings, say, processes=group.count)
        if not group.leads:
            loop.train(job, group=group)
            return
        from gan.evaluate import keep, report  # noqa: PLC0415

        moment, sha256 = loop.train(job, keeper=keep.Keeper(job), save_s=save_every, group=group)
        page = report.write(run)
        runs.finish(job, moment, sha256)
    click.echo(
        f"trained on {moment.images_seen:,} images in {moment.seconds / 60:.1f} minutes -> {run.generator} "
        f"· see {page} · next: {last_call(run).make('evaluate')}"
    )


@main.command("sample")
@_run_option
@click.option("-n", "--n", "count", type=click.IntRange(1, 1_000_000), help="64, or one texture.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--as", "form", type=click.Choice(("sheet", "png")), default="sheet", help="One sheet, or a PNG each.")
@click.option("--best", type=click.IntRange(1, 4096), help="Only so many, by the curation model; no copies.")
@click.option("--of", "among", type=click.IntRange(2, 65_536), help="How many to choose from: 16 times --best.")
@click.option(
    "--truncation",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Latents nearer to their mean: samples more usual, less various.",
)
@click.option("--data", "data_root", type=_FOLDER, help="For --best: where the run's pictures are now.")
@click.option("--pixels", metavar="WIDTHxHEIGHT", help="One texture of that size.")
@click.option(
    "--std",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    help="Standard deviation of a texture's latents.",
)
@click.option("--type", "kinds", default="", metavar="A or A..B", help="The texture's type, or from one to another.")
@click.option("--seamless", is_flag=True, help="A tile that can be laid edge to edge.")
def sample_command(root: Path, seed: int, **asked: Any) -> None:
    """New pictures as a sheet or a PNG each, the best of many, or one texture of any size."""
    with exits(last_call(Run(root)).complete):
        from gan.evaluate import samples  # noqa: PLC0415

        click.echo(samples.write(Run(root), seed, samples.Asked(**asked)))


@main.command("poster")
@_run_option
@click.option("--data", "data_root", type=_FOLDER, help="Where the run's pictures are now, if they were moved.")
@click.option("-n", "--n", "count", type=click.IntRange(1, 400), help="Pictures on it: 48.")
@click.option("--of", "among", type=click.IntRange(2, 65_536), help="How many to choose from: 16 times --n.")
@click.option("--seed", type=int, default=0, show_default=True)
def poster_command(root: Path, data_root: Path | None, count: int | None, among: int | None, seed: int) -> None:
    """One A3 sheet to print, of the best samples, with the dataset's name, counts and credits."""
    with exits(last_call(Run(root)).complete):
        from gan.evaluate import poster  # noqa: PLC0415
        from gan.train import runs  # noqa: PLC0415

        run, count = Run(root), count or poster.COUNT
        pictures, curated, level = runs.pictures(run, data_root)
        among = among or poster.TIMES * count
        path, words = poster.write(run, pictures, Data(curated.parent), level, count, among, seed)
        click.echo(f"{words} -> {path}")


@main.command("interpolate")
@_run_option
@click.option("-n", "--n", "count", type=click.IntRange(1, 64), default=9, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 600), default=12.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--seeds", default="", metavar="A,B,...", help="Sheets to pass through, by their seeds.")
def interpolate_command(root: Path, count: int, seconds: float, seed: int, seeds: str) -> None:
    """A film from sample to sample: mp4, or GIF where OpenCV cannot write one."""
    with exits(last_call(Run(root)).complete):
        from gan.sample import interpolate  # noqa: PLC0415

        path = interpolate.write(Run(root), count, seconds, seed, interpolate.stops(seeds))
        click.echo(f"{seconds:g} seconds of {count} pictures -> {path}")


@main.command("blind")
@_run_option
@click.option("--data", "data_root", type=_FOLDER, help="Where the run's pictures are now, if they were moved.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the lot, and of the samples.")
@click.option("--port", type=PORT, default=8776, show_default=True, help="On this computer alone; 0 is any free one.")
def blind_command(root: Path, data_root: Path | None, seed: int, port: int) -> None:
    """Ask a person, in the browser, of real squares and samples by lot whether each is the target."""
    with exits(last_call(Run(root)).complete):
        from gan.evaluate import blind, blind_page, report  # noqa: PLC0415
        from gan.train import runs  # noqa: PLC0415

        run = Run(root)
        pictures, curated, level = runs.pictures(run, data_root)
        test, shown = blind.begin(run, pictures, Data(curated.parent), seed, level)
        test = blind_page.serve(
            run, test, shown, port, lambda url: click.echo(f"blind test at {url} · end with Ctrl-C")
        )
        for line in blind.lines(test):
            click.echo(line)
        click.echo(f"{len(test.answers)} of {len(test.kinds)} answered -> {report.write(run)}")


@main.command("evaluate")
@_run_option
@click.option("--data", "data_root", type=_FOLDER, help="Where the run's pictures are now, if they were moved.")
@click.option("--seed", type=int, default=0, show_default=True)
def evaluate_command(root: Path, data_root: Path | None, seed: int) -> None:
    """Measure the samples, beside as many other real pictures."""
    with exits(last_call(Run(root)).complete):
        from gan.evaluate import evaluate, fidelity, report  # noqa: PLC0415
        from gan.train import runs  # noqa: PLC0415

        run = Run(root)
        pictures, curated, level = runs.pictures(run, data_root)
        click.echo(f"drawing {fidelity.MANY:,} samples and measuring them; about a minute", err=True)
        verdicts = evaluate.evaluate(run, pictures, curated, level, seed)
        last, best = verdicts["last"], verdicts.get("best")
        click.echo("last: " + "\n".join(evaluate.lines(last)))
        if best is not None:
            click.echo("best: " + ("it is the last one" if best is last else "\n".join(evaluate.lines(best))))
        click.echo(f"{evaluate.summary(last)} -> {report.write(run)} · next: {last_call(run).make('sample')}")


@main.command("start")
@_run_option
@click.option("-o", "--output", type=_FOLDER, required=True, help="Of a new folder.")
@click.option("--rehearse", type=click.FloatRange(0, 1), default=0.0, help="Share of a batch in runs of its subject.")
def start_command(root: Path, output: Path, rehearse: float) -> None:
    """Keep a run's networks and some of its pictures in a small folder that other runs can begin from (INIT=)."""
    with exits(last_call(Run(root)).complete):
        from gan.train import start  # noqa: PLC0415

        origin = start.of_run(str(root), Run(root))
        start.write(replace(origin, rehearse=rehearse), output, small=True)
        kept = 0 if origin.squares is None else len(origin.squares)
        click.echo(f"{origin.images_seen:,} images of {origin.size}x{origin.size}, {kept:,} pictures -> {output}")


@main.command("presets")
def presets_command() -> None:
    """The table of presets: what each row changes from the first."""
    click.echo("defaults: " + _line(presets.plain(Values())))
    for name, row in presets.PRESETS.items():
        click.echo(f"\n{name}: " + _line(row))
    click.echo("\nwith INIT, in any row: " + _line(presets.TRANSFER))


def _line(row: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in row.items())


if __name__ == "__main__":
    main()
