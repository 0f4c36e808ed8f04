"""What a run shows while it goes: the alarm when samples look alike, and the curves for TensorBoard."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from gan_data import job, squares

from gan.step import players
from gan.train import show
from gan.train.progress import COLLAPSED, MetricsRow, Progress, close
from scrapbag.layout import Run, metrics_rows

ONE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(16, -1, -1, -1)
MANY = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _show(root, pictures, *images_seen):
    """A run that shows the same grid again and again."""
    run = Run(root)
    with Progress(run, lambda: pictures, float(MANY.std(0).mean()), budget=100.0, spent=0.0) as progress:
        for number, images in enumerate(images_seen):
            row = MetricsRow(images, 1000.0 * number, 64.0, 1.0, 2.0, 0.5, 0.1, 0.0, 1.0, 1.0, 4e-4, 100)
            progress.show(row, spent=0.0)
    return run


@pytest.mark.parametrize(
    ("pictures", "images_seen", "alarms"),
    [(ONE, (10_000, 20_000, 30_000), 1), (MANY, (10_000, 20_000), 0), (ONE, (640, 9_000), 0)],
    ids=["one picture", "many pictures", "a young run"],
)
def test_samples_that_look_alike_raise_one_alarm(tmp_path, caplog, pictures, images_seen, alarms):
    run = _show(tmp_path, pictures, *images_seen)
    assert sum("look alike" in record.getMessage() for record in caplog.records) == alarms
    with run.metrics.open() as file:
        spreads = [float(line["spread"]) for line in csv.DictReader(file)]
    assert len(spreads) == len(images_seen)
    assert all((spread < COLLAPSED) == (pictures is ONE) for spread in spreads)


def test_curves_are_written_for_tensorboard_where_it_is_installed(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _show(tmp_path, MANY, 64, 128)
    curves = accumulators.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in curves.Scalars("loss_g")] == [(64, 2.0), (128, 2.0)]
    assert "spread" in curves.Tags()["scalars"]
    assert [event.step for event in curves.Images("samples")] == [64, 128]


def test_the_values_and_the_outputs_of_d_are_there_for_tensorboard(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = Run(tmp_path)
    run.settings.write_text('row = "auto-cpu"\nsize = 32\n[values]\nbatch = 16\nreal = [0.9, 1.0]\nloss = "hinge"\n')
    outputs = {"real": torch.ones(8, 4), "fake": -torch.ones(8, 4)}
    with Progress(run, lambda: MANY, 1.0, budget=100.0, spent=0.0, outputs=lambda: outputs) as progress:
        progress.show(MetricsRow(64, 1.0, 64.0, 1.0, 2.0, 0.5, 0.1, 0.0, 1.0, 1.0, 4e-4, 100), spent=0.0)
    curves = accumulators.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    for name, value in (("real", 1.0), ("fake", -1.0)):
        [event] = curves.Histograms(f"D of {name} pictures")
        assert (event.step, event.histogram_value.min, event.histogram_value.num) == (64, value, 32)
    told = b"".join(curves.PluginTagToContent("hparams").values())
    assert all(word in told for word in (b"batch", b"hinge", b"[0.9, 1.0]", b"auto-cpu"))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("row", ["auto", "balanced-cpu", "projected", "projected-cpu"])
def test_to_look_at_the_outputs_of_d_changes_nothing(tmp_path, row, bf16):
    values = ("teacher_side=32", "mix=4") if "projected" in row else ()
    asked = job(
        squares(tmp_path / "data"), tmp_path / "run", *values, images=16, preset={"auto-cpu": "auto"}.get(row, row)
    )
    asked = replace(asked, machine=replace(asked.machine, bf16=bf16))
    team = players.make(asked.values, asked.size, 0, asked.machine)
    before, chance = players.digest(players.capture(team)), torch.get_rng_state()
    seen, again = show.outputs(asked, team), show.outputs(asked, team)
    assert len(seen["real"]) == len(seen["fake"]) == 64
    assert not torch.equal(seen["real"], seen["fake"])
    assert all(torch.equal(seen[name], again[name]) for name in ("real", "fake"))
    assert players.digest(players.capture(team)) == before
    assert torch.equal(torch.get_rng_state(), chance)
    assert team.d.training


@pytest.mark.parametrize(("seen", "kept"), [(96, [64, 96]), (128, [64, 128]), (64, [64])])
def test_the_curve_of_a_run_that_was_stopped_ends_where_its_weights_do(tmp_path, seen, kept):
    run = _show(tmp_path, MANY, 64, 128)
    close(run, seen, MetricsRow(seen, 900.0, 64.0, 1.0, 2.0, 0.5, 0.1, 0.0, 1.0, 1.0, 4e-4, 100))
    assert [int(line["images_seen"]) for line in metrics_rows(run)] == kept
