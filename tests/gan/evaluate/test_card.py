"""The model card: what was learnt from, under which licences, and what was looked through."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from gan_data import TINY, squares

from gan.__main__ import main
from gan.evaluate import card
from gan.nets import frozen
from gan.train.job import Moment


def written(finished, teacher: str) -> str:
    data, job, _ = finished
    named = replace(job, values=replace(job.values, teacher=teacher))
    return card.write(named, Moment(images_seen=1234, seconds=90), data.curated).read_text()


def test_it_names_the_teacher_with_its_licence_and_the_licences_of_the_pictures(finished):
    data, _, _ = finished
    rows = ["file,licence", "1.png,CC0-1.0", "2.png,CC0-1.0", "3.png,", '4.png,"CC\nBY"']
    (data.curated / "CREDITS.csv").write_text("\n".join(rows))
    text = written(finished, "lite0")
    assert "looked through lite0, a pretrained network that never learnt; its licence is Apache-2.0." in text
    assert "1,234 images seen in 1.5 minutes on cpu" in text
    assert [line for line in text.splitlines() if line.startswith("- ")] == [
        "- CC0-1.0: 2", "- CC BY: 1", "- not stated: 1",
    ]  # fmt: skip
    assert "No other network" in written(finished, "none")
    assert "stated nowhere" in written(finished, "local-dir:/nowhere")


@pytest.mark.parametrize(
    ("config", "says"),
    [({"pretrained_cfg": {"license": "mit"}}, "mit"), ({}, ""), ({"pretrained_cfg": None}, ""), ([], "")],
)
def test_a_licence_is_what_the_networks_configuration_states(tmp_path, config, says):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert frozen.licence(f"local-dir:{tmp_path}") == says
    assert frozen.licence("local-dir:/nowhere") == ""
    assert frozen.licence("resnet50.a1_in1k") == "apache-2.0"


def test_make_train_leaves_one_beside_the_generator(tmp_path):
    data = squares(tmp_path / "data")
    words = ["train", "--data", str(data.root), "--run", str(tmp_path / "run"), "--images", "8"]
    result = CliRunner().invoke(main, [*words, *(part for one in TINY for part in ("--set", one))])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert "75 pictures, 25 more held out" in text
    assert "8 images seen" in text
