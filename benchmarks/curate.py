"""How fast choosing is: file to score against the plain loop, squares against plain Pillow, and a new threshold.

    .venv/bin/python -m benchmarks.curate            # all, about a quarter of an hour of one core; memory is half of it
    .venv/bin/python -m benchmarks.curate memory     # or one part: score, square, rethreshold, cluster, memory

Rivals take turns in one process; figures are medians of three, in CPU-seconds: a busy machine changes those less.
OpenVINO is measured where it is installed (make setup EXTRA=openvino).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from timm.models import save_for_hf

from curate.choose import duplicates, facts
from curate.choose.decide import decide
from curate.look import decode, hashes
from curate.look.measure import COLUMNS
from curate.model.passes import BATCH
from curate.model.targets import ClassSet
from curate.scores.batches import output_columns, score_batch
from curate.scores.pairs import read_pairs
from curate.scores.scorer import open_scorer
from curate.scores.shards import Shards
from curate.squares import cache
from scrapbag import catalog, processor
from scrapbag.layout import Data, Version
from scrapbag.recipe import Curate, Score, Scrape

if TYPE_CHECKING:
    from collections.abc import Callable

    from curate.scores.scorer import Scorer

PICTURES, ROUNDS = 48, 3
GOALS = {
    "score_torch_bf16": 3.0, "score_openvino_bf16": 4.0, "score_openvino_int8": 6.0, "squares": 2.5,
    "rethreshold_40000_s": 0.5, "hashes_100000_s": 30.0, "memory_growth_mb": 150.0, "memory_model_growth_mb": 150.0,
}  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    decode.strict()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files = draw(root / "files")
        parts: dict[str, Callable[[], dict[str, float]]] = {
            "score": lambda: score(root, files),
            "square": lambda: square(root, files),
            "rethreshold": lambda: rethreshold(root),
            "cluster": cluster,
            "memory": lambda: memory(root, "none", "memory") | memory(root, "demo", "memory_model"),
        }
        figures: dict[str, float] = {}
        for part in sys.argv[1:] or parts:
            figures |= parts[part]()
            print(json.dumps({"part": part, "figures": figures}), file=sys.stderr)
    reached = {name: figures[name] >= goal if not name.endswith(("_s", "_mb")) else figures[name] <= goal
               for name, goal in GOALS.items() if name in figures}  # fmt: skip
    print(json.dumps({"processor": processor.describe(), "figures": figures, "reached": reached}))


def draw(folder: Path) -> list[Path]:
    """JPEGs of 1000 x 750 and about 100 kB: coarse shapes, edges and some grain."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = [folder / f"{number:03d}.jpg" for number in range(PICTURES)]
    for path in paths:
        shapes = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        smooth = cv2.resize(shapes, (1000, 750), interpolation=cv2.INTER_CUBIC)
        for _ in range(60):
            corner = rng.integers(0, 900, 2).tolist()
            colour = rng.integers(0, 255, 3).tolist()
            cv2.rectangle(smooth, corner, (np.array(corner) + rng.integers(10, 120, 2)).tolist(), colour, -1)
        grain = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(grain).save(path, quality=85)
    return paths


def score(root: Path, files: list[Path]) -> dict[str, float]:
    """Images per CPU-second from file to score on ResNet-50 (random weights serve for time), and ratios to plain."""
    module = timm.create_model("resnet50", num_classes=1000).eval()
    save_for_hf(module, str(root / "model"), safe_serialization=True)
    name = f"local-dir:{root / 'model'}"
    data = Data(root / "bench")
    rivals: dict[str, Callable[[], object]] = {"plain": plain(module, files)}
    wanted = [Score(name)]
    if importlib.util.find_spec("openvino") and importlib.util.find_spec("nncf"):
        wanted += [Score(name, "openvino"), Score(name, "openvino", "int8")]
    for one in wanted:
        scorer = open_scorer(one, files, data)
        pictures = [
            catalog.StoredPicture(n, hashlib.sha256(p.read_bytes()).hexdigest(), p) for n, p in enumerate(files)
        ]
        rivals[f"score_{one.backend}_{one.dtype}"] = partial(_scored, pictures, scorer)
    spent = race(rivals)
    figures = {f"{key}_images_per_cpu_s": round(PICTURES / seconds, 1) for key, seconds in spent.items()}
    return figures | {key: round(spent["plain"] / spent[key], 2) for key in spent if key != "plain"}


def _scored(pictures: list[catalog.StoredPicture], scorer: Scorer) -> None:
    for start in range(0, PICTURES, BATCH):
        score_batch(scorer, pictures[start : start + BATCH])


def plain(module: torch.nn.Module, files: list[Path]) -> Callable[[], object]:
    """What people write: open, transform, stack, eager, sixteen at a time."""
    transform = create_transform(**resolve_data_config({}, model=module), is_training=False)

    @torch.inference_mode()
    def loop() -> None:
        for start in range(0, PICTURES, BATCH):
            batch = [transform(Image.open(path).convert("RGB")) for path in files[start : start + BATCH]]
            module(torch.stack(batch)).softmax(1)

    return loop


