"""What surrounds the code for those who come from outside: workflows, templates, metadata, the script of the checks."""

from __future__ import annotations

import re
import tomllib
from configparser import ConfigParser

import pytest
import yaml
from making import ROOT

PACKAGES = ("scrapbag", "spiders", "pipelines", "curate", "gan", "demo")
YAMLS = [*sorted(ROOT.glob(".github/**/*.yml")), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_for_the_forge_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_editors_are_told_what_the_formatter_does():
    rules = ConfigParser()
    rules.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    assert rules["top"]["root"] == "true"
    assert rules["*"]["max_line_length"] == str(PROJECT["tool"]["ruff"]["line-length"])
    assert rules["Makefile"]["indent_style"] == "tab"


def test_the_checks_run_on_every_python_that_is_promised():
    workflow = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text(encoding="utf-8"))
    versions = workflow["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"
    said = [step.get("run", "") for step in workflow["jobs"]["linux"]["steps"]]
    assert "make test" in said
    assert "make lint" in said
    assert workflow["jobs"]["macos"]["continue-on-error"] is True


def test_the_citation_is_of_this_version_and_has_what_the_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["version"], citation["license"]) == (PROJECT["project"]["version"], PROJECT["project"]["license"])


def test_a_template_for_issues_has_what_the_forge_asks_for():
    for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.stem != "config":
            assert {"name", "description", "body"} <= form.keys()
            assert {one["type"] for one in form["body"]} <= {"textarea", "input", "markdown", "dropdown", "checkboxes"}


def test_every_package_says_that_it_has_types_and_brings_what_is_no_code():
    assert all((ROOT / package / "py.typed").exists() for package in PACKAGES)
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                brought = [*patterns["*"], *patterns.get(package, [])]
                folders = [one for one in (path.parent, *path.parents) if (one / "__init__.py").exists()]
                names = {path.relative_to(folder).as_posix() for folder in folders}
                assert any(_matches(name, pattern) for name in names for pattern in brought), path


def _locked(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock."""
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|^--|file:|(?<!#)\s/\w", lock, re.MULTILINE), "it names no index and no path"
    entries = re.split(r"\n(?=[a-z])", lock.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    found: dict[str, set[str]] = {}
    for entry in entries:
        found.setdefault(re.match(r"[a-z0-9._-]+", entry)[0], set()).add(entry.split()[0])
    return found


def test_the_locks_are_for_everybody_and_only_tests_bring_a_cluster_and_a_cloud():
    setup, tests, groups = _locked("requirements.lock"), _locked("requirements-test.lock"), PROJECT["dependency-groups"]
    for locked, wanted in (
        (setup, [*PROJECT["project"]["dependencies"], *groups["build"]]),
        (tests, [*groups["test"], *groups["lint"], *setup]),
    ):
        assert {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in wanted} <= locked.keys()
    assert all(tests[name] == versions for name, versions in setup.items()), "one version of a package for both"
    assert not {"ray", "moto", "botocore", "obstore", "pytest", "mypy"} & setup.keys()


def test_the_script_of_the_checks_takes_its_photographs_from_outside():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "${REAL:-}" in script
    assert not re.search(r"(?<![\w.>&|])/(?!dev/null|usr/bin/env)\w+", script), "no path of one computer"


def _matches(name: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), name) is not None
