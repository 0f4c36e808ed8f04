"""The next command: what it names, and that a shell and make hand the same words on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from making import environment

from scrapbag.layout import Data, Run
from scrapbag.make.command import Call, called, last_call


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (Call("q", "recipes/q.toml", "data/q", "runs/q"), "make train RECIPE=recipes/q.toml MINUTES=60"),
        (Call("q", "r.toml", "data/q", "runs/b"), "make train RECIPE=r.toml RUN=runs/b MINUTES=60"),
        (Call("q", "r.toml", "/big/q", "runs/q"), "make train RECIPE=r.toml DATA=/big/q MINUTES=60"),
        (Call("q", "a & b.toml", "data/q", "runs/q"), "make train RECIPE='a & b.toml' MINUTES=60"),
        (Call(data="data/q"), "make train MINUTES=60"),
    ],
)
def test_a_command_names_the_recipe_and_the_folders_that_are_not_its_own(call, command):
    assert call.make("train", MINUTES=60, SEED="", LEVEL=None) == command
    assert call.complete("next: make train MINUTES=60") == f"next: {command}"


def test_a_sentence_is_completed_once_and_other_words_stay():
    call = Call("q", "r.toml", "data/q", "runs/q")
    said = "run make curate, then make train; make setup EXTRA=web, make sampled, make it"
    whole = "run make curate RECIPE=r.toml, then make train RECIPE=r.toml; make setup EXTRA=web, make sampled, make it"
    assert call.complete(said) == whole
    assert call.complete(whole) == whole


@pytest.mark.parametrize("name", ["it's", 'a"b', "a$b", "a&b", "(a)", "a;b", "ä*"])
def test_a_shell_and_make_hand_a_path_on_as_it_is(tmp_path, name):
    (tmp_path / "Makefile").write_text("quoted = '$(subst ','\\'',$(1))'\ntrain: ; @echo $(call quoted,$(RECIPE))\n")
    command = Call("q", name, "data/q", "runs/q").make("train")
    shell = ["sh", "-c", command]
    printed = subprocess.run(shell, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True).stdout
    assert printed == f"{name}\n"


def test_how_make_was_called_is_read_where_the_folder_is_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text('name = "q"\n')
    call = called(tmp_path / "r.toml", Path("data/q"), Path("./runs//b"))
    assert call == Call("q", "r.toml", "data/q", "runs/b")
    for folder in (Data(Path("data/q")), Run(Path("runs/b"))):
        folder.call.parent.mkdir(parents=True)
        folder.call.write_text(call.dump())
        assert last_call(folder) == call
    Path("data").rename("elsewhere")
    assert last_call(Data(tmp_path / "elsewhere/q")) == Call("q", "r.toml", "elsewhere/q", "runs/b")


@pytest.mark.parametrize("noted", [None, "", "not = [toml", "strange = 1\n", 'name = "q"\n'])
def test_without_a_note_the_target_stands_alone(tmp_path, noted):
    data = Data(tmp_path / "q")
    data.call.parent.mkdir(parents=True)
    if noted is not None:
        data.call.write_text(noted)
    assert last_call(data).make("curate", THRESH=0.8) == "make curate THRESH=0.8"
