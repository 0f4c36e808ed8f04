"""Which sources of a recipe are crawled: those that lack something are passed over, and what they lack is said."""

from __future__ import annotations

import pytest

from scrapbag.errors import MissingError, RecipeError, UsageError
from scrapbag.recipe import load
from spiders.engine.run import choose

MET = '[[source]]\nkind = "met"\nquery = "quilt"\n'
KEYLESS = '[[source]]\nkind = "smithsonian"\nquery = "quilt"\n'
SCRIPTED = '[[source]]\nkind = "gallery"\nstart = ["https://shop.example"]\nimage = "img"\nbrowser = true\n'


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.delenv("SMITHSONIAN_API_KEY", raising=False)

    def loaded(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return loaded


def test_a_source_whose_key_is_missing_is_passed_over_and_the_file_is_named(recipe):
    sources, waiting = choose(recipe(MET + KEYLESS), None, "recipes/mine.toml")
    assert [one.name for one in sources] == ["met"]
    assert list(waiting) == ["smithsonian"]
    assert waiting["smithsonian"].startswith("a key, free from https://")
    assert waiting["smithsonian"].endswith("SMITHSONIAN_API_KEY=… in your shell, or api_key_file in recipes/mine.toml")


def test_with_its_key_it_is_asked(recipe, monkeypatch):
    monkeypatch.setenv("SMITHSONIAN_API_KEY", "K")
    sources, waiting = choose(recipe(MET + KEYLESS), None, "mine.toml")
    assert ([one.name for one in sources], waiting) == (["met", "smithsonian"], {})


def test_where_nothing_else_is_asked_it_is_an_error_of_the_recipe(recipe):
    with pytest.raises(RecipeError, match=r"^smithsonian needs a key, .*api_key_file in mine\.toml"):
        choose(recipe(MET + KEYLESS), "smithsonian", "mine.toml")


def test_a_source_that_needs_a_browser_is_passed_over_where_there_is_none(recipe, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    sources, waiting = choose(recipe(MET + SCRIPTED), None, "mine.toml")
    assert ([one.name for one in sources], list(waiting)) == (["met"], ["gallery"])
    with pytest.raises(MissingError, match="gallery needs Chromium"):
        choose(recipe(SCRIPTED), None, "mine.toml")


def test_a_name_that_no_source_has_is_answered_with_those_that_there_are(recipe):
    with pytest.raises(UsageError, match="it has met, smithsonian"):
        choose(recipe(MET + KEYLESS), "louvre", "mine.toml")
