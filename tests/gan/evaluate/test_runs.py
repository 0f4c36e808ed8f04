"""Runs that are measured: what is kept, what is written, and that training does not notice."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from click.testing import CliRunner
from gan_data import job, squares
from safetensors.torch import save_file
from truth_pictures import drawn

from gan.__main__ import main
from gan.evaluate import features, keep
from gan.evaluate.keep import Keeper
from gan.pictures import batches
from gan.sample import sample
from gan.step import players
from gan.step.players import Machine
from gan.train import loop
from scrapbag.errors import MissingError
from scrapbag.layout import Run

LOOKS_AT_LEAST = 3


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Samples enough for the floor of these few squares: what is measured stays, and takes seconds."""
    monkeypatch.setattr("gan.evaluate.evaluate.MANY", 64)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run judged at every grid, and the digest that it ended with."""
    root = tmp_path_factory.mktemp("judged")
    data = squares(root / "data")
    made = job(data, root / "run", images=80)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan.train.progress.GRID_S", 0.0)
        patch.setattr("gan.evaluate.keep.COUNT", 32)
        _, sha256 = loop.train(made, keeper=Keeper(made, young=0))
    return made, sha256


def test_training_does_not_notice_that_it_is_judged(judged, tmp_path):
    made, sha256 = judged
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(made.run.settings, alone)
    data = squares(tmp_path / "data")
    _, calm = loop.train(job(data, alone, images=80))
    assert calm == sha256


def test_the_best_generator_is_the_one_of_the_smallest_kid(judged):
    made, _ = judged
    looks = keep.rows(made.run)
    assert len(looks) >= LOOKS_AT_LEAST
    assert [one.images_seen for one in looks] == sorted({one.images_seen for one in looks})
    least = min(looks, key=lambda one: one.kid)
    assert sample.load(made.run.best).images_seen == least.images_seen
    assert sample.load(made.run.generator).images_seen == 80


def test_every_look_is_in_tensorboard_beside_the_curves_where_it_is_installed(judged):
    """In a folder of its own: of one folder TensorBoard follows the newest file alone."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    made, _ = judged
    looks = accumulators.EventAccumulator(str(made.run.root / "tensorboard" / "quality")).Reload()
    seen = [(one.images_seen, pytest.approx(one.kid, rel=1e-4)) for one in keep.rows(made.run)]
    assert [(event.step, event.value) for event in looks.Scalars("kid")] == seen
    assert len(list((made.run.root / "tensorboard").glob("events.*"))) == 1


def test_lines_from_beyond_the_checkpoint_are_forgotten(judged):
    made, _ = judged
    looks = keep.rows(made.run)
    generator = sample.load(made.run.generator)
    copy = Run(made.run.root.with_name("again"))
    shutil.copytree(made.run.root, copy.root)
    Keeper(replace(made, run=copy), young=0)(generator.net, looks[1].images_seen)
    assert [one.images_seen for one in keep.rows(copy)] == [one.images_seen for one in looks[:2]]


def test_evaluate_prints_and_keeps_figures_neighbours_and_page(judged):
    made, _ = judged
    result = CliRunner().invoke(main, ["evaluate", "--run", str(made.run.root)])
    assert result.exit_code == 0, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith(("no flags; KID ", "FLAGS: "))
    assert str(made.run.report) in last
    kept = json.loads(made.run.evaluation.read_text())
    assert set(kept) == {"last", "best"}
    assert kept["last"]["n"] == 50  # of 100 squares 25 are held out, and as many training pictures make the floor even
    assert kept["last"]["rough"].startswith("the figures are rough: 25 pictures are held out, and 64 are needed")
    assert kept["last"]["measured"][0]["floor"]["coverage"] > 0.8
    assert made.run.neighbours.exists()
    page = made.run.report.read_text()
    assert page.count("data:image/webp") >= 3  # samples, reals, neighbours
    assert kept["last"]["measured"][0]["sha256"] in page
    assert all(flag.partition(":")[0] in page for flag in kept["last"]["flags"])
    assert kept["last"]["rough"] in page
    assert kept["last"]["rough"] in result.output


