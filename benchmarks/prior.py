"""What the class prior is worth: kept, precision and recall with no answer, on real photographs; and what it costs.

    REAL=<folder> .venv/bin/python -m benchmarks.prior

The folder holds photos/, labels.csv and model/ (see benchmarks/real.py). Three networks look at its photographs: lite0
(ImageNet-1k), the folder's own small model (which knows just these classes: judged on the photographs that it has not
seen) and the demo's. The cost is of 40,000 simulated pictures of 1,000 classes. The last line is JSON.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.support.folder_data import dataset
from curate import run
from curate.choose import correction
from curate.choose.facts import current
from curate.model import prior, targets
from curate.scores import neighbours
from curate.scores.batches import output_columns
from curate.scores.shards import Shards
from curate.scores.stage import score
from scrapbag.recipe import Curate, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scrapbag.layout import Data

# name, temperature of the softmax, neighbours, share of the prior from them, rounds of that
TRIED = (
    ("EM alone", 1.0, 0, 0.5, 0),
    ("half from 20, once", 1.0, 20, 0.5, 1),
    ("half from 20, three times", 1.0, 20, 0.5, 3),
    ("0.7 from 20, three times", 1.0, 20, 0.7, 3),
    ("0.8 from 20, five times", 1.0, 20, 0.8, 5),
    ("0.8 from 12, three times", 1.0, 12, 0.8, 3),
    ("taken: 0.8 from 8, thrice", 1.0, prior.NEAREST, prior.SHARE, prior.SPREADS),
    ("0.8 from 8, five times", 1.0, 8, 0.8, 5),
    ("taken, temperature 1.3", 1.3, prior.NEAREST, prior.SHARE, prior.SPREADS),
    ("taken, temperature 1.6", 1.6, prior.NEAREST, prior.SHARE, prior.SPREADS),
)
# Other targets of the same photographs: their synsets, and how the folder's labels of them begin
OTHERS = {
    "cat": (("n02121808",), "cat"),
    "purse": (("n04026417",), "handbag:handbag"),
    "shoe": (("n03680355", "n04120489", "n04133789", "n03047690", "n03124043"), "shoe:"),
}
COUNT, CLASSES = 40_000, 1_000


@dataclass(frozen=True)
class Photographs:
    """The readable ones with a clear label, each once: what a network says of them."""

    data: Data
    truth: NDArray[np.bool_]  # whether it is a quilt
    row: NDArray[np.int64]  # in the shards
    label: tuple[str, ...]  # as labels.csv has it


def main() -> None:
    if len(sys.argv) > 1:  # a process of its own, so that its peak of memory is its own
        print(json.dumps(cost(Path(sys.argv[1]))))
        return
    real = Path(os.environ["REAL"])
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("lite0", "lite0"), ("folder", f"local-dir:{real / 'model'}"), ("demo", "demo")):
            photographs = scored(real, Path(folder) / name, model, unseen=name == "folder")
            raw, auto = as_curated(photographs, "prob"), as_curated(photographs, "auto")
            figures |= {f"{name}_prob_{key}": value for key, value in raw.items()}
            figures |= {f"{name}_auto_{key}": value for key, value in auto.items()}
            if name == "lite0":
                compare(photographs)
            if name == "folder":  # what stepping aside is for
                figures |= {f"folder_forced_{key}": value for key, value in forced(photographs).items()}
        command = [sys.executable, "-m", "benchmarks.prior", f"{folder}/cost"]
        figures |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    reached = {
        "lite0 at .9: recall at least .25 at precision at least .95": figures["lite0_auto_recall_at_0.9"] >= 0.25
        and figures["lite0_auto_precision_at_0.9"] >= 0.95,
        "lite0: average precision at least .84": figures["lite0_auto_average_precision"] >= 0.84,
        "lite0 at .5: precision at least .90": figures["lite0_auto_precision_at_0.5"] >= 0.9,
        "folder: average precision not lower by more than .005": figures["folder_auto_average_precision"]
        >= figures["folder_prob_average_precision"] - 0.005,
        "demo: average precision not lower by more than .005": figures["demo_auto_average_precision"]
        >= figures["demo_prob_average_precision"] - 0.005,
        "folder at .9: precision at least .92": figures["folder_auto_precision_at_0.9"] >= 0.92,
        "40,000 x 1,000: at most 20 CPU-s": figures["cost_cpu_s"] <= 20,
        "40,000 x 1,000: at most 1 GB": figures["cost_peak_gb"] <= 1,
        "another threshold: at most .5 s": figures["again_s"] <= 0.5,
    }
    print(json.dumps({"figures": figures, "reached": reached}))


def scored(real: Path, root: Path, model: str, *, unseen: bool) -> Photographs:
    """The folder's photographs as a dataset that `model` has scored in fp32."""
    rows = list(csv.DictReader((real / "labels.csv").read_text(encoding="utf-8").splitlines()))
    data = dataset(root, [real / row["file"] for row in rows])
    score(Score(model, dtype="fp32"), data)
    label = {hashlib.sha256((real / row["file"]).read_bytes()).hexdigest(): row for row in rows}
    shards = current(data).shards
    usable = shards.column("problem") == 0
    chosen = [
        number
        for number, sha256 in enumerate(shards.sha256)
        if usable[number] and label[sha256]["is_quilt"] and not (unseen and label[sha256]["seen_by_model"] == "yes")
    ]
    truth = np.array([label[shards.sha256[number]]["is_quilt"] == "1" for number in chosen])
    return Photographs(data, truth, np.array(chosen), tuple(label[shards.sha256[number]]["label"] for number in chosen))


