"""From files on disk through the real stages to the reports, with a tiny ResNet whose weights were drawn by lot."""

import csv
import json
from typing import Any

import pytest
import timm
import torch
from click.testing import CliRunner
from PIL import Image
from report_rows import drawn
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

from benchmarks.support.folder_data import dataset
from curate.__main__ import main
from curate.squares import FORMS

CLASSES = ["quilt", "cat", "shoe"]


def run(*words):
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def curate(data, threshold):
    (data.settings / "curate.toml").write_text(
        f'name = "quilts"\n[curate]\ntargets = ["quilt"]\nthreshold = {threshold}\nsize = 32\nnear = 1.0\n'
    )
    return run("curate", "--data", str(data.root))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Fifty drawn pictures, a copy under another address and a broken file, scored."""
    root = tmp_path_factory.mktemp("end")
    files = [root / f"{i:03d}.jpg" for i in range(52)]
    for i, file in enumerate(files):
        file.write_bytes(drawn(i, side=128))
    files[50].write_bytes(files[7].read_bytes())
    files[51].write_bytes(b"<html>not a picture</html>")
    model = _model(root / "model", files[:50])
    data = dataset(root / "quilts", files)
    data.settings.mkdir()
    (data.settings / "score.toml").write_text(
        f'name = "quilts"\n[score]\nmodel = "local-dir:{model}"\ndtype = "fp32"\n'
    )
    run("score", "--data", str(data.root))
    return data


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_the_sweep_foretells_what_each_threshold_keeps(data, threshold):
    curate(data, 0.35)
    foretold = {float(step["threshold"]): int(step["kept"]) for step in table(data.report / "sweep.csv")}
    curate(data, threshold)
    rows = table(data.report / "report.csv")
    kept = [row for row in rows if row["kept"] == "True"]
    assert len(kept) == foretold[threshold]
    assert len(rows) == 52
    assert sum(bool(row["reason"]) for row in rows) + len(kept) == 52
    assert len(list(data.curated.glob("*.png"))) == len(kept) == len(table(data.curated / "metadata.csv"))


def test_thresholds_of_this_dataset_differ_in_what_they_keep(data):
    curate(data, 0.5)
    counts = [int(step["kept"]) for step in table(data.report / "sweep.csv")]
    assert counts[0] > counts[50] > counts[95]


def test_report_prints_what_the_table_holds(data):
    curate(data, 0.5)
    said = run("report", "--data", str(data.root))
    kept = sum(row["kept"] == "True" for row in table(data.report / "report.csv"))
    assert f"kept {kept} of 52" in said
    assert "not_image" in said
    assert "dup_exact" in said
    assert "nearest to flipping" in said


def test_deciding_again_writes_nothing_anew(data):
    curate(data, 0.5)
    before = {path: path.stat().st_mtime_ns for path in data.report.iterdir()}
    curate(data, 0.5)
    assert {path: path.stat().st_mtime_ns for path in data.report.iterdir()} == before


@pytest.mark.parametrize("kind", FORMS)
def test_every_form_of_export_is_reached_by_its_name(data, kind):
    curate(data, 0.2)
    assert "exported" in run("export", "--data", str(data.root), "--as", kind)


def _model(folder, files):
    """Weights by lot, but of an opinion that is spread over these pictures."""
    torch.manual_seed(0)
    net: Any = timm.create_model("test_resnet", num_classes=len(CLASSES)).eval()
    see = create_transform(**resolve_data_config({}, model=net))
    with torch.inference_mode():
        last = net.get_classifier()
        opinions = net(torch.stack([see(Image.open(file).convert("RGB")) for file in files]))
        last.weight.mul_(2 / opinions.std(0)[:, None])
        last.bias.copy_(-2 * (opinions - last.bias).mean(0) / opinions.std(0))
    folder.mkdir()
    save_file(net.state_dict(), folder / "model.safetensors")
    config = {"architecture": "test_resnet", "num_classes": len(CLASSES), "label_names": CLASSES}
    shown = ("input_size", "mean", "std", "crop_pct", "interpolation")
    config["pretrained_cfg"] = {name: net.pretrained_cfg[name] for name in shown}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
