"""The recipes that are shipped, and the examples in the handbook of sources."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from making import ROOT

from scrapbag.crawl.frontier import Page
from scrapbag.errors import RecipeError
from scrapbag.recipe import load, require_contact
from scrapbag.sources import KINDS
from spiders.readers.kinds import reader

EXAMPLES = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "sources.md").read_text("utf-8"), re.DOTALL)
SHIPPED = ("quilts", "handbags", "blouses", "heels", "textures", "faces")
FORBID = ("amazon", "therealreal", "rebag", "zappos.com")  # in their terms


@pytest.mark.parametrize("example", EXAMPLES, ids=[re.findall(r'kind = "(\w+)"', one)[0] for one in EXAMPLES])
def test_every_example_in_the_handbook_is_a_recipe_that_loads_and_starts(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMITHSONIAN_API_KEY", "KEY")
    path = tmp_path / "example.toml"
    path.write_text(example)
    recipe = load(path)
    require_contact(recipe)
    for source in recipe.sources:
        if source.kind not in ("folder", "urls"):
            assert any(isinstance(page, Page) for page in reader(source, recipe.scrape).start())


def test_the_handbook_has_an_example_of_every_kind() -> None:
    assert set(re.findall(r'kind = "(\w+)"', "".join(EXAMPLES))) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_handbook_explains_every_key_of_every_kind(kind: str) -> None:
    text = (ROOT / "docs" / "sources.md").read_text("utf-8")
    chapter = (
        text.partition(f"\n## {kind}\n")[2].partition("\n## ")[0] + text.partition("Keys that every kind has")[2][:900]
    )
    keys = {one.name for one in fields(KINDS[kind])}
    assert not {key for key in keys if f"`{key}`" not in chapter}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_loads_and_asks_nobody_without_a_contact(name: str) -> None:
    recipe = load(ROOT / "recipes" / f"{name}.toml")
    assert recipe.name == name
    if all(source.local for source in recipe.sources):
        require_contact(recipe)
        return
    with pytest.raises(RecipeError, match="write contact = ") as error:
        require_contact(recipe)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_names_no_place_that_forbids_crawlers(name: str) -> None:
    text = (ROOT / "recipes" / f"{name}.toml").read_text("utf-8").lower()
    addresses = re.findall(r"https?://([^/\"\s]+)", text)
    assert not [one for one in addresses if any(word in one for word in FORBID)]
    assert not [one for one in re.findall(r'start = \["https?://([^/"]+)', text) if not one.endswith(".example")]


def test_a_key_is_asked_for_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMITHSONIAN_API_KEY", raising=False)
    recipe = load(ROOT / "recipes" / "quilts.toml")
    smithsonian = next(source for source in recipe.sources if source.kind == "smithsonian")
    with pytest.raises(RecipeError, match="api_key_file"):
        reader(smithsonian, recipe.scrape)


@pytest.mark.parametrize(
    ("kind", "table", "sentence"),
    [
        ("commons", 'category = "Quilts"', "per_host = 1"),
        ("artic", 'query = "quilt"', "delay_s = 1.0"),
    ],
)
def test_an_owners_pace_is_kept_to(kind: str, table: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "hasty.toml"
    path.write_text(f'[scrape]\ndelay_s = 0.1\nper_host = 8\n[[source]]\nkind = "{kind}"\n{table}\n')
    recipe = load(path)
    with pytest.raises(RecipeError, match=sentence):
        reader(recipe.sources[0], recipe.scrape)


@pytest.mark.parametrize(
    ("name", "preset", "size", "targets"),
    [
        ("quilts", "auto", 128, ("n04033995",)),
        ("handbags", "dcgan64", 64, ("n04026417",)),
        ("blouses", "dcgan256", 256, ()),
        ("heels", "dcgan256", 256, ()),
        ("textures", "texture", 64, ()),
        ("faces", "balanced-cpu", 64, ()),
    ],
)
def test_a_shipped_recipe_asks_for_what_its_seed_wished(
    name: str, preset: str, size: int, targets: tuple[str, ...]
) -> None:
    recipe = load(ROOT / "recipes" / f"{name}.toml")
    assert (recipe.train.preset, recipe.curate.size, recipe.curate.targets) == (preset, size, targets)
