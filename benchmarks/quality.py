"""What a person gets for their minutes: `auto` against others in CPU-minutes on one core, by KID, coverage and colour.

By default 6,000 drawn quilts at 32x32, 6 CPU-minutes, three seeds, two at a time. `--long` adds 64x64, 20 CPU-minutes,
drawn quilts and, with REAL=<folder>, the real ones of its labels.csv; and an hour of `auto` on those. Another row is a
row with values of its own, such as --only auto,auto:tint=false. What ran is kept in --work and goes on from there while
values, pictures and processor are the same; --fresh makes every run again.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from benchmarks import quilts
from gan import batches, grids, loop, metrics, players, preflight, presets, sample
from gan.data import Pictures
from gan.evaluate import best
from gan.judge import COUNT, Judge, Reals, divide
from gan.keep import Keeper
from gan.players import Machine
from scrapbag import processor
from scrapbag.layout import Run, write_text
from scrapbag.recipe import Train

if TYPE_CHECKING:
    from gan.data import Pixels

# the networks of `auto`, all else as in the paper: no penalty, its rates, the usual average of weights
PLAIN = ("width=32", "tail=true", "mirror=true", "ema_kimg=22.0")
ROWS = {
    "auto": ("auto", ()),
    "plain": ("dcgan64", PLAIN),
    "quilt": ("quilt", ()),
    "dcgan64": ("dcgan64", ()),
}
KID, COVERAGE, HALF, COLOUR = 0.41, 0.92, 0.5, 0.8
SAMPLES = 2048  # four draws: of one generator a single one's coverage goes from .90 to .95


@dataclass(frozen=True)
class Task:
    """One training run, in a process of its own."""

    row: str  # of ROWS; after colons values that replace its own
    seed: int
    side: int
    minutes: float
    real: bool = False
    best: bool = False  # look on the way, as `make train` does, and judge the best generator as well

    @property
    def name(self) -> str:
        kind = "real" if self.real else "drawn"
        return f"{kind}{self.side}-{self.minutes:g}min-{self.row}-{self.seed}"


def dataset(task: Task, work: Path) -> tuple[Pixels, Pixels]:
    """(training, held out); drawn quilts are drawn once and kept in `work`."""
    if task.real:
        return real(task.side)
    path = work / f"drawn{task.side}.npz"
    if not path.exists():
        np.savez(path, train=quilts.pictures(6000, task.side), held=quilts.pictures(COUNT, task.side, held=True))
    with np.load(path) as both:
        return both["train"], both["held"]


def real(side: int) -> tuple[Pixels, Pixels]:
    """The quilts of REAL/labels.csv, each picture once, cut to squares; every tenth, at least 64, is held out."""
    folder = Path(os.environ["REAL"])
    squares, seen = [], set()
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["is_quilt"] != "1" or (row["near_dup"] and row["near_dup"] in seen):
                continue
            try:
                with Image.open(folder / row["file"]) as image:
                    square = ImageOps.fit(ImageOps.exif_transpose(image).convert("RGB"), (side, side))
            except (OSError, UnidentifiedImageError):
                continue
            seen.add(row["near_dup"])
            squares.append((hashlib.sha256(row["file"].encode()).digest(), np.asarray(square)))
    mixed = np.stack([square for _, square in sorted(squares, key=lambda pair: pair[0])])
    held = max(64, -(-len(mixed) // 10))
    return mixed[held:], mixed[:held]


def values_of(task: Task, count: int) -> presets.Values:
    """What a row trains with on so many pictures: what `make train` would, the plain DCGAN's row aside."""
    name, *others = task.row.split(":")
    preset, overrides = ROWS[name][0], (*ROWS[name][1], *others)
    row = presets.row(preset, "cpu", task.side)
    return presets.resolve(row, overrides, preflight.small_set(count, presets.resolve(row, overrides)))


