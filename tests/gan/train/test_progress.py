"""What a run shows while it goes: the alarm when samples look alike, and the curves for TensorBoard."""

from __future__ import annotations

import csv

import pytest
import torch

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


@pytest.mark.parametrize(("seen", "kept"), [(96, [64, 96]), (128, [64, 128]), (64, [64])])
def test_the_curve_of_a_run_that_was_stopped_ends_where_its_weights_do(tmp_path, seen, kept):
    run = _show(tmp_path, MANY, 64, 128)
    close(run, seen, MetricsRow(seen, 900.0, 64.0, 1.0, 2.0, 0.5, 0.1, 0.0, 1.0, 1.0, 4e-4, 100))
    assert [int(line["images_seen"]) for line in metrics_rows(run)] == kept
