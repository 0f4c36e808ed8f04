"""Under which licence a pretrained network is, and that a run notes it for its card."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gan.nets import frozen
from gan.train import runs
from gan.train.job import Moment


@pytest.mark.parametrize(
    ("config", "says"),
    [({"pretrained_cfg": {"license": "mit"}}, "mit"), ({}, ""), ({"pretrained_cfg": None}, ""), ([], "")],
)
def test_a_licence_is_what_the_networks_configuration_states(tmp_path, config, says):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert frozen.licence(f"local-dir:{tmp_path}") == says
    assert frozen.licence("local-dir:/nowhere") == ""
    assert frozen.licence("resnet50.a1_in1k") == "apache-2.0"


@pytest.mark.parametrize(("teacher", "licence"), [("none", ""), ("lite0", "Apache-2.0"), ("local-dir:/nowhere", "")])
def test_a_run_notes_what_it_learnt_from_and_looked_through(finished, teacher, licence):
    _, job, _ = finished
    runs.finish(replace(job, values=replace(job.values, teacher=teacher)), Moment(images_seen=4), "ab")
    done = json.loads(job.run.done.read_text())
    assert (done["teacher"], done["teacher_licence"]) == (teacher, licence)
    assert (done["pictures"], done["held"]) == (len(job.pictures.train), len(job.pictures.held))
