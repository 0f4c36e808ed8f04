"""The commands, from a folder of squares to a film; and Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest
import torch
from click.testing import CliRunner
from gan_data import TINY, squares
from making import ROOT
from PIL import Image

from gan.__main__ import main
from gan.sample import sample
from scrapbag.layout import Run
from scrapbag.processor import has_bf16

TINY_OPTIONS = [part for value in TINY for part in ("--set", value)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short run by the command, settings from its train.toml."""
    folder = tmp_path_factory.mktemp("commands")
    squares(folder / "data")
    (folder / "run").mkdir()
    (folder / "run" / "train.toml").write_text('name = "x"\n[train]\npreset = "dcgan64"\nimages = 48\nseed = 3\n')
    result = _main("train", "--data", folder / "data", "--run", folder / "run", *TINY_OPTIONS)
    assert result.exit_code == 0, result.output
    return folder, result.output


def _seen(metrics):
    """Images, of the last whole line."""
    lines = metrics.read_text().splitlines()
    return int(lines[-1].split(",")[0]) if len(lines) > 1 and lines[-1].count(",") == lines[0].count(",") else 0


def _main(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_the_preflight_says_pictures_memory_time_and_what_it_turned_on(trained):
    _, output = trained
    assert "75 pictures to learn from" in output
    assert "25 held out, so the figures of make evaluate will be rough; 32x32" in output
    assert re.search(r"warning: under 1,000 pictures .* turned on colour=0\.4, shift=0\.1", output)
    probed = re.search(r"probe, images a second: cpu fp32.*-> cpu", output)
    assert probed
    assert ("bf16" in probed[0]) == has_bf16(), "imitated bf16 makes three steps last minutes"
    assert re.search(r"about [\d.]+ GB of memory .*\d+ images take about [\d.]+ minutes", output)


def test_a_run_leaves_what_the_design_names(trained):
    folder, _ = trained
    names = {path.name for path in (folder / "run").iterdir()}
    assert {
        "settings.toml", "metrics.csv", "reals.png", "fakes-000000.png", "progress.gif", "checkpoints",
        "generator.safetensors", "generator.json", "done.json",
    } <= names  # fmt: skip
    done = json.loads((folder / "run" / "done.json").read_text())
    assert (done["images_seen"], done["preset"]) == (48, "dcgan64")
    assert "seed = 3" in (folder / "run" / "settings.toml").read_text()


def test_asked_again_a_finished_run_trains_no_further(trained):
    folder, _ = trained
    before = (folder / "run" / "done.json").read_bytes()
    result = _main("train", "--data", folder / "data", "--run", folder / "run", *TINY_OPTIONS)
    assert result.exit_code == 0, result.output
    assert (folder / "run" / "done.json").read_bytes() == before
    assert not (folder / "run.1").exists()


def test_samples_and_a_film_are_drawn(trained):
    folder, _ = trained
    assert _main("sample", "--run", folder / "run", "--n", 9, "--seed", 5).exit_code == 0
    with Image.open(folder / "run" / "samples" / "seed5-9.png") as image:
        assert image.size == (3 * 64, 3 * 64)
    assert _main("interpolate", "--run", folder / "run", "--n", 4, "--seconds", 1).exit_code == 0
    assert list((folder / "run" / "samples").glob("interpolate-seed0-4.*"))


SNIPPET = """\
import json, torch
from pathlib import Path
from safetensors.torch import load_file
from torch import nn

class Add(nn.Sequential):  # a residual block: the sum of its two branches
    def forward(self, x):
        return self[0](x) + self[1](x)

def build(layer):
    name, arguments, inner = layer
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return {**vars(nn), "Add": Add}[name](*map(build, inner), **arguments)

config = json.loads(Path("runs/quilts/generator.json").read_text())
g = build(config["layers"]).eval()
g.load_state_dict(load_file("runs/quilts/generator.safetensors"))
pictures = g(torch.randn(16, config["latents"]["channels"], *config["latents"]["field"]))  # 16 x 3 x H x W, -1 to 1
"""


def test_the_generator_loads_with_plain_torch_as_the_readme_shows(trained, tmp_path, monkeypatch):
    folder, _ = trained
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "quilts").symlink_to(folder / "run")
    monkeypatch.chdir(tmp_path)
    readme = ROOT / "README.md"
    blocks = re.findall(
        r"```python\n(.*?)```", readme.read_text(encoding="utf-8") if readme.exists() else "", re.DOTALL
    )
    shown = next((block for block in blocks if "generator.safetensors" in block), SNIPPET)
    assert "gan" not in re.findall(r"^(?:from|import) (\w+)", shown, re.MULTILINE)
    names: dict[str, Any] = {}
    exec(shown, names)
    z = torch.randn(4, 8, 1, 1)
    assert torch.equal(names["g"](z), sample.load(Run(folder / "run").generator).net(z))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("train", "--preset", "stylegan"), 2, "write one of auto"),
        (("train", "--set", "lr=1"), 2, "did you mean 'lr_g'"),
        (("train", "--level", "9"), 2, "from 0 to 3"),
        (("sample",), 69, "run make train first"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_its_exit_code(tmp_path, arguments, code, says):
    squares(tmp_path / "data")
    where = ["--data", tmp_path / "data"] if arguments[0] == "train" else []
    result = _main(arguments[0], *where, "--run", tmp_path / "run", *arguments[1:])
    assert result.exit_code == code
    assert says in result.output


def test_presets_prints_every_row():
    output = _main("presets").output
    for row in (
        "auto-cpu",
        "auto-cpu-64",
        "auto-cuda",
        "dcgan64",
        "dcgan256",
        "texture",
        "psgan",
        "balanced-cpu",
        "quilt",
    ):
        assert f"\n{row}: " in output


def test_ctrl_c_ends_within_five_seconds_with_a_checkpoint(tmp_path):
    squares(tmp_path / "data")
    command = [sys.executable, "-m", "gan", "train", "--data", tmp_path / "data", "--run", tmp_path / "run"]
    process = subprocess.Popen([*command, "--images", "1000000", *TINY_OPTIONS], cwd=ROOT, stderr=subprocess.PIPE)
    try:
        metrics = tmp_path / "run" / "metrics.csv"
        deadline = time.monotonic() + 120
        while not (metrics.exists() and _seen(metrics) > 0):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        before = sum(psutil.Process(process.pid).cpu_times()[:2])
        process.send_signal(signal.SIGINT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said = process.stderr.read()
        assert process.returncode == 130, said
        assert used.ru_utime + used.ru_stime - before < 5  # of the process itself: the machine may be busy
    finally:
        if process.returncode is None:
            process.kill()
        process.stderr.close()
    [kept] = (tmp_path / "run" / "checkpoints").glob("*.pt")
    assert int(kept.stem) == _seen(metrics) > 0, "the step that was under way counts, too"
    assert not (tmp_path / "run" / "done.json").exists()
    assert b"the same command goes on from here" in said


def test_a_run_begins_from_a_small_start_of_another_one(trained, tmp_path):
    folder, _ = trained
    kept = _main("start", "--run", folder / "run", "-o", tmp_path / "small")
    assert kept.exit_code == 0, kept.output
    assert "48 images of 32x32, 64 pictures" in kept.output
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.toml").write_text(f'name = "x"\n[train]\nimages = 16\ninit = "{tmp_path / "small"}"\n')
    begun = _main("train", "--data", folder / "data", "--run", tmp_path / "run")
    assert begun.exit_code == 0, begun.output
    assert "48 images of 32x32: all its layers fit; 64 pictures to rehearse" in begun.output
    refused = _main("train", "--data", folder / "data", "--run", tmp_path / "other", "--init", tmp_path / "nowhere")
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "is no run" in refused.output
