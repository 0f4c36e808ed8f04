"""What the documents say of this repository: tables as the code has them, links and commands that exist."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.util import find_spec
from typing import get_args, get_type_hints

import numpy as np
import pytest
from making import ROOT
from PIL import Image

from curate.rows import Row
from docs import fits, site, tables
from docs.reading import PACKAGES, comments, variables
from gan.nets.values import Values
from scrapbag import reasons, recipe, sources

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/*.md"), *ROOT.glob("demo/**/*.md")])
FOLDERS = "scrapbag|spiders|pipelines|curate|gan|demo|tests|benchmarks|docs|recipes|[.]github|[.]ci"
pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def test_the_tables_are_what_the_code_says():
    pages = [path.read_text(encoding="utf-8") for path in tables.PAGES]
    assert [tables.written(page) for page in pages] == pages, "run make docs-tables"
    assert all(any(f"<!-- {name} -->" in page for page in pages) for name in tables.TABLES)


@pytest.mark.parametrize("fit", fits.FITS)
def test_the_picture_of_a_fit_is_what_the_code_makes(fit):
    with Image.open(ROOT / "docs" / f"fit-{fit}.webp") as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    drawn = np.asarray(fits.sheet(fit)).astype(int)
    assert shown.shape == drawn.shape
    assert np.abs(shown - drawn).mean() < 4, "run python -m docs.fits"  # it is compressed


def test_every_preset_is_for_somebody_and_every_key_is_on_the_page_of_the_recipe():
    text = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    table = text.partition("## Which preset is for whom")[2].partition("\n## ")[0]
    assert set(get_args(get_type_hints(recipe.Train)["preset"])) <= set(re.findall("`([a-z0-9-]+)`", table))
    for cls in (*recipe.STAGES.values(), *sources.KINDS.values()):
        assert not [one.name for one in fields(cls) if f"| `{one.name}` |" not in text]


@pytest.mark.parametrize("cls", [*recipe.STAGES.values(), sources.Source, *sources.KINDS.values(), Values, Row])
def test_every_key_column_and_value_says_what_it_is(cls):
    assert comments(cls).keys() >= {one.name for one in fields(cls)}


@pages
def test_a_link_leads_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            assert other.exists(), f"{target} is not there"
            if anchor:
                assert anchor in _anchors(other.read_text(encoding="utf-8")), f"{target}: there is no such heading"


@pytest.mark.parametrize("page", ["recipe", "recipes", "sources"])
def test_a_recipe_on_a_page_can_be_saved_and_run(page, tmp_path):
    blocks = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "docs" / f"{page}.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert blocks
    for text in blocks:
        (tmp_path / "one.toml").write_text(text, encoding="utf-8")
        recipe.load(tmp_path / "one.toml")


@pages
def test_a_file_of_ours_that_a_page_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{FOLDERS})/[^`\s]*)`", text)
    assert not [name for name in named if not list(ROOT.glob(name.rstrip("/")))]


@pages
def test_a_command_that_a_page_shows_exists(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = set(re.findall(r"(?:`|^    |\$ )make ([a-z-]+)(?=[ `\n])", text, re.MULTILINE))
    assert shown <= targets
    known = {name for name, _ in variables().items()}
    assert set(re.findall(r"(?:`|^    |\$ )make [a-z-]+(?: [A-Z_]+=\S+)* ([A-Z_]+)=", text, re.MULTILINE)) <= known
    modules = re.findall(r"python -m ((?:scrapbag|spiders|curate|gan|demo|benchmarks|docs)[\w.]*)", text)
    assert not [name for name in modules if find_spec(name.rstrip(".")) is None]


@pages
def test_a_command_of_ours_that_a_page_shows_runs_in_our_own_python(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("| `")]
    bare = rf"(?<!\.venv/bin/)python -m (?:{FOLDERS})\b"
    shown = [line for line in lines if re.search(bare, line)]
    assert not shown or path.name == "CHANGELOG.md", "write .venv/bin/python"


def test_every_page_is_in_the_site_and_its_links_lead_to_pages_of_it(tmp_path):
    site.pages(tmp_path / "pages")
    there = {path.name for path in (tmp_path / "pages").iterdir()}
    assert sorted(f"{name}.md" for names in site.NAV.values() for name in names) == sorted(
        name for name in there if name.endswith(".md")
    )
    for path in (tmp_path / "pages").glob("*.md"):
        prose = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        named = re.findall(r"\]\(([^)\s:#]+)[)#]", prose)
        assert not [name for name in named if name not in there], path.name


def test_every_reason_has_something_to_do_on_the_page_of_troubles():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[2:]
    for part, table in zip(
        parts, (reasons.DECISION, {**reasons.FETCH, **reasons.PENDING}, reasons.PASSED), strict=True
    ):
        rows = " ".join(re.findall(r"^\| (`.*?) \|", part, re.MULTILINE))
        assert set(re.findall(r"`(\w+)`", rows)) == set(table)


def test_the_readme_has_every_variable_and_every_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = " ".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    named = set(re.findall(r"`([A-Z_]+)(?:=\w+)?`", rows))
    assert named == variables().keys() - {"B", "T", "VENV"}, "these three are of the workshop"
    tree = re.findall(r"^ {4}(  )?(\w+)/ ", text, re.MULTILINE)
    folders = [ROOT / name for name in PACKAGES]
    rooms = {path.parent.relative_to(ROOT).as_posix() for one in folders for path in one.rglob("__init__.py")}
    outer, shown = "", set()
    for inner, name in tree:
        outer = outer if inner else name
        shown.add(f"{outer}/{name}" if inner else name)
    assert rooms <= shown
    assert all((ROOT / name).is_dir() for name in shown - {"data", "runs"})


def _anchors(text: str) -> set[str]:
    """The addresses that a forge gives to headings."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}