def test_the_best_generator_is_not_printed_twice_where_it_is_the_last(judged):
    made, _ = judged
    copy = Run(made.run.root.with_name("same"))
    shutil.copytree(made.run.root, copy.root)
    for suffix in (".safetensors", ".json"):
        shutil.copy(copy.generator.with_suffix(suffix), copy.best.with_suffix(suffix))
    result = CliRunner().invoke(main, ["evaluate", "--run", str(copy.root)])
    assert result.output.count("on random features") == 1
    assert result.output.splitlines()[-2] == "best: it is the last one"


def test_the_best_generator_is_judged_for_itself_where_it_is_not_the_last_one(judged):
    made, _ = judged
    copy = Run(made.run.root.with_name("other"))
    shutil.copytree(made.run.root, copy.root)
    older = copy.best
    shutil.copy(copy.generator, older)
    config = json.loads(copy.generator.with_suffix(".json").read_text())
    older.with_suffix(".json").write_text(json.dumps({**config, "images_seen": 48}))
    result = CliRunner().invoke(main, ["evaluate", "--run", str(copy.root)])
    assert result.exit_code == 0, result.output
    kept = json.loads(copy.evaluation.read_text())
    assert {name: one["images_seen"] for name, one in kept.items()} == {"last": 80, "best": 48}


def test_settling_measures_the_pictures_of_the_averaged_weights_and_changes_nothing_else(judged):
    made, _ = judged
    team = players.make(made.values, 32, 0, Machine(bf16=False))
    with torch.no_grad():
        for norm in (one for one in team.ema.modules() if isinstance(one, torch.nn.BatchNorm2d)):
            norm.running_mean.fill_(5)  # what G saw before its weights were averaged
    before = {name: one.clone() for name, one in team.ema.state_dict().items()}
    net = players.settled(team.ema, made.values, (1, 1))
    assert all(torch.equal(one, before[name]) for name, one in team.ema.state_dict().items())
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), team.ema.parameters(), strict=True))
    normed = []
    first = next(one for one in net.modules() if isinstance(one, torch.nn.BatchNorm2d))
    first.register_forward_hook(lambda _m, _i, out: normed.append(out.clone()))
    net(batches.latents(made.values, 512, batches.chance(1, 0, "latents")))
    assert float(normed[0].mean()) == pytest.approx(0, abs=0.1)
    assert float(normed[0].std()) == pytest.approx(1, abs=0.2)
    plain = replace(made.values, settle=False)
    assert torch.equal(
        players.settled(team.ema, plain, (1, 1)).state_dict()["1.running_mean"], before["1.running_mean"]
    )


def test_evaluate_without_a_run_says_what_to_do(tmp_path):
    result = CliRunner().invoke(main, ["evaluate", "--run", str(tmp_path)])
    assert result.exit_code == MissingError.exit_code
    assert "run make train first" in result.output


@pytest.mark.parametrize("model", ["", "none"])
def test_pictures_that_no_model_chose_have_no_features_of_it(tmp_path, model):
    (tmp_path / "metadata.csv").write_text(f"file_name,model\n00001.png,{model}\n")
    with pytest.raises(MissingError, match="curated without a model"):
        features.curation(tmp_path)


def test_the_curation_models_features_are_used_by_its_name(tmp_path):
    model = timm.create_model("test_resnet", num_classes=3)
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    config = {"input_size": [3, 64, 64], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"}
    (folder / "config.json").write_text(
        json.dumps({"architecture": "test_resnet", "num_classes": 3, "pretrained_cfg": {**config, "num_classes": 3}})
    )
    (tmp_path / "metadata.csv").write_text(f"file_name,model\n00001.png,local-dir:{folder}\n")
    kind = features.curation(tmp_path)
    vectors = kind.look(drawn(40, 1))
    assert vectors.shape == (40, model.num_features)
    assert float(vectors.std(0).mean()) > 0
    assert np.allclose(vectors[:8], kind.look(drawn(40, 1)[:8]), atol=1e-4)  # whatever comes with it in a batch


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (None, "does not exist"),
        ("file_name\n1.png\n", "without a model"),
        ("file_name,model\n1.png,local-dir:/nowhere\n", "is not in /nowhere"),
        ("file_name,model\n1.png,no_such_net\n", "cannot be loaded"),
    ],
    ids=["no table", "no model", "moved", "unknown"],
)
def test_a_model_that_cannot_be_had_is_a_reason_and_no_end(tmp_path, table, reason):
    if table is not None:
        (tmp_path / "metadata.csv").write_text(table)
    with pytest.raises(MissingError, match=reason):
        features.curation(tmp_path)
