"""Every shipped recipe from scrape to a trained generator, by the very `make` that a user calls, against its replica.

Pictures are drawings, which ImageNet has no class for, so nothing is asked of their confidence (THRESH=0); the network
is lite0, whose weights come by package.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from making import ROOT, command, make
from museum import Museum, folder
from servers import serving

from gan.nets import presets
from scrapbag.catalog import connect
from scrapbag.layout import Data, Run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ENOUGH = 90  # pictures, over all sources; 80 are the least to train on
APIS = {"commons": "/w/api.php", "met": "/met", "artic": "/artic", "smithsonian": "/si"}


def adapted(name: str, museum: Museum, pictures: Path) -> dict[str, Any]:
    """The shipped recipe, asking the replica instead, at full speed, and reading `pictures` instead of a download."""
    table = tomllib.loads((ROOT / "recipes" / f"{name}.toml").read_text("utf-8"))
    table["scrape"] |= {"contact": "me@example.org", "delay_s": 0.0, "per_host": 8, "allow_hosts": [museum.host]}
    for source in table["source"]:
        if source["kind"] in APIS:
            source["api"] = museum.url + APIS[source["kind"]]
        else:
            source["path"] = str(pictures)
    return table


@pytest.mark.parametrize(
    ("name", "group", "row"),
    [
        ("quilts", "quilt", "auto"),
        ("handbags", "bag", "dcgan64"),
        ("blouses", "fabric", "dcgan256"),
        ("heels", "shoe", "dcgan256"),
        ("textures", "fabric", "texture"),
        ("faces", "person", "balanced-cpu"),
    ],
)
def test_a_shipped_recipe_goes_from_scrape_to_a_generator(
    name: str, group: str, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMITHSONIAN_API_KEY", "KEY")
    text = (ROOT / "recipes" / f"{name}.toml").read_text("utf-8")
    rich = sum(source["kind"] in APIS.keys() - {"smithsonian"} for source in tomllib.loads(text)["source"])
    museum = Museum(-(-ENOUGH // max(1, rich)), group)
    pictures = folder(tmp_path / "pictures", ENOUGH, group)
    if name == "heels":  # its source is an archive
        pictures = type(pictures)(shutil.make_archive(str(pictures), "zip", pictures))
    data, run = Data(tmp_path / "data"), Run(tmp_path / "run")
    with serving(museum):
        (tmp_path / f"{name}.toml").write_text(tomli_w.dumps(adapted(name, museum, pictures)))
        words = ["train", "MODEL=lite0", "THRESH=0", "IMAGES=32"]
        done = make(command(tmp_path / f"{name}.toml", data.root, run.root, *words), timeout=850)
    assert done.returncode == 0, done.stdout + done.stderr
    connection = connect(data.catalog)
    found = dict(connection.execute("select source, count(*) from request where kind = 'picture' group by 1"))
    connection.close()
    asked = {source["name"] for source in adapted(name, museum, pictures)["source"]}
    assert found.keys() == asked  # every source of the recipe gave something
    assert json.loads(data.index.read_text())["model"] == "lite0"
    known = tomllib.loads(run.settings.read_text())
    assert known["asked"]["preset"] == row
    assert known["row"] == (presets.row("auto", known["machine"]["device"], 128) if row == "auto" else row)
    config = json.loads(run.generator.with_suffix(".json").read_text())
    assert config["images_seen"] >= 32
    assert run.report.exists()
