"""python -m spiders: sites -> pictures."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag.disk import lock
from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.make.command import last_call
from scrapbag.make.options import Stages
from scrapbag.recipe import load, require_contact
from scrapbag.workers.engines import ENGINES

if TYPE_CHECKING:
    from spiders.engine.run import Spread


@click.group(cls=Stages)
def main() -> None:
    """Find pictures and keep them, each with where it came from and under which licence."""


@main.command()
@click.option("--data", "root", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--source", "name", help="This source of the recipe only.")
@click.option(
    "--retry", type=click.Choice(["failed"]), help="Ask again for what failed, and for what is no usable picture."
)
@click.option("--fresh", is_flag=True, help="Read every page anew, and ask which pictures have changed.")
@click.option("--engine", "kind", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True)
@click.option("--workers", type=click.IntRange(1, 4096), help="processes of Ray; as many as cores")
def scrape(root: Path, name: str | None, retry: str | None, kind: str, workers: int | None, *, fresh: bool) -> None:
    """Crawl the sources of settings/scrape.toml; goes on where it was stopped."""
    call = last_call(Data(root))
    with exits(call.complete):
        from spiders.engine.export import export  # noqa: PLC0415  Scrapy takes a second to import
        from spiders.engine.run import choose, run  # noqa: PLC0415
        from spiders.engine.summary import check, summary  # noqa: PLC0415

        data = Data(root)
        recipe = load(data.settings_of("scrape"))
        written = call.recipe or str(data.settings_of("scrape"))
        require_contact(recipe, Path(written))
        with lock(data.root, "scrape"):
            sources, waiting = choose(recipe, name, written)
            for one, needs in waiting.items():
                click.echo(f"skipping {one}: it needs {needs}", err=True)
            several: AbstractContextManager[Spread | None] = nullcontext()
            if kind == "ray":
                from spiders.spread.command import spreading  # noqa: PLC0415  an extra

                several = spreading(data, recipe.scrape, sources, workers or 0)
            with several as spread:
                crawled = run(data, recipe, sources, retry=retry is not None, fresh=fresh, spread=spread)
            export(data)
        click.echo(call.complete(summary(crawled, data.scrape_csv, recipe.scrape.limit, recipe.scrape.max_fail)))
        check(crawled, recipe.scrape.max_fail)


@main.command("export")
@click.option("--data", "root", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
def write_export(root: Path) -> None:
    """Write report/scrape.csv from the catalog, however the last crawl ended. Asks no host."""
    call = last_call(Data(root))
    with exits(call.complete):
        from spiders.engine.export import export, waiting  # noqa: PLC0415

        export(Data(root))
        if left := waiting(Data(root)):
            said = f"the crawl was stopped: {left:,} requests wait; make scrape goes on with them"
            click.echo(call.complete(said), err=True)


if __name__ == "__main__":
    main()
