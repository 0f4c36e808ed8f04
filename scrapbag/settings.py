"""What each stage runs with: the second of Make's three rules.

A stage takes new settings when it is named, when it is given one of its variables, or when its section of the recipe
was edited; otherwise it keeps what it last ran with. settings/recipe/ remembers the sections as they were last seen,
settings/model.sha256 what the model's files were, so that new weights under an old name are new settings too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from scrapbag.disk import write_text
from scrapbag.errors import exits
from scrapbag.layout import Data, Run
from scrapbag.recipe import STAGES, dump, load, model_folder, require_contact


def settle(recipe: Path, data: Data, run: Run, named: tuple[str, ...], overrides: tuple[str, ...]) -> list[str]:
    """Write the settings of every stage that takes new ones, each only if it changed; returns the stages that did.

    [scrape] is taken only when scrape is named or has never run: an edited recipe does not ask the network.
    Raises RecipeError before anything is written.
    """
    plain, asked = load(recipe), load(recipe, overrides)
    given = {override.partition(".")[0] for override in overrides}
    files = {stage: run.asked if stage == "train" else data.settings_of(stage) for stage in STAGES}
    taken = []
    for stage, file in files.items():
        seen = run.section if stage == "train" else data.section_of(stage)
        section = dump(plain, stage)
        edited = not seen.exists() or seen.read_text(encoding="utf-8") != section
        fresh = stage in named or not file.exists()
        if fresh or (stage != "scrape" and (stage in given or edited)):
            if stage == "scrape":
                require_contact(asked)
            if write_text(file, dump(asked, stage)):
                taken.append(stage)
            write_text(seen, section)
    model = model_folder(load(files["score"]).score.model)
    write_text(data.model_digests, _digests(model) if model else "")
    return taken


def _digests(model: Path) -> str:
    """As sha256sum writes them; a file that is not there has no line."""
    lines = []
    for path in sorted(model.glob("*")):
        if path.suffix in {".json", ".safetensors"}:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines)


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--named", default="", help="The stages that were named, with spaces between.")
@click.option("--set", "overrides", multiple=True, metavar="STAGE.KEY=VALUE", help="Override one value.")
def main(recipe: Path, data: Path, run: Path, named: str, overrides: tuple[str, ...]) -> None:
    """Write the settings of the stages that take new ones."""
    with exits():
        settle(recipe, Data(data), Run(run), tuple(named.split()), overrides)


if __name__ == "__main__":
    main()
