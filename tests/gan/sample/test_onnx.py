"""The handbook's lines make an ONNX file that computes what torch does: `uv sync --group interop`, or skipped."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from making import ROOT

from gan.sample import sample


@pytest.mark.filterwarnings("ignore")  # torch says that its exporter of ONNX files without onnxscript is the older one
def test_the_lines_of_the_handbook_write_a_generator_that_other_runtimes_load(once, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    folder, _, _ = once
    page = (ROOT / "docs" / "gan.md").read_text(encoding="utf-8")
    lines = re.search(r"### As ONNX.*?```python\n(.*?)```", page, re.DOTALL)[1]
    generator = sample.load(folder / "run" / "generator.safetensors")
    config = json.loads((folder / "run" / "generator.json").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    exec(lines, {"torch": torch, "g": generator.net, "config": config})
    z = sample.latents(generator, 5, 0)
    (made,) = runtime.InferenceSession(str(tmp_path / "generator.onnx")).run(None, {"latents": z.numpy()})
    assert np.allclose(made, generator.net(z).numpy(), atol=1e-5)
