"""The convolutions by OpenVINO: in bf16, fp32, or int8 calibrated on the dataset's own pictures. An extra."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

import torch

from curate.model.load import Body, Loaded, normalise
from curate.model.passes import BATCH
from scrapbag.errors import MissingError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CALIBRATE = 320  # pictures to calibrate int8 with; nncf's own default is 300
_HINTS = {"bf16": "bf16", "fp32": "f32", "int8": "f32"}


def openvino_body(loaded: Loaded, dtype: str, batches: Iterable[NDArray[np.uint8]], folder: Path) -> Body:
    """Feature maps by OpenVINO in bf16, fp32 or int8. `batches`, (BATCH, 3, H, W) each, calibrate int8.

    The calibrated model is kept in `folder`, so that pictures that come later are scored by the very same one.
    Raises MissingError when OpenVINO is not installed, or when there is not a full batch to calibrate with.
    """
    ov: Any = _imported("openvino")
    saved = folder / "int8.xml"
    if dtype == "int8" and saved.exists():
        model = ov.Core().read_model(saved)
    else:
        example = torch.zeros(BATCH, *loaded.config["input_size"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # OpenVINO traces, which torch announces to drop
            model = ov.convert_model(_Maps(loaded.module), example_input=example, input=[tuple(example.shape)])
        if dtype == "int8":
            model = _quantised(model, loaded, batches)
            _save(ov, model, saved)
    cores = str(os.cpu_count() or 1)
    hints = {"INFERENCE_PRECISION_HINT": _HINTS[dtype], "NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores}
    compiled = ov.Core().compile_model(model, "CPU", hints)
    mine = threading.local()

    def body(batch: torch.Tensor) -> torch.Tensor:
        if not hasattr(mine, "request"):
            mine.request = compiled.create_infer_request()
        return torch.from_numpy(mine.request.infer({0: batch.numpy()})[0].copy())

    return body


class _Maps(torch.nn.Module):
    """A timm model up to its feature maps, as something to convert."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.module.forward_features(batch)
        return maps


def _quantised(model: Any, loaded: Loaded, batches: Iterable[NDArray[np.uint8]]) -> Any:
    nncf: Any = _imported("nncf")
    mean, std = (torch.tensor(loaded.config[key]).view(1, 3, 1, 1) * 255 for key in ("mean", "std"))
    inputs = [normalise(pixels, mean, std).numpy() for pixels in batches]
    if not inputs:
        raise MissingError(f"int8 is calibrated on pictures and needs at least {BATCH} that can be read; use bf16")
    return nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs), preset=nncf.QuantizationPreset.MIXED)


def _save(ov: Any, model: Any, path: Path) -> None:
    """Write the .xml last: where there is one, the .bin beside it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{os.getpid()}.xml")
    ov.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").replace(path.with_suffix(".bin"))
    part.replace(path)


def _imported(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise MissingExtraError("BACKEND=openvino", name, "openvino") from None
