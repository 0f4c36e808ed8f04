"""Any recipe that can be written is read back as it was: drawn from the very types that the checks read."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapbag.check import Between, build
from scrapbag.errors import RecipeError
from scrapbag.recipe import LITE, STAGES, Recipe, dump, load
from scrapbag.sources import KINDS

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SIMPLE = {str: TEXTS, bool: st.booleans(), int: st.integers(-(2**53), 2**53), float: st.floats(-1e9, 1e9)}

FORMS = {  # of texts that have one
    "api_key_env": st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True),
    "allow_hosts": st.lists(st.sampled_from(["localhost", "localhost:80", "[::1]:8080", "10.0.0.1"]), max_size=4).map(
        tuple
    ),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """What a key of this type may hold."""
    if get_origin(hint) is Annotated:
        kind, bounds = get_args(hint)
        assert isinstance(bounds, Between)
        high = min(bounds.high, 2.0**53)
        return st.integers(int(bounds.low), int(high)) if kind is int else st.floats(bounds.low, high)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=4).map(tuple)
    return SIMPLE[hint]


def tables(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of a section: every key that has to be there, and any of the others."""
    hints = get_type_hints(cls, include_extras=True)
    names = [one.name for one in fields(cls) if one.name not in {"full", "actions", "match"}]
    known = {name: FORMS[name] if name in FORMS else values(hints[name]) for name in names}
    needed = {one.name for one in fields(cls) if one.default is MISSING and one.name in known}
    return st.fixed_dictionaries(
        {name: known[name] for name in needed},
        optional={name: one for name, one in known.items() if name not in needed},
    )


@settings(deadline=None)
@given(sections=st.fixed_dictionaries({name: tables(cls) for name, cls in STAGES.items()}), data=st.data())
def test_a_recipe_that_was_written_down_by_stage_is_read_back_as_it_was(tmp_path_factory, sections, data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=3, unique=True))
    sources = [{**data.draw(tables(KINDS[kind])), "kind": kind, "name": kind} for kind in kinds]
    path = tmp_path_factory.mktemp("recipe") / "some.toml"
    path.write_text(tomli_w.dumps({"name": "some", **sections, "source": sources}), encoding="utf-8")
    recipe = load(path)
    for stage in STAGES:
        built = build(STAGES[stage], sections[stage], stage)
        if stage == "score" and "model" not in sections["score"] and not recipe.curate.targets:
            built = replace(built, model=LITE)
        assert getattr(recipe, stage) == built
        path.write_text(dump(recipe, stage), encoding="utf-8")
        again: Recipe = load(path)
        assert getattr(again, stage) == getattr(recipe, stage)
        assert again.sources == (recipe.sources if stage == "scrape" else ())


@pytest.mark.parametrize("cls", [*STAGES.values(), *KINDS.values()])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_value_of_another_type_or_out_of_bounds_is_refused_by_name(cls, data):
    hints = get_type_hints(cls, include_extras=True)
    table = data.draw(tables(cls))
    for name in (one.name for one in fields(cls) if one.name != "actions"):
        wrong: list[Any] = [{}, [[]]]
        if get_origin(hints[name]) is Annotated:
            bounds = get_args(hints[name])[1]
            wrong += [bounds.low - 1, *([bounds.high + 1] if bounds.high < 2**53 else []), float("nan"), "1", True]
        for value in wrong:
            with pytest.raises(RecipeError, match=name):
                build(cls, {**table, name: value}, "a recipe")
