"""The words of a call of make: variables, targets and recipes are known or refused in one sentence, before any work."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from making import READY, ROOT, environment, make

from docs import reading
from scrapbag.make.variables import SETS, VARIABLES
from scrapbag.recipe import load

if TYPE_CHECKING:
    from pathlib import Path


def said(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make WORDS` at the root, with `variables` in the environment."""
    return subprocess.run(
        ["make", "--no-print-directory", *READY, *words], cwd=ROOT, env=environment() | variables,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a call that was refused."""
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("written", "meant"),
    [("TRESH=0.5", "THRESH"), ("THRESHOLD=0.5", "THRESH"), ("thresh=0.5", "THRESH"), ("MINUTE=3", "MINUTES"),
     ("RECIPIE=x.toml", "RECIPE"), ("EXTRAS=openvino", "EXTRA"), ("TORCHINDEX=x", "TORCH_INDEX")],
)  # fmt: skip
@pytest.mark.parametrize("target", ["curate", "help"])
def test_a_misspelt_variable_is_refused_and_the_right_one_is_named(target: str, written: str, meant: str) -> None:
    assert f"{written.partition('=')[0]}: did you mean {meant}?" in refused(said(target, written))


def test_a_variable_that_nobody_reads_is_refused() -> None:
    assert "there is no variable FOO" in refused(said("status", "FOO=1", "DATA=/nowhere"))


def test_a_slip_in_the_environment_is_refused_and_other_programs_variables_are_not() -> None:
    assert "did you mean THRESH?" in refused(said("-n", "curate", TRESH="0.5"))
    # fmt: off
    others = {"CC": "gcc", "CFLAGS": "-O2", "AR": "ar", "AS": "x86_64-as", "FC": "gfortran", "MODELS": "/srv/models",
              "IMAGE": "debian:13", "MODE": "production", "DATE": "2026", "TERM": "xterm", "LOG_LEVEL": "3",
              "DATABASE_URL": "postgres://db/x", "HOST": "x86_64-conda"}
    # fmt: on
    assert said("-n", "export", **others).returncode == 0


@pytest.mark.parametrize(("target", "name"), [("score", "ENGINE"), ("serve", "PORT"), ("train", "PROCESSES")])
def test_a_value_reaches_its_command_in_one_piece_and_no_shell_reads_it(target: str, name: str) -> None:
    done = said("-n", target, "RECIPE=recipes/demo.toml", f"{name}=a 'b'; exit 9")
    assert f"--{name.lower()} 'a '\\''b'\\''; exit 9'" in done.stdout


@pytest.mark.parametrize(("goal", "near"), [("scrap", "scrape"), ("curat", "curate"), ("exprot", "export")])
def test_an_unknown_target_names_the_near_one_and_the_help(goal: str, near: str) -> None:
    sentence = refused(said(goal))
    assert f"there is no make {goal}; did you mean make {near}?" in sentence
    assert "make help" in sentence
    assert f"there is no make {goal}" in refused(said("train", goal)), "before anything is trained"


@pytest.mark.parametrize("target", ["status", "curate", "sample", "clean"])
def test_a_recipe_that_is_not_there_is_one_sentence(target: str) -> None:
    assert "there is no recipe missing.toml; write RECIPE=" in refused(said(target, "RECIPE=missing.toml"))
    for slip in ("recipes/quilt.toml", "quilts", "Recipes/quilts.tml"):
        assert f"there is no recipe {slip}; did you mean RECIPE=recipes/quilts.toml?" in refused(
            said(target, f"RECIPE={slip}")
        )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('name = "mine"\n', "mine"),
        ("name = 'mine'  # not \"yours\"\n", "mine"),
        ('# name = "other"\n"name" = "mine"\n', "mine"),
        ('[[source]]\nname = "drawn"\nkind = "folder"\npath = "x"\n', "file"),
        ('x = """\nname = "other"\n"""\n', "file"),
    ],
    ids=["double", "single", "quoted", "none", "text"],
)
def test_the_folders_are_named_as_the_recipe_is(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "file.toml").write_text(text, encoding="utf-8")
    done = said("-n", "sample", "evaluate", f"RECIPE={tmp_path}/file.toml", "DATA=x")
    assert f"--run 'runs/{name}'" in done.stdout, done.stderr
    assert f"--data 'data/{name}'" in said("-n", "status", f"RECIPE={tmp_path}/file.toml").stdout


@pytest.mark.parametrize("target", sorted(reading.targets()))
def test_every_target_of_the_help_can_be_called_bare(target: str) -> None:
    done = said("-n", target)
    assert done.returncode == 0, done.stderr
    assert "--as as" not in done.stdout


@pytest.mark.parametrize(
    ("words", "environs", "form"),
    [((), {}, "folder"), (("AS=zip",), {}, "zip"), ((), {"AS": "parquet"}, "parquet"), ((), {"AS": "x86-as"}, "folder"),
     (("AS=tar",), {}, "tar")],
)  # fmt: skip
def test_the_form_of_an_export_is_no_assembler(words: tuple[str, ...], environs: dict[str, str], form: str) -> None:
    assert said("-n", "export", *words, **environs).stdout.rstrip().endswith(f"--as {form}")


def test_no_other_variable_of_ours_is_one_that_make_sets_itself() -> None:
    printed = subprocess.run(
        ["make", "-p", "-f", "-", "x"], input="x: ;", capture_output=True, text=True, check=False, env=environment()
    ).stdout
    own = set(re.findall(r"# default\n([A-Z_]+) [:?]?= ", printed))
    assert {"CC", "AS"} <= own
    assert VARIABLES & own == {"AS"}


def test_the_known_variables_are_those_of_the_makefile() -> None:
    known = reading.variables()
    assert known.keys() == VARIABLES
    assert {name: key for name, (becomes, _) in known.items() for key in becomes if "." in key} == {
        name: f"`{key}`" for name, key in SETS.items()
    }


def test_help_starts_no_python(tmp_path: Path) -> None:
    assert said("help", f"VENV={tmp_path}", "PYTHON=/nowhere/python").returncode == 2, "a variable has to be looked at"
    assert said("help", PATH="/usr/bin:/bin", PYTHON="/nowhere/python", VENV=str(tmp_path)).returncode == 0


@pytest.mark.parametrize("name", ["RECIPE", "DATA", "RUN"])
def test_a_folder_without_a_name_is_one_sentence(name: str) -> None:
    assert f"{name} is empty" in refused(said("clean", f"{name}="))


@pytest.mark.parametrize("name", ["DATA", "RUN"])
def test_an_address_is_no_folder_and_the_sentence_names_store(name: str) -> None:
    assert "make push STORE=s3://bucket/x sends the dataset" in refused(said("status", f"{name}=s3://bucket/x"))


@pytest.mark.parametrize("name", ["RECIPE", "DATA", "RUN"])
def test_a_name_with_a_space_is_one_sentence(name: str) -> None:
    assert f"{name} may have no spaces" in refused(said("status", f"{name}=my own"))


def test_a_recipe_whose_name_has_a_space_is_one_sentence(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "My Quilts"\n', encoding="utf-8")
    assert "name is 'My Quilts'; write small letters" in refused(said("curate", f"RECIPE={recipe}"))


def test_help_names_every_target_that_a_user_calls() -> None:
    done = make(["make", "help"])
    assert done.returncode == 0
    named = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"demo", "test", "scrape", "curate", "review", "report", "train", "sample", "export", "status"} <= named
    used = set(re.findall(r"make ([a-z]+)", readme))
    assert used <= named, used - named


def test_init_is_passed_on_and_an_empty_one_takes_it_back(tmp_path: Path) -> None:
    folders = f"DATA={tmp_path}/data", f"RUN={tmp_path}/run", "RECIPE=recipes/demo.toml"
    for written, sets in (("INIT=runs/x", ["train.init=runs/x"]), ("INIT=", ["train.init="]), ("MINUTES=1", [])):
        passed = re.findall(r"--set '(train\.init=\S*)'", said("-n", "train", written, *folders).stdout)
        assert passed == sets
        assert load(ROOT / "recipes" / "demo.toml", tuple(passed)).train.init == written.removeprefix("INIT=") * len(
            sets
        )
