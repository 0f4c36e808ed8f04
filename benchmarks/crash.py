"""What SIGKILL costs: a stage is killed at chance moments, and must end as if it never had been."""

from __future__ import annotations

import json

import click

from scrapbag.errors import exits


@click.group()
def main() -> None:
    """Kill a stage again and again; the last line is JSON."""


@main.command()
@click.option("--kills", default=20, show_default=True, help="Of each preset.")
@click.option("--preset", "rows", multiple=True, help="Only these rows of the table of presets, or init.")
@click.option("--seed", default=0, show_default=True)
def train(kills: int, rows: tuple[str, ...], seed: int) -> None:
    """Training: SHA-256 over G, D and EMA against a run that was never killed."""
    from benchmarks.support import crash_train  # noqa: PLC0415 - the other commands need no torch

    found = crash_train.measure(kills, rows, seed)
    reached = {f"{one['preset']} equal": one["equal"] and one["kills"] == kills for one in found}
    click.echo(json.dumps({"figures": found, "reached": reached}))


@main.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--pages", default=3000, show_default=True, help="Items, with a picture each.")
@click.option("--seed", default=0, show_default=True)
def scrape(kills: int, pages: int, seed: int) -> None:
    """Crawling: what is kept, lost, doubled and asked for again."""
    from benchmarks.support import crash_scrape, site  # noqa: PLC0415 - the other commands need no nginx

    with exits():
        site.need()
    figures, promises = crash_scrape.measure(kills, pages, seed)
    click.echo(json.dumps({"figures": figures, "reached": promises}))


@main.command()
@click.option("--kills", default=10, show_default=True)
@click.option("--pictures", default=2000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def shards(kills: int, pictures: int, seed: int) -> None:
    """Scoring by ENGINE=ray: workers and drivers are killed by lot; the files must be those of a calm run."""
    from benchmarks.engines import crash_shards  # noqa: PLC0415 - the other commands need no Ray

    figures, promises = crash_shards.measure(kills, pictures, seed)
    click.echo(json.dumps({"figures": figures, "reached": promises}))


if __name__ == "__main__":
    main()
