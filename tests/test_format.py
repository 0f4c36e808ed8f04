"""docs/format.md against what the stages leave on the disk: every file, array, key and column that it has is there."""

from __future__ import annotations

import csv
import json
import re
import tomllib

import numpy as np
import pytest
import torch
from making import ROOT, command, make
from PIL import Image
from safetensors import safe_open

from demo.drawing.small_quilts import quilt

pytestmark = pytest.mark.slow
DOC = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of drawn quilts through all stages, by the very make that a user calls."""
    root = tmp_path_factory.mktemp("format")
    (root / "files").mkdir()
    for number in range(100):
        Image.fromarray(quilt(number, 64)).save(root / "files" / f"{number:03d}.png")
    recipe = root / "patches.toml"
    recipe.write_text(
        f"""name = "patches"
[[source]]
kind = "folder"
path = "{root / "files"}"
[score]
model = "demo"
[curate]
targets = ["quilt"]
threshold = 0.0
size = 32
min_side = 32
[train]
preset = "dcgan64"
images = 16
values = ["width=4", "batch=4", "z=8"]
"""
    )
    done = make(command(recipe, root / "data", root / "run", "train"))
    assert done.returncode == 0, done.stderr
    return root


def section(heading: str) -> str:
    return re.split(r"\n##+ ", DOC.partition(f"# {heading}\n")[2])[0]


def first_cells(heading: str) -> list[str]:
    """What the first column of the tables under a heading has in code."""
    rows = re.findall(r"^\| (`.*?) \|", section(heading), re.MULTILINE)
    return [name for row in rows for name in re.findall("`([^`]+)`", row)]


def pattern(path: str) -> str:
    """A path of the document as a regular expression."""
    text = re.escape(path)
    for part, one in (
        ("NNNNNNNNNNNN", r"\d{12}"), ("NNNNNN", r"\d{6}"), ("NNNNN", r"\d{5}"),
        ("<2>", "[0-9a-f]{2}"), ("<sha256>", "[0-9a-f]{64}"), ("…", ".*"),
    ):  # fmt: skip
        text = text.replace(part, one)
    return re.sub("<[a-z]+>", "[^/]+", text)


@pytest.mark.parametrize(
    ("folder", "headings"),
    [("data", ("data/&lt;name&gt;/", "scored/", "curated/")), ("run", ("runs/&lt;name&gt;/",))],
)
def test_every_file_that_the_stages_leave_is_told_of(made, folder, headings):
    told = [pattern(one) for heading in headings for one in first_cells(heading)]
    left = [path.relative_to(made / folder).as_posix() for path in (made / folder).rglob("*") if path.is_file()]
    assert not [name for name in left if not any(re.fullmatch(one, name) for one in told)]


def test_a_shard_has_the_arrays_that_are_told_of_and_of_their_types(made):
    (shard,) = (made / "data" / "scored").glob("*/shard-*.safetensors")
    told = dict(re.findall(r"^\| `(\w+)` \| (?:\(.*?\) )?(u?int\d+|float\d+) \|", section("scored/"), re.MULTILINE))
    with safe_open(shard, framework="numpy") as file:
        assert {name: str(file.get_tensor(name).dtype) for name in file.keys()} == told  # noqa: SIM118  not a dict


def test_what_is_derived_says_what_it_was_derived_from(made):
    for name in ("pairs", "neighbours"):
        found = list((made / "data" / "scored").glob(f"*/{name}.npz"))
        for path in found:
            with np.load(path) as file:
                assert {"of"} < set(file.files)
                assert all(f"`{array}`" in section("scored/") for array in file.files)
    assert found or name == "neighbours"


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("data/scored/index.json", "scored/"),
        ("data/scored/*/model.json", "scored/"),
        ("data/scored/*/labels.json", "scored/"),
        ("run/done.json", "runs/&lt;name&gt;/"),
        ("run/settings.toml", "runs/&lt;name&gt;/"),
        ("run/metrics.csv", "metrics.csv"),
        ("run/generator.json", "generator.json"),
        ("run/checkpoints/*.pt", "Checkpoints"),
        ("data/packed/*/index.json", "packed/"),
    ],
)
def test_every_key_of_a_file_is_told_of(made, path, heading):
    told = set(re.findall(r"\w+", section(heading)))
    for found in made.glob(path):
        match found.suffix:
            case ".json":
                keys = json.loads(found.read_text(encoding="utf-8")).keys()
            case ".toml":
                table = tomllib.loads(found.read_text(encoding="utf-8"))
                keys = table.keys() | table["asked"].keys() | table["machine"].keys()
            case ".csv":
                with found.open(newline="", encoding="utf-8") as file:
                    keys = next(csv.reader(file))
            case _:
                state = torch.load(found, weights_only=True)
                keys = state.keys() | state["moment"].keys() | state["moment"]["balance"].keys()
        assert keys
        assert set(keys) <= told
    assert list(made.glob(path))
