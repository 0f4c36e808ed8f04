"""python -m spiders: sites -> pictures."""

from __future__ import annotations

from pathlib import Path

import click

from scrapbag.disk import lock
from scrapbag.errors import exits
from scrapbag.layout import Data
from scrapbag.programs import CHROMIUM
from scrapbag.recipe import load, require_contact


@click.group()
def main() -> None:
    """Find pictures and keep them, each with where it came from and under which licence."""


@main.command()
@click.option("--data", "root", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--source", "name", help="This source of the recipe only.")
@click.option("--retry", type=click.Choice(["failed"]), help="Ask again for what failed.")
@click.option("--fresh", is_flag=True, help="Read every page anew, changed or not; pictures are kept.")
def scrape(root: Path, name: str | None, retry: str | None, *, fresh: bool) -> None:
    """Crawl the sources of settings/scrape.toml; goes on where it was stopped."""
    with exits():
        from spiders.engine.export import export  # noqa: PLC0415  Scrapy takes a second to import
        from spiders.engine.run import choose, run  # noqa: PLC0415
        from spiders.engine.summary import check, summary  # noqa: PLC0415

        data = Data(root)
        recipe = load(data.settings_of("scrape"))
        require_contact(recipe)
        with lock(data.root, "scrape"):
            sources, waiting = choose(recipe, name)
            for source in waiting:
                click.echo(f"skipping {source.name}: it needs {CHROMIUM}", err=True)
            crawled = run(data, recipe, sources, retry=retry is not None, fresh=fresh)
            export(data)
        click.echo(summary(crawled, data.scrape_csv, recipe.scrape.limit))
        check(crawled, recipe.scrape.max_fail)


if __name__ == "__main__":
    main()