def square(root: Path, files: list[Path]) -> dict[str, float]:
    wanted = [cache.Wanted(n, hashlib.sha256(p.name.encode()).hexdigest(), p, 1.0) for n, p in enumerate(files)]

    def pillow() -> None:
        for path in files:
            image = Image.open(path).convert("RGB")
            side = max(image.size)
            ImageOps.pad(image, (side, side), color="white").resize((256, 256)).save(root / "plain.png")

    squaring = cache.Squaring(256, "white", Scrape.max_pixels)

    def ours() -> None:
        for one in wanted:
            (root / "square.png").write_bytes(cache.square_png(squaring, one))

    spent = race({"plain": pillow, "ours": ours})
    return {
        "squares_per_cpu_s": round(PICTURES / spent["ours"], 1),
        "squares_plain_per_cpu_s": round(PICTURES / spent["plain"], 1),
        "squares": round(spent["plain"] / spent["ours"], 2),
    }


def rethreshold(root: Path, count: int = 40_000) -> dict[str, float]:
    """From stored scores to decisions, for one more threshold: reading, summing, deciding."""
    data = simulated(Data(root / f"rows-{count}"), count)
    settings = Curate(targets=("quilt",), size=64)

    def again() -> None:
        scores = facts.current(data)
        columns = facts.collect(scores, facts.predictions(scores, (0,)), None, {}, ())
        decide(columns, duplicates.links(read_pairs(scores.shards), 0.985), settings, 0.7)

    return {"rethreshold_40000_s": round(race({"again": again})["again"], 3)}


def simulated(data: Data, count: int) -> Data:
    """Scores as a model would leave them."""
    rng = np.random.default_rng(1)
    shards = Shards(data.scored / "simulated")
    for start in range(0, count, 256):
        size = min(256, count - start)
        columns = {name: np.ones(size, kind) for name, kind in COLUMNS.items()} | {"problem": np.zeros(size, np.uint8)}
        columns |= {"width": np.full(size, 900, np.uint32), "height": np.full(size, 700, np.uint32)}
        columns |= {
            "entropy": rng.normal(7, 0.3, size).astype(np.float32),
            "blur": rng.lognormal(6, 0.8, size).astype(np.float32),
        }
        columns |= {"hashes": rng.integers(0, 2**63, (size, hashes.COLUMNS), dtype=np.uint64)}
        logits = rng.normal(0, 2, (size, 1000)).astype(np.float32)
        columns |= output_columns(rng.normal(size=(size, 512)).astype(np.float32), logits)
        shards.append([hashlib.sha256(f"{start + row}".encode()).hexdigest() for row in range(size)], columns)
    info = {"model": "simulated", "link": "softmax", "backend": "none", "dtype": "fp32"}
    Version(shards.folder).model.write_text(json.dumps(info))
    Version(shards.folder).labels.write_text(ClassSet("model", ("quilt", *map(str, range(999)))).dumps())
    data.index.write_text(json.dumps({"key": "simulated"}))
    read_pairs(shards)
    return data


def cluster(count: int = 100_000) -> dict[str, float]:
    table_ = np.random.default_rng(2).integers(0, 2**63, (count, hashes.COLUMNS), dtype=np.uint64)
    table_[1::100, 0] = table_[::100, 0] ^ np.uint64(0b10010001)

    def run() -> None:
        found = hashes.pairs(table_)
        both = np.concatenate([found[:, :2], found[:, 1::-1]])
        both = both[np.lexsort(both.T[::-1])]
        links = duplicates.Links(both[:, 0], both[:, 1], np.ones(len(both), dtype=np.int64))
        duplicates.originals(count, links, np.arange(count), np.ones(count, dtype=bool))

    return {"hashes_100000_s": round(race({"run": run})["run"], 2)}


def memory(root: Path, model: str, name: str) -> dict[str, float]:
    """Peak MB of scoring 1,000 and 40,000 small pictures, and by how much it grows."""
    peaks = {}
    for count in (1_000, 40_000):
        data = Data(root / f"small-{count}")
        if not data.catalog.exists():
            small(data, count)
        code = (
            "import sys; from pathlib import Path; from curate.scores.stage import score;"
            " from scrapbag.layout import Data; from scrapbag.recipe import Score;"
            " score(Score(model=sys.argv[2]), Data(Path(sys.argv[1])));"
            " print(int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, data.root, model], capture_output=True, text=True, check=True
        )
        peaks[count] = int(done.stdout)
    return {
        f"{name}_1000_mb": peaks[1_000],
        f"{name}_40000_mb": peaks[40_000],
        f"{name}_growth_mb": peaks[40_000] - peaks[1_000],
    }


def small(data: Data, count: int) -> None:
    """A catalog of `count` tiny pictures: sixty-four, and a number at the end of each makes its bytes its own."""
    rng = np.random.default_rng(3)
    bodies = [
        cv2.imencode(".jpg", cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), (72, 72)))[1].tobytes()
        for _ in range(64)
    ]
    connection = catalog.connect(data.catalog, create=True)
    connection.execute("begin")
    for number in range(count):
        body = bodies[number % 64] + str(number).encode()
        sha256 = hashlib.sha256(body).hexdigest()
        path = data.image(sha256, "jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        connection.execute(
            "insert into picture (sha256, extension, bytes, width, height, added_at) values (?, 'jpg', 1, 72, 72, '')",
            (sha256,),
        )
    connection.execute("commit")
    connection.close()


def race(rivals: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median CPU-seconds of each, taking turns; one round before the count warms up."""
    spent: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(ROUNDS + 1):
        for name, run in rivals.items():
            start = time.process_time()
            run()
            if turn:
                spent[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in spent.items()}


if __name__ == "__main__":
    main()