def run(task: Task, work: Path) -> dict[str, Any]:
    """Train by CPU-time, then judge the last generator, and the best one where that is asked."""
    train, held = dataset(task, work)
    values = values_of(task, len(train))
    every = range(len(train))
    pictures = Pictures(
        key=quilts.sha256(train),
        names=tuple(map(str, range(len(train) + len(held)))),
        train=list(train),
        held=list(held),
        upto=(len(train),) * 4,
        side=task.side,
        squares=train,
        chosen=np.asarray(every),
    )
    folder = _folder(task, work)
    settings = Train(minutes=task.minutes, seed=task.seed)
    job = loop.Job(folder, pictures, values, task.side, settings, Machine(threads=1, bf16=processor.has_bf16()))
    moment, _ = loop.train(job, clock=time.process_time, judge=Keeper(job) if task.best else None)
    reals = divide(train, held) if task.real else Reals(train[:1024], held, held, train[:2048])
    judge = Judge(reals)
    generator = sample.load(folder.generator)
    fakes = batches.to_bytes(sample.draw(generator, SAMPLES, seed=7))
    grids.save(work / f"{task.name}.png", fakes[:64])
    verdict = judge.verdict(fakes, moment.images_seen)
    more: dict[str, Any] = {}
    if task.best:
        more = _parts(judge, fakes) | _best(judge, folder, work / f"{task.name}-best.png")
    if not values.settle:
        settled = players.settled(generator.net, replace(values, settle=True), generator.field)
        fakes = batches.to_bytes(sample.draw(replace(generator, net=settled), SAMPLES, seed=7))
        more["kid_settled"] = round(metrics.kid(judge.known[0].reference, judge.known[0].kind.look(fakes))[0], 1)
    return {
        **asdict(task),
        "name": task.name,
        "kimg": round(moment.images_seen / 1000, 1),
        "kid": round(verdict.measured[0].fakes.kid, 1),
        **more,
        "kid_floor": round(verdict.measured[0].floor.kid, 1),
        "recall": round(verdict.measured[0].fakes.recall, 3),
        "coverage": round(verdict.measured[0].fakes.coverage, 4),  # one in 1,024 matters at .92
        "coverage_floor": round(verdict.measured[0].floor.coverage, 3),
        "copy_auc": round(verdict.measured[0].fakes.copy_auc, 3),
        "colour": round(verdict.fakes.colour_volume, 1),
        "colour_floor": round(verdict.floor.colour_volume, 1),
        "sharpness": round(verdict.fakes.sharpness, 2),
        "flags": [flag.partition(":")[0] for flag in verdict.flags],
        "n": verdict.n,
        "samples": verdict.many,
        "features": verdict.measured[0].sha256,
        **_same(task, work),
    }


def _parts(judge: Judge, fakes: Pixels) -> dict[str, list[float]]:
    """What as few samples as the floor has would have said, draw by draw."""
    known = judge.known[0]
    draws = [draw for draw in torch.split(known.kind.look(fakes), len(known.others)) if len(draw) == len(known.others)]
    return {
        "kid_of_parts": [round(metrics.kid(known.reference, draw)[0], 1) for draw in draws],
        "coverage_of_parts": [round(metrics.precision_recall_coverage(known.reference, draw)[2], 3) for draw in draws],
    }


def _best(judge: Judge, folder: Run, grid: Path) -> dict[str, float]:
    """The generator of the smallest KID by 256 samples on the way, judged as the last one is."""
    kept = sample.load(best(folder))
    fakes = batches.to_bytes(sample.draw(kept, SAMPLES, seed=7))
    grids.save(grid, fakes[:64])
    verdict = judge.verdict(fakes, kept.images_seen)
    return {
        "kimg_best": round(kept.images_seen / 1000, 1),
        "kid_best": round(verdict.measured[0].fakes.kid, 1),
        "coverage_best": round(verdict.measured[0].fakes.coverage, 3),
        "colour_best": round(verdict.fakes.colour_volume, 1),
    }


def _folder(task: Task, work: Path) -> Run:
    """Where a run trains; one of the same that was cut short is there still and goes on."""
    folder, same = Run(work / task.name), json.dumps(_same(task, work))
    mark = folder.root / "same.json"
    if not mark.exists() or mark.read_text(encoding="utf-8") != same:
        shutil.rmtree(folder.root, ignore_errors=True)
        folder.root.mkdir(parents=True)
        write_text(mark, same)
    return folder


def _same(task: Task, work: Path) -> dict[str, Any]:
    """What two runs of a task must share to be one."""
    train, _ = dataset(task, work)
    values = presets.plain(values_of(task, len(train)))
    return {"data": quilts.sha256(train), "values": values, "cpu": processor.describe(), "torch": torch.__version__}


def _kept(task: Task, work: Path) -> dict[str, Any] | None:
    """The result of a run that ended earlier, of the same values and pictures on the same kind of processor."""
    path = work / f"{task.name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found if found.items() >= (_same(task, work) | {"samples": SAMPLES}).items() else None


def together(tasks: list[Task], work: Path, jobs: int) -> list[dict[str, Any]]:
    """Run each in a process of its own, `jobs` at a time, in order: contestants of a seed share the machine's mood."""
    done = [one for task in tasks if (one := _kept(task, work))]
    waiting, running = [task for task in tasks if not _kept(task, work)], []
    for one in done:
        print(_line(one), " (kept)", flush=True)
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.pop(0)
            command = [sys.executable, "-m", "benchmarks.quality", "--one", json.dumps(asdict(task)), "--work", work]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            running.append((task, subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)))
        time.sleep(0.5)
        for pair in [pair for pair in running if pair[1].poll() is not None]:
            running.remove(pair)
            task, process = pair
            said = process.communicate()[0].splitlines()
            if process.returncode or not said:
                raise click.ClickException(f"{task.name} ended with {process.returncode}")
            one = json.loads(said[-1])
            print(_line(one), flush=True)
            done.append(one)
    return done


