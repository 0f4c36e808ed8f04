"""The house rules that a program can hold: who imports whom, how long a file is, and that it says its purpose."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "scrapbag": set(),
    "pipelines": {"scrapbag"},
    "spiders": {"scrapbag", "pipelines"},
    "curate": {"scrapbag"},
    "gan": {"scrapbag"},
    "demo": set(),
}
FILES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
LONGEST = 250


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        strangers = imported(path) & MAY_IMPORT.keys() - {package} - MAY_IMPORT[package]
        assert not strangers, f"{path.relative_to(ROOT)} imports {sorted(strangers)}"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [("torch", {"curate", "gan", "demo"}), ("scrapy", {"spiders", "pipelines"}), ("selenium", {"spiders"})],
)
def test_a_heavy_library_stays_in_its_rooms(library: str, allowed: set[str]) -> None:
    users = {path.relative_to(ROOT).parts[0] for path in FILES if library in imported(path)}
    assert users <= allowed


def test_selenium_is_known_to_one_file_only() -> None:
    assert len([path for path in FILES if "selenium" in imported(path)]) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_its_purpose_and_is_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "the first line says what the file is for"
    assert len(text.splitlines()) <= LONGEST


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    assert not {path.stem for path in FILES} & (sys.stdlib_module_names - {"__init__", "__main__"})
