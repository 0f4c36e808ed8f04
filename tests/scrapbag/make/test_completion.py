"""Completion in a real bash: targets, variables, and the values of a variable behind its =."""

from __future__ import annotations

import subprocess
from typing import get_args, get_type_hints

import pytest
from making import READY, ROOT, environment

from curate.squares import CAPTIONS, FORMS, SIDES
from scrapbag import recipe
from scrapbag.make import completion


@pytest.fixture(scope="module")
def script():
    words = ["make", "--no-print-directory", *READY, "completion"]
    return subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True).stdout


def completed(script, *words, cwd=ROOT):
    """What bash offers for the last of the words, as readline splits them."""
    given = " ".join(f"'{word}'" for word in ("make", *words))
    program = f'{script}\nCOMP_WORDS=({given}); COMP_CWORD={len(words)}; _scrapbag; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", program], cwd=cwd, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [(["scr"], ["scrape"]), (["THR"], ["THRESH="]), (["curate", "MIN"], ["MINUTES="]),
     (["export", "AS", "=", "cap"], ["captions"]), (["export", "AS", "="], completion._VALUES["AS"].split()),
     (["curate", "THRESH", "=", "0.9", "FI"], ["FIT="]), (["RECIPE", "=", "recipes/qu"], ["recipes/quilts.toml"])],
)  # fmt: skip
def test_a_word_is_completed(script, words, offered):
    assert sorted(set(completed(script, *words))) == sorted(offered)


def test_elsewhere_it_offers_nothing(script, tmp_path):
    assert completed(script, "scr", cwd=tmp_path) == []


def test_its_values_are_those_that_are_taken():
    known = {"SIDE": SIDES, "AS": (*FORMS, CAPTIONS, "png")}
    hints = get_type_hints(recipe.Curate) | get_type_hints(recipe.Score)
    known |= {name: get_args(hints[name.lower()]) for name in ("FIT", "BY", "BACKEND", "DTYPE")}
    assert {name: set(values.split()) for name, values in completion._VALUES.items()} == {
        name: set(values) for name, values in known.items()
    }
