"""The built wheel, in a venv of its own and without this checkout: it brings all that the commands need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
from making import ROOT
from PIL import Image

from demo.drawing.small_quilts import quilt

pytestmark = pytest.mark.slow
PACKAGES = ("scrapbag", "spiders", "pipelines", "curate", "gan", "show", "demo")


def run(*words, cwd):
    """A command in a folder, without any hint at this checkout in the environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COVERAGE"))}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, because building leaves folders behind."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    program = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    run(sys.executable, "-c", program, cwd=copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A venv's python that has the wheel, and the libraries of this one but nothing that its .pth files would add."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True, symlinks=True)
    made = folder / "bin" / "python"
    run(made, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    site = run(made, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (folder / site / "libraries.pth").write_text("".join(f"{one}\n" for one in sorted(libraries)))
    return made


def test_the_wheel_has_every_file_of_the_packages(wheel):
    ours = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.*")}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in ours if "__pycache__" not in name} <= set(archive.namelist())


def test_its_modules_and_no_others_of_that_name_are_imported(python, tmp_path):
    program = f"import {', '.join(PACKAGES)}; print(*(one.__file__ for one in ({', '.join(PACKAGES)})), sep=chr(10))"
    files = run(python, "-c", program, cwd=tmp_path).split()
    assert len(files) == len(PACKAGES)
    assert all(file.startswith(str(python.parents[1])) for file in files)


def test_commands_of_every_stage_answer_from_an_empty_folder(python, tmp_path):
    assert "score" in run(python, "-m", "curate", "--help", cwd=tmp_path)
    assert "auto-cpu" in run(python, "-m", "gan", "presets", cwd=tmp_path)
    assert "with-shop" in run(python, "-m", "demo", "--help", cwd=tmp_path)


def test_two_pictures_are_scraped_and_scored_by_the_model_that_it_brings(python, tmp_path):
    (tmp_path / "files").mkdir()
    for number in range(2):
        Image.fromarray(quilt(number, 64)).save(tmp_path / "files" / f"{number}.png")
    recipe = 'name = "two"\n[[source]]\nkind = "folder"\npath = "files"\n[score]\nmodel = "demo"\n'
    (tmp_path / "two.toml").write_text(recipe)
    folders = ("--data", "data", "--run", "run")
    run(python, "-m", "scrapbag.settings", "two.toml", *folders, "--named", "scrape score", cwd=tmp_path)
    run(python, "-m", "spiders", "scrape", "--data", "data", cwd=tmp_path)
    assert "scored 2 new of 2 pictures with demo" in run(
        python, "-m", "curate", "score", "--data", "data", cwd=tmp_path
    )