def as_curated(photographs: Photographs, by: Literal["prob", "auto"]) -> dict[str, float]:
    """What `make curate BY=` makes of them."""
    settings = Curate(targets=("quilt",), by=by)
    outcome = run.choose(run.gather(settings, photographs.data), settings)
    confidence = {row.sha256: row.confidence for row in outcome.rows if row.sha256}
    names = current(photographs.data).shards.sha256
    return judged(np.array([confidence[names[row]] or 0.0 for row in photographs.row]), photographs.truth)


def judged(confidence: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, float]:
    found = {"average_precision": round(float(average_precision_score(truth, confidence)), 4)}
    for cut in (0.9, 0.5):
        kept = confidence >= cut
        found[f"kept_at_{cut}"] = int(kept.sum())
        found[f"precision_at_{cut}"] = round(float(truth[kept].mean()) if kept.any() else 1.0, 4)
        found[f"recall_at_{cut}"] = round(float(kept[truth].mean()), 4)
    return found


def forced(photographs: Photographs) -> dict[str, float]:
    """What the correction would make of a network that it steps aside for."""
    scores = current(photographs.data)
    usable = scores.shards.column("problem") == 0
    wanted = targets.indices(("quilt",), scores.classes)
    made = correction.of_shards(scores.shards, wanted, usable, np.arange(len(usable)))
    assert made.confidence is not None
    return judged(made.confidence[photographs.row].astype(np.float64), photographs.truth)


def compare(photographs: Photographs) -> None:
    """Print the tables of what was tried, for lite0: quilts by every way, other targets by some."""
    scores = current(photographs.data)
    shards, usable = scores.shards, scores.shards.column("problem") == 0
    below = shards.column("below")[usable].astype(np.float32)
    row = np.cumsum(usable) - 1
    near = row[neighbours.read(shards).row[usable]].astype(np.int32)
    truths = {"quilt": (targets.indices(("n04033995",), scores.classes), photographs.truth)}
    for name, (synsets, start) in OTHERS.items():
        truth = np.array([one.startswith(start) for one in photographs.label])
        truths[name] = (targets.indices(synsets, scores.classes), truth)
    group = np.arange(usable.sum())
    for way, temperature, nearest, share, rounds in (("the softmax", 1.0, 0, 0.0, -1), *TRIED):
        p = np.exp(below / temperature)
        p /= p.sum(axis=1, keepdims=True)
        tried: dict[str, Any] = {"share": share, "spreads": rounds, "nearest": nearest}
        q = p if rounds < 0 else prior.correct(p, group, near, **tried).posterior
        for name, (wanted, truth) in truths.items():
            confidence = q[row[photographs.row]][:, list(wanted)].sum(axis=1).astype(np.float64)
            print(f"{way:<28}{name:<7}", json.dumps(judged(confidence, truth)))


def cost(root: Path) -> dict[str, float]:
    """CPU-seconds and peak of memory, in GB over what imports take, of the first correction; seconds of the next."""
    rng = np.random.default_rng(0)
    shards = Shards(root)
    for start in range(0, COUNT, 256):
        count = min(256, COUNT - start)
        logits = rng.normal(size=(count, CLASSES)).astype(np.float32) * 3
        features = rng.normal(size=(count, 512)).astype(np.float32)
        names = [hashlib.sha256(f"{start + number}".encode()).hexdigest() for number in range(count)]
        shards.append(names, output_columns(features, logits) | {"problem": np.zeros(count, np.uint8)})
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    before, began = _memory("VmRSS"), time.process_time()
    usable, group = np.ones(COUNT, dtype=bool), np.arange(COUNT)
    correction.of_shards(shards, [7], usable, group)
    spent = time.process_time() - began
    peak = _memory("VmHWM") - before
    began = time.perf_counter()
    correction.of_shards(shards, [7], usable, group)
    return {
        "cost_cpu_s": round(spent, 1),
        "cost_peak_gb": round(peak / 1e6, 2),
        "again_s": round(time.perf_counter() - began, 3),
    }


def _memory(line: str) -> int:
    """In kB, of this process, by Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition(f"{line}:")[2].split()[0])


if __name__ == "__main__":
    main()
