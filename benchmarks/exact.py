"""How exact each way of computing is on real photographs, against the same small ResNet by torch in fp32.

    REAL=<folder> .venv/bin/python -m benchmarks.exact              # about three minutes of one core
    REAL=<folder> .venv/bin/python -m benchmarks.exact large 300    # JPEGs decoded at 1/2 to 1/8, some six minutes
    REAL=<folder> .venv/bin/python -m benchmarks.exact large 300 3000x2000    # of another size

REAL has labels.csv, photos/ and model/. Average precision is of the unseen photographs with a clear label, as
`timm by hand` has it in benchmarks/real.py; a decision counts as changed when a picture is on the other side of one of
nineteen thresholds, and its distance is that of the fp32 confidence from it. Everything goes through the scoring stage.
OpenVINO is measured where it is installed (make setup EXTRA=openvino). The last line is JSON.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from sklearn.metrics import average_precision_score

from benchmarks.real import BY_HAND
from benchmarks.support.folder_data import dataset
from benchmarks.support.large_photographs import large
from curate.choose import facts
from curate.look import decode
from curate.model import targets
from curate.scores.stage import score
from scrapbag.recipe import Score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scrapbag.layout import Data

THRESHOLDS = np.linspace(0.05, 0.95, 19)
OWN = (0.5, 0.9)  # thresholds that recipes/ ask for
PRECISION_WITHIN, DISTANCE_WITHIN = 0.002, 0.01
ROUGH = {
    "torch_bf16": Score(),
    "openvino_bf16": Score(backend="openvino"),
    "openvino_int8": Score(backend="openvino", dtype="int8"),
}


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    decode.strict()
    if sys.argv[1:2] == ["large"]:
        count, size = sys.argv[2:3] or ["1000"], sys.argv[3:4] or ["2000x1333"]
        width, _, height = size[0].partition("x")
        figures, reached = large(Path(os.environ["REAL"]), int(count[0]), (int(width), int(height)))
        print(json.dumps({"figures": figures, "reached": reached}))
        return
    able = importlib.util.find_spec("openvino") and importlib.util.find_spec("nncf")
    with tempfile.TemporaryDirectory() as folder:
        rough = [name for name in ROUGH if able or name.startswith("torch")]
        figures, reached = exact(Path(os.environ["REAL"]), Path(folder) / "real", rough)
    print(json.dumps({"figures": figures, "reached": reached}))


def exact(real: Path, root: Path, rough: Sequence[str]) -> tuple[dict[str, float], dict[str, bool]]:
    """Figures of each way of computing, and what of them is within the bounds. `root` is where scores are kept."""
    rows = list(csv.DictReader((real / "labels.csv").read_text(encoding="utf-8").splitlines()))
    digest = {row["file"]: hashlib.sha256((real / row["file"]).read_bytes()).hexdigest() for row in rows}
    data = dataset(root, [real / row["file"] for row in rows])
    unseen = [row for row in rows if row["seen_by_model"] == "no"]
    model = f"local-dir:{real / 'model'}"
    fp32 = confidences(Score(model, dtype="fp32"), data)
    figures: dict[str, float] = {"fp32_average_precision": precision(fp32, unseen, digest)}
    reached = {}
    for name in rough:
        mine = confidences(replace(ROUGH[name], model=model), data)
        figures[f"{name}_average_precision"] = precision(mine, unseen, digest)
        print(name, figures[f"{name}_average_precision"], file=sys.stderr)
        for which, some in (("unseen", unseen), ("all", rows)):
            one, other = (column(told, some, digest) for told in (mine, fp32))
            figures |= {f"{name}_{which}_{key}": value for key, value in moved(one, other).items()}
        off = abs(figures[f"{name}_average_precision"] - BY_HAND["average_precision"])
        reached[f"{name}_average_precision"] = off <= PRECISION_WITHIN
        reached[f"{name}_decisions"] = figures[f"{name}_unseen_furthest_changed"] <= DISTANCE_WITHIN
    return figures, reached


def confidences(settings: Score, data: Data) -> dict[str, float]:
    """How sure the model is of a quilt, by sha256; NaN for files that cannot be read."""
    score(settings, data)
    scores = facts.current(data)
    seen = facts.predictions(scores, targets.indices(["quilt"], scores.classes))
    return dict(zip(scores.shards.sha256, seen.confidence.tolist(), strict=True))


def column(
    told: Mapping[str, float], rows: Sequence[Mapping[str, str]], digest: Mapping[str, str]
) -> NDArray[np.float64]:
    """The readable ones, in the order of `rows`, each picture once."""
    values = np.array([told[one] for one in dict.fromkeys(digest[row["file"]] for row in rows)])
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite


def precision(told: Mapping[str, float], rows: Sequence[Mapping[str, str]], digest: Mapping[str, str]) -> float:
    """Average precision over the rows with a clear label that can be read."""
    clear = [(int(row["is_quilt"]), told[digest[row["file"]]]) for row in rows if row["is_quilt"]]
    truth, ours = np.array([one for one in clear if np.isfinite(one[1])]).T
    return round(float(average_precision_score(truth, ours)), 4)


def moved(mine: NDArray[np.float64], exact: NDArray[np.float64]) -> dict[str, float]:
    """By how much confidences moved, and the furthest from a threshold that one was whose decision changed."""
    changed = (mine >= THRESHOLDS[:, None]) != (exact >= THRESHOLDS[:, None])
    distance = np.where(changed, np.abs(exact - THRESHOLDS[:, None]), 0)
    return {
        "pictures": len(mine),
        "largest_move": round(float(np.abs(mine - exact).max()), 4),
        "furthest_changed": round(float(distance.max()), 4),
    } | {f"changed_at_{one}": int(((mine >= one) != (exact >= one)).sum()) for one in OWN}


if __name__ == "__main__":
    main()
