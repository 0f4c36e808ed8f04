"""What decoding at 1/2, 1/4 or 1/8 does to scores: large photographs, as the stage reads them and whole."""

from __future__ import annotations

import csv
import sys
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from curate.look import decode
from curate.look.measure import look
from curate.model import load, targets
from curate.model.passes import BATCH
from curate.model.torch_body import torch_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIZE = (2000, 1333)  # pixels, where no other is asked for
GRAIN = (8.0, 3.0)  # standard deviation of a camera's noise in grey levels: of luminance, and of each channel
THRESHOLDS = np.linspace(0.05, 0.95, 19)
MOST_MOVE, MOST_DISTANCE = 0.02, 0.01


def large(real: Path, count: int, size: tuple[int, int] = SIZE) -> tuple[dict[str, Any], dict[str, bool]]:
    """Figures by model, over `count` photographs of `real` enlarged to `size` with grain, and what is within bounds."""
    figures: dict[str, Any] = {}
    reached = {}
    models = {name: load.load(name) for name in (f"local-dir:{real / 'model'}", "demo", "lite0")}
    pairs: dict[str, list[NDArray[np.float64]]] = {name: [] for name in models}
    seconds = {name: np.zeros(2) for name in models}  # of decoding, measuring and preparing: as the stage does, whole
    with TemporaryDirectory() as folder:
        for batch in _batches(_made(real, count, size, Path(folder))):
            for name, loaded in models.items():
                found, took = _confidences(loaded, batch)
                pairs[name].append(found)
                seconds[name] += took
            print(sum(len(one) for one in next(iter(pairs.values()))), file=sys.stderr)
    for name, parts in pairs.items():
        reduced, whole = np.concatenate(parts).T
        short = "folder" if name.startswith("local-dir") else name
        crossed = (reduced >= THRESHOLDS[:, None]) != (whole >= THRESHOLDS[:, None])
        furthest = np.where(crossed, np.abs(whole - THRESHOLDS[:, None]), 0).max()
        figures |= {
            f"{short}_pictures": len(whole),
            f"{short}_largest_move": round(float(np.abs(reduced - whole).max()), 4),
            f"{short}_furthest_changed": round(float(furthest), 4),
            f"{short}_ms": [round(1e3 * float(one) / len(whole), 1) for one in seconds[name]],
        }
        reached[f"{short} moves by at most {MOST_MOVE}"] = figures[f"{short}_largest_move"] <= MOST_MOVE
        reached[f"{short} decides anew within {MOST_DISTANCE}"] = figures[f"{short}_furthest_changed"] <= MOST_DISTANCE
    return figures, reached


def _made(real: Path, count: int, size: tuple[int, int], folder: Path) -> Iterator[Path]:
    """JPEGs of `size`: the middle of a photograph, enlarged by Lanczos, with grain at its own resolution."""
    rng = np.random.default_rng(0)
    rows = list(csv.DictReader((real / "labels.csv").read_text(encoding="utf-8").splitlines()))
    for row in rows[:: max(1, len(rows) // count)][:count]:
        try:
            image = decode.load(real / row["file"]).image
        except decode.UnusableError:
            continue
        part = min(image.width / size[0], image.height / size[1])
        wide, high = part * size[0], part * size[1]
        left, top = max(0.0, (image.width - wide) / 2), max(0.0, (image.height - high) / 2)
        enlarged = image.resize(
            size,
            Image.Resampling.LANCZOS,
            box=(left, top, min(left + wide, image.width), min(top + high, image.height)),
        )
        grain = rng.normal(0, GRAIN[0], (size[1], size[0], 1)) + rng.normal(0, GRAIN[1], (size[1], size[0], 3))
        body = BytesIO()
        Image.fromarray((np.asarray(enlarged) + grain).clip(0, 255).astype(np.uint8)).save(body, "JPEG", quality=90)
        path = folder / f"{rng.integers(1 << 60):x}.jpg"
        path.write_bytes(body.getvalue())
        yield path


def _batches(paths: Iterator[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    for path in paths:
        batch.append(path)
        if len(batch) == BATCH:
            yield batch
            for one in batch:
                one.unlink()
            batch = []
    if batch:
        yield batch


def _confidences(loaded: load.Loaded, batch: list[Path]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """The confidence in a quilt, as the score stage decodes and from every pixel, (B, 2); CPU-seconds of either."""
    embed = load.Embedder(loaded, torch_body(loaded, "fp32"))
    wanted = list(targets.indices(["quilt"], loaded.classes))
    took = [time.process_time()]
    inputs = [look(path, loaded.prepare, loaded.side, loaded.paper).pixels for path in batch]
    took.append(time.process_time())
    whole = [loaded.prepare(decode.load(path).image) for path in batch]
    took.append(time.process_time())
    columns = []
    for pixels in (np.stack([one for one in inputs if one is not None]), np.stack(whole)):
        _, logits = embed(pixels)
        if loaded.activation == "sigmoid":
            each = 1 / (1 + np.exp(-logits))
        else:
            each = np.exp(logits - logits.max(axis=1, keepdims=True))
            each /= each.sum(axis=1, keepdims=True)
        columns.append(each[:, wanted].sum(axis=1))
    return np.stack(columns, axis=1).astype(np.float64), (took[1] - took[0], took[2] - took[1])
