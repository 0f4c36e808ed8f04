"""What each stage runs with: the second of Make's three rules.

A value stays what it last was until its variable is given or its section of the recipe is edited. settings/recipe/
remembers the sections as they were last seen, settings/model.sha256 what the model's files were, so that new weights
under an old name are new settings too.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag.disk import held, write_text
from scrapbag.errors import LockedError, RecipeError, UsageError, exits
from scrapbag.layout import Data, Run
from scrapbag.make import command, variables
from scrapbag.recipe import STAGES, dump, load, model_folder, remote, require_contact

if TYPE_CHECKING:
    from scrapbag.recipe import Recipe


def settle(
    recipe: Path, data: Data, run: Run, named: tuple[str, ...], overrides: tuple[str, ...], given: tuple[str, ...] = ()
) -> list[str]:
    """Write the settings of every stage that takes new ones, each only if it changed; returns the stages that did.

    `named` are the stages that the caller named, `given` which of DATA and RUN. [scrape] is taken only when scrape is
    named or has never run: an edited recipe does not ask the network. A stage that is at work keeps its settings.
    Raises RecipeError, UsageError, or LockedError for a variable of a stage at work, before anything is written.
    """
    plain, asked = load(recipe), load(recipe, overrides)
    call = command.called(recipe, data.root, run.root)
    for folder in (data, run):
        if folder.variable not in given:
            _require_own(call, folder)
    if not (data.catalog.exists() or {"scrape", "train"} & set(named)):
        _require_pictures(asked, data, recipe)
    files = {stage: run.asked if stage == "train" else data.settings_of(stage) for stage in STAGES}
    new = {}
    for stage, file in files.items():
        mine = tuple(one for one in overrides if one.partition(".")[0] == stage)
        before = _before(file, mine)
        edited = before is None or _seen(data, run, stage) != dump(plain, stage)
        if before is None or (edited or mine if stage != "scrape" else stage in named):
            new[stage] = asked if edited or before is None else before
    for stage in [one for one in new if held(run.root if one == "train" else data.root, one)]:
        if any(one.partition(".")[0] == stage for one in overrides) and dump(new[stage], stage) != _text(files[stage]):
            raise LockedError(f"{stage} is at work with other settings; wait for it or stop it, then say so again")
        del new[stage]
    if "scrape" in new:
        require_contact(new["scrape"], recipe)
    taken = [stage for stage, whole in new.items() if write_text(files[stage], dump(whole, stage))]
    for stage in new:
        write_text(_section(data, run, stage), dump(plain, stage))
    for folder in (data, run):
        write_text(folder.call, call.dump())
    model = model_folder(load(files["score"]).score.model)
    write_text(data.model_digests, _digests(model) if model else "")
    return taken


def kept(data: Data, run: Run, stage: str) -> dict[str, tuple[str, str]]:
    """The variables of make that a stage has kept from earlier calls: what it runs with, and what the recipe says."""
    now = getattr(load(run.asked if stage == "train" else data.settings_of(stage)), stage)
    recipe = getattr(load(_section(data, run, stage)), stage)
    names = {key: name for name, key in variables.SETS.items()}
    pairs = {
        names[f"{stage}.{one.name}"]: (_written(getattr(now, one.name)), _written(getattr(recipe, one.name)))
        for one in fields(STAGES[stage])
        if f"{stage}.{one.name}" in names
    }
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if "MINUTES" in differing and now.images == 0:
        differing.pop("IMAGES", None)  # what MINUTES alone comes to
    return differing


def _written(value: object) -> str:
    """A value as one writes it on make's command line."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _before(file: Path, overrides: tuple[str, ...]) -> Recipe | None:
    """What a stage last ran with, and `overrides` on it; None where it never ran, or by rules that no longer hold."""
    if not file.exists():
        return None
    try:
        load(file)
    except RecipeError:
        return None
    return load(file, overrides)


def _section(data: Data, run: Run, stage: str) -> Path:
    return run.section if stage == "train" else data.section_of(stage)


def _seen(data: Data, run: Run, stage: str) -> str:
    return _text(_section(data, run, stage))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _require_own(call: command.Call, folder: Data | Run) -> None:
    """Two recipes of one name would share a folder without a word. Raises RecipeError."""
    other = Path(command.last_call(folder).recipe or call.recipe)
    if other.exists() and not other.samefile(call.recipe):
        raise RecipeError(
            f"{folder.root} belongs to {other}, and {call.recipe} has the name {call.name!r} too;"
            f" give one of them another name, or write DATA= and RUN="
        )


def _require_pictures(recipe: Recipe, data: Data, path: Path) -> None:
    """Other people are asked by `make scrape`, or by `make train` where nothing is yet. Raises UsageError."""
    if asks := remote(recipe):
        empty = f"{data.root} is empty: nothing was scraped yet"
        try:
            require_contact(recipe, path)
        except RecipeError as error:
            raise UsageError(f"{empty}, and {error}; then run make scrape") from None
        raise UsageError(f"{empty}; run make scrape first, which asks {', '.join(one.name for one in asks)}")


def _digests(model: Path) -> str:
    """As sha256sum writes them; a file that is not there has no line."""
    lines = []
    for path in sorted(model.glob("*")):
        if path.suffix in {".json", ".safetensors"}:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines)


def _remembered(data: Data, run: Run, stage: str, overrides: tuple[str, ...]) -> str:
    """What a stage has kept from earlier calls and was not told again in this one, as a line; '' for nothing."""
    told = {override.partition("=")[0] for override in overrides}
    pairs = {name: pair for name, pair in kept(data, run, stage).items() if variables.SETS[name] not in told}
    words = ", ".join(f"{name}={now} (the recipe: {recipe})" for name, (now, recipe) in pairs.items())
    return f"{stage} keeps, from an earlier call: {words}" if words else ""


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--named", default="", help="The stages that were named, with spaces between.")
@click.option("--given", default="", help="Which of DATA and RUN were given, with a space between.")
@click.option("--set", "overrides", multiple=True, metavar="STAGE.KEY=VALUE", help="Override one value.")
def main(recipe: Path, data: Path, run: Path, named: str, given: str, overrides: tuple[str, ...]) -> None:
    """Write the settings of the stages that take new ones."""
    with exits(command.called(recipe, data, run).complete):
        settle(recipe, Data(data), Run(run), tuple(named.split()), overrides, tuple(given.split()))
        for stage in named.split():
            if said := _remembered(Data(data), Run(run), stage, overrides):
                click.echo(said)


if __name__ == "__main__":
    main()
