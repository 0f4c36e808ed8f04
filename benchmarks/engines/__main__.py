"""python -m benchmarks.engines: what ENGINE=ray costs over ENGINE=local, for the same bytes.

Scoring proper (reading, decoding, measuring, the network, writing the shards) is timed in turns with one and with two
workers, in CPU-seconds, since wall time is at the mercy of what else runs. The overhead is all that Ray spends on top:
in this process, in its workers, and in its own services. The start of the cluster, and of the model in each worker,
are paid once whatever the number of pictures, and stand apart. The last line is JSON.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click
import psutil

from benchmarks.engines import drawn
from curate.look import decode
from curate.scores.batches import Scoring
from curate.scores.scorer import Scorer, open_scorer
from curate.scores.shards import SIZE, Shards
from curate.scores.stage import add
from scrapbag import catalog
from scrapbag.errors import exits
from scrapbag.layout import Version
from scrapbag.processor import describe
from scrapbag.recipe import Score
from scrapbag.workers.engines import Engine, engine

if TYPE_CHECKING:
    from scrapbag.layout import Data

WORKERS = (1, 2)
TARGET = 0.05


@dataclass(frozen=True)
class Spent:
    """CPU-seconds by who spent them, and seconds by the clock."""

    work: float  # this process and the workers
    services: float  # what Ray runs beside them
    wall: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.work - other.work, self.services - other.services, self.wall - other.wall)

    @property
    def cpu(self) -> float:
        return self.work + self.services


def spent() -> Spent:
    """Until now, by this process and all below it."""
    work = services = 0.0
    for one in psutil.Process().children(recursive=True):
        try:
            seconds, name = sum(one.cpu_times()[:2]), one.name()
        except psutil.Error:
            continue
        worker = name.startswith("ray::") and not name.startswith(("ray::Dashboard", "ray::RuntimeEnv"))
        work, services = work + seconds * worker, services + seconds * (not worker)
    return Spent(work + time.process_time(), services, time.monotonic())


def begun(scorer: Scorer, number: int) -> int:
    """A portion that asks for nothing but the model."""
    time.sleep(0.2)  # or the worker that is there first would take them all
    return number if scorer.key else 0


class Bench:
    """A dataset, its scorer, and a folder for each run's shards."""

    def __init__(self, data: Data, root: Path, model: str) -> None:
        self._root = root
        with catalog.connect(data.catalog) as connection:
            self.pictures = catalog.pictures(connection, data)
        settings, most = Score(model=model), decode.max_pixels(data)
        scorer = open_scorer(settings, [], data)
        self.scoring = Scoring(settings, data, most, scorer.key, scorer)
        self._runs = 0

    def score(self, one: Engine) -> tuple[Spent, str]:
        """Score all into new shards; what it cost, and the shards' checksums."""
        self._runs += 1
        version = Version(self._root / str(self._runs))
        version.root.mkdir(parents=True)
        before = spent()
        add(self.pictures, self.scoring, Shards(version.root), one)
        return spent() - before, version.sums.read_text()


def compare(bench: Bench, workers: int, rounds: int) -> tuple[dict[str, float], bool]:
    """Both engines with so many workers in turns: medians, and whether all shards were equal."""
    runs: dict[str, list[Spent]] = {"local": [], "ray": []}
    sums = set()
    begin = spent()
    with engine("local", workers) as threads, engine("ray", workers) as ray:
        list(ray.run(int, max, [0]))
        started = spent() - begin
        begin = spent()
        list(ray.run(bench.scoring, begun, range(4 * workers)))
        loaded = spent() - begin
        for turn in range(rounds):
            order = {"local": threads, "ray": ray}
            for name in order if turn % 2 else reversed(order):
                cost, said = bench.score(order[name])
                runs[name].append(cost)
                sums.add(said)
        below = psutil.Process().children(recursive=True)
        sizes = [one.memory_info() for one in below if one.name() in {"ray::IDLE", "ray::scrapbag"}]
    keys = ("cpu", "services", "wall")
    local, over_ray = ({key: median(getattr(one, key) for one in costs) for key in keys} for costs in runs.values())
    shards = -(-len(bench.pictures) // SIZE)
    ratios = [ray.cpu / local.cpu - 1 for local, ray in zip(runs["local"], runs["ray"], strict=True)]
    return {
        "overhead": round(median(ratios), 3),
        "overhead_s_a_shard": round((over_ray["cpu"] - local["cpu"]) / shards, 3),
        "local_cpu_s": round(local["cpu"], 2),
        "ray_cpu_s": round(over_ray["cpu"], 2),
        "ray_services_cpu_s": round(over_ray["services"], 2),
        "local_wall_s": round(local["wall"], 2),
        "ray_wall_s": round(over_ray["wall"], 2),
        "cluster_start_cpu_s": round(started.cpu, 1),
        "model_start_cpu_s_a_worker": round(loaded.work / workers, 1),
        "worker_rss_mb": round(max((one.rss for one in sizes), default=0) / 2**20),
        "worker_own_mb": round(max((one.rss - one.shared for one in sizes), default=0) / 2**20),
    }, len(sums) == 1


@click.command()
@click.option("--pictures", default=1000, show_default=True)
@click.option("--model", default="demo", show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(pictures: int, model: str, rounds: int) -> None:
    """Local against Ray, with one and with two workers."""
    os.environ.pop("RAY_ADDRESS", None)
    with exits(), tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = drawn.ready(root / "data", drawn.files(root / "files", pictures), model)
        bench = Bench(data, root / "shards", model)
        figures: dict[str, object] = {"pictures": pictures, "model": model, "processor": describe()}
        reached = {}
        for workers in WORKERS:
            found, equal = compare(bench, workers, rounds)
            click.echo(f"{workers} workers: {found}")
            figures |= {f"{key}_{workers}": value for key, value in found.items()}
            reached[f"equal bytes, {workers} workers"] = equal
            reached[f"overhead under {TARGET:.0%}, {workers} workers"] = found["overhead"] < TARGET
        click.echo(json.dumps({"figures": figures, "reached": reached}))


if __name__ == "__main__":
    main()
