"""A recipe: every value checked, every mistake one sentence that says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import ROOT

from scrapbag.errors import RecipeError
from scrapbag.recipe import STAGES, dump, load, require_contact

RECIPES = sorted((ROOT / "recipes").glob("*.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("stage", STAGES)
def test_the_settings_of_a_stage_load_back_to_the_same_values(path: Path, stage: str, tmp_path: Path) -> None:
    recipe = load(path)
    settings = tmp_path / "settings.toml"
    settings.write_text(dump(recipe, stage), encoding="utf-8")
    again = load(settings)
    assert getattr(again, stage) == getattr(recipe, stage)
    assert stage != "scrape" or again.sources == recipe.sources


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[curate]\nthreshold = 1.9", "threshold is 1.9; write a number from 0 to 1"),
        ("[curate]\ntreshold = 0.9", "has no key 'treshold'; did you mean 'threshold'?"),
        ("[curate]\nsize = '64'", "size is '64'; write a whole number"),
        ("[curate]\nsize = true", "size is True; write a whole number"),
        ("[curate]\ntargets = 'quilt'", "targets is 'quilt'; write a list"),
        ("[curate]\nfit = 'stretch'", "fit is 'stretch'; write one of crop, white"),
        ("[scrape]\nlimit = 0", "limit is 0; write a number at least 1"),
        ("[scarpe]\nlimit = 1", "there is no [scarpe]"),
        ("name = '../up'", "name is '../up'; write small letters"),
        ("name = ", "is not TOML"),
        ("[source]\nkind = 'folder'", "write [[source]], twice bracketed"),
        ("[[source]]\nkind = 'ftp'", "source 1 kind is 'ftp'; write one of gallery"),
        ("[[source]]\nkind = 'folder'", "needs path"),
        ("[[source]]\nkind='folder'\npath='a'\n[[source]]\nkind='folder'\npath='b'", "two sources are named 'folder'"),
        ("[[source]]\nkind='gallery'\nstart=['x']\nimage='img'\nactions=[['click','a']]", "add browser = true"),
        (
            "[[source]]\nkind='gallery'\nstart=['x']\nimage='img'\nfull=['a(b)', '\\9']",
            "which is no regular expression: invalid group reference 9",
        ),
    ],
    ids=lambda value: value[:28] if isinstance(value, str) else None,
)
def test_a_mistake_is_one_sentence_that_says_what_to_write(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        load(write(tmp_path, text))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "overrides", "model"),
    [
        ("[curate]\ntargets = []", (), "lite0"),
        ("", ("score.backend=torch",), "lite0"),
        ("[score]\nmodel = 'none'\n[curate]\ntargets = []", (), "none"),
        ("[curate]\ntargets = []", ("score.model=resnet50.tv_in1k",), "resnet50.tv_in1k"),
        ("[curate]\ntargets = ['quilt']", (), "resnet50.tv_in1k"),
    ],
    ids=["no targets", "no section", "named", "given", "targets"],
)
def test_who_asks_no_classifier_needs_no_download(
    text: str, overrides: tuple[str, ...], model: str, tmp_path: Path
) -> None:
    assert load(write(tmp_path, text), overrides).score.model == model


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no recipe"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("value", "threshold"),
    [("0.5", 0.5), (".5", 0.5), ("1", 1.0), ("1.", 1.0)],
    ids=["plain", "no nought", "whole", "dot"],
)
def test_a_number_is_read_as_people_write_it(value: str, threshold: float, tmp_path: Path) -> None:
    recipe = load(write(tmp_path, ""), (f"curate.threshold={value}",))
    assert recipe.curate.threshold == threshold


def test_who_asks_other_peoples_servers_says_who_they_are(tmp_path: Path) -> None:
    shop = "[[source]]\nkind = 'shopify'\nstart = ['{}']\n"
    with pytest.raises(RecipeError, match="contact"):
        require_contact(load(write(tmp_path, shop.format("https://shop.example"))))
    signed = "[scrape]\ncontact = 'me@example.org'\n" + shop.format("https://shop.example")
    require_contact(load(write(tmp_path, signed)))
    own = "[scrape]\nallow_hosts = ['127.0.0.1:8000']\n" + shop.format("http://127.0.0.1:8000/")
    require_contact(load(write(tmp_path, own)))
    require_contact(load(write(tmp_path, "[[source]]\nkind = 'folder'\npath = 'pictures'\n")))