def _line(one: dict[str, Any]) -> str:
    return (
        f"{one['name']:<28} {one['kimg']:>7} kimg  KID {one['kid']:>7} (floor {one['kid_floor']})  "
        f"coverage {one['coverage']} (floor {one['coverage_floor']})  recall {one['recall']}  "
        f"copy-AUC {one['copy_auc']}  colour {one['colour']} of {one['colour_floor']}  "
        f"sharpness {one['sharpness']}  {' '.join(one['flags'])}"
    )


def short(done: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, bool]]:
    """`auto` against the plain DCGAN, seed by seed; nothing where one of the two was not run."""
    autos, plains = (sorted((d for d in done if d["row"] == row), key=lambda d: d["seed"]) for row in ("auto", "plain"))
    if not autos or not plains:
        return {}, {}
    pairs = list(zip(autos, plains, strict=True))
    ratios = [round(auto["kid"] / plain["kid"], 3) for auto, plain in pairs]
    settled = [round(auto["kid"] / plain["kid_settled"], 3) for auto, plain in pairs]
    coverage = [auto["coverage"] for auto in autos]
    figures = {
        "kid_ratio": ratios,
        "kid_ratio_median": statistics.median(ratios),
        "kid_ratio_had_the_plain_one_been_settled": settled,
        "coverage": coverage,
        "coverage_median": statistics.median(coverage),
        "colour_share": [round(d["colour"] / d["colour_floor"], 2) for d in autos],
    }
    return figures, {
        "kid": statistics.median(ratios) <= KID,
        "coverage": statistics.median(coverage) >= COVERAGE,
    }


def long(done: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, bool]]:
    """`auto` at 64x64 against the presets `quilt` and `dcgan64` at equal time."""
    figures, reached = {}, {}
    for kind in sorted({d["real"] for d in done}):
        word = "real" if kind else "drawn"
        same = {d["row"]: d for d in done if d["real"] == kind and d["minutes"] <= 20}
        for other in ("quilt", "dcgan64"):
            if "auto" in same and other in same:
                ratio = round(same["auto"]["kid"] / same[other]["kid"], 3)
                figures[f"{word}64_auto_over_{other}"] = ratio
                reached[f"{word}64_{other}"] = ratio <= HALF
        if "auto" in same:
            share = round(same["auto"]["colour"] / same["auto"]["colour_floor"], 2)
            figures[f"{word}64_colour_share"] = share
            if not kind:
                reached["drawn64_colour"] = share >= COLOUR
    return figures, reached


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--minutes", type=float, help="CPU-minutes of each run: 6, or 20 with --long.")
@click.option("--jobs", default=2, show_default=True, help="Runs at a time, a core each.")
@click.option("--long", "far", is_flag=True, help="Hours: 64x64, and the real quilts of REAL.")
@click.option("--only", default="", help="Rows to run, with commas; the hour of --long is called hour.")
@click.option("--fresh", is_flag=True, help="Make every run again.")
@click.option("--work", type=click.Path(path_type=Path), default="out/quality", show_default=True)
@click.option("--one", hidden=True, help="One task, as JSON.")
def main(
    seeds: int, minutes: float | None, jobs: int, far: bool, only: str, work: Path, one: str | None, *, fresh: bool
) -> None:
    """KID, coverage and colour for the same CPU-minutes; the last line is JSON."""
    work.mkdir(parents=True, exist_ok=True)
    if one:
        logging.basicConfig(level=logging.WARNING)
        torch.set_num_threads(1)
        task = Task(**json.loads(one))
        line = json.dumps(run(task, work))
        write_text(work / f"{task.name}.json", line + "\n")
        print(line)
        return
    if far:
        kinds = [False, True] if os.environ.get("REAL") else [False]
        chosen = only.split(",") if only else ["auto", "quilt", "dcgan64", "hour"]
        tasks = [Task(row, 0, 64, minutes or 20, kind, best=True) for kind in kinds for row in chosen if row != "hour"]
        if True in kinds and "hour" in chosen:
            tasks.insert(0, Task("auto", 1, 64, 60, real=True, best=True))
    else:
        chosen = only.split(",") if only else ["auto", "plain"]
        tasks = [Task(row, seed, 32, minutes or 6) for seed in range(seeds) for row in chosen]
    print(f"{processor.describe()}, torch {torch.__version__}")
    for task in tasks:
        if fresh:
            (work / f"{task.name}.json").unlink(missing_ok=True)
            shutil.rmtree(work / task.name, ignore_errors=True)
        train, held = dataset(task, work)
        print(f"{task.name}: {len(train)} pictures, data {quilts.sha256(train)}, {len(held)} held out")
    done = together(tasks, work, jobs)
    figures, reached = long(done) if far else short(done)
    print(json.dumps({"figures": {**figures, "runs": done}, "reached": reached}))


if __name__ == "__main__":
    main()
