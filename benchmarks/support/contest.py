"""One run of benchmarks.quality: trained by CPU-time on one core, then judged with all of them."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from demo.drawing import small_quilts
from gan.evaluate import metrics
from gan.evaluate.fidelity import COUNT, Judge, Reals, divide
from gan.evaluate.keep import Keeper
from gan.nets import presets
from gan.pictures import batches, grids
from gan.pictures.data import Pictures
from gan.sample import sample
from gan.step import players
from gan.step.players import Machine
from gan.train import loop, preflight, start, subject
from gan.train.job import Job, Origin
from scrapbag import processor
from scrapbag.disk import write_text
from scrapbag.layout import Run
from scrapbag.recipe import Train

if TYPE_CHECKING:
    from gan.nets.values import Values
    from gan.pictures.packing import Pixels

# the networks of `auto`, all else as in the paper: no penalty, its rates, the usual average of weights
PLAIN = ("width=32", "tail=true", "mirror=true", "ema_kimg=22.0")
ROWS = {
    "auto": ("auto", ()),
    "plain": ("dcgan64", PLAIN),
    "quilt": ("quilt", ()),
    "dcgan64": ("dcgan64", ()),
}
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
    folder: str = ""  # of real pictures, instead of those of REAL
    init: str = ""  # what it begins from, as INIT has it

    @property
    def name(self) -> str:
        kind = Path(self.folder).name if self.folder else "real" if self.real else "drawn"
        begins = f"-from-{Path(self.init).name}" if self.init else ""
        return f"{kind}{self.side}-{self.minutes:g}min-{self.row}{begins}-{self.seed}"


def dataset(task: Task, work: Path) -> tuple[Pixels, Pixels]:
    """(training, held out)."""
    if task.folder:
        return of_folder(task.folder, task.side)
    return real(task.side) if task.real else drawn(task.side, work)


@cache
def drawn(side: int, work: Path) -> tuple[Pixels, Pixels]:
    """Quilts that are drawn once and kept in `work`: 6,000, and 512 held out."""
    path = work / f"drawn{side}.npz"
    if not path.exists():
        np.savez(path, train=small_quilts.pictures(6000, side), held=small_quilts.pictures(COUNT, side, held=True))
    with np.load(path) as both:
        return both["train"], both["held"]


@cache
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


@cache
def of_folder(folder: str, side: int) -> tuple[Pixels, Pixels]:
    """The pictures of a folder as squares, in an order by chance; every tenth, at least 64, is held out."""
    squares = []
    for path in sorted(Path(folder).glob("*.jpg"), key=lambda path: hashlib.sha256(path.name.encode()).digest()):
        with Image.open(path) as image:
            squares.append(np.asarray(ImageOps.fit(image.convert("RGB"), (side, side))))
    held = max(64, -(-len(squares) // 10))
    return np.stack(squares[held:]), np.stack(squares[:held])


def values_of(task: Task, train: Pixels) -> Values:
    """What a row trains with on these pictures: what `make train` would, the plain DCGAN's row aside."""
    name, *others = task.row.split(":")
    preset, overrides = ROWS[name][0], (*ROWS[name][1], *others)
    origin = _origin(task)
    row, given = start.row(origin, preset) or presets.row(preset, "cpu", task.side), start.given(origin, preset)
    learnt = preflight.small_set(len(train), presets.resolve(row, overrides, given))
    kept = subject.learnt(origin, lambda: train, tuple(overrides), lambda _: None)
    return replace(presets.resolve(row, overrides, {**given, **learnt}), **kept)


def _origin(task: Task) -> Origin | None:
    return start.find(task.init, Path()) if task.init else None


def learn(task: Task, work: Path) -> None:
    """Train by CPU-time, or go on; what came of it lies in the run's folder."""
    train, held = dataset(task, work)
    values = values_of(task, train)
    pictures = Pictures(
        key=small_quilts.sha256(train),
        names=tuple(map(str, range(len(train) + len(held)))),
        train=list(train),
        held=list(held),
        upto=(len(train),) * 4,
        side=task.side,
        squares=train,
        chosen=np.arange(len(train)),
    )
    folder = _folder(task, work)
    settings = Train(minutes=task.minutes, seed=task.seed)
    job = Job(folder, pictures, values, task.side, settings, Machine(threads=1, bf16=processor.has_bf16()))
    job = start.resume(job, start.fit(_origin(task), values, task.side, print))
    loop.train(job, clock=time.process_time, keeper=Keeper(job) if task.best else None)


def judge_of(task: Task, work: Path) -> Judge:
    """Who judges it, and all others of the same pictures."""
    train, held = dataset(task, work)
    return Judge(divide(train, held) if task.real or task.folder else Reals(train[:1024], held, held, train[:2048]))


def result(task: Task, work: Path, judge: Judge) -> dict[str, Any]:
    """What the last generator is worth, and the best one where that is asked."""
    folder = Run(work / task.name)
    generator = sample.load(folder.generator)
    fakes = batches.to_bytes(sample.draw(generator, SAMPLES, seed=7))
    grids.save(work / f"{task.name}.png", fakes[:64])
    verdict = judge.verdict(fakes, generator.images_seen)
    more: dict[str, Any] = {}
    if task.best:
        more = _parts(judge, fakes) | _best(judge, folder, work / f"{task.name}-best.png")
    if not generator.values.settle:
        settled = players.settled(generator.net, replace(generator.values, settle=True), generator.field)
        fakes = batches.to_bytes(sample.draw(replace(generator, net=settled), SAMPLES, seed=7))
        more["kid_settled"] = round(metrics.kid(judge.known[0].reference, judge.known[0].kind.look(fakes))[0], 1)
    return {
        **asdict(task),
        "name": task.name,
        "kimg": round(generator.images_seen / 1000, 1),
        "kid": round(verdict.measured[0].fakes.kid, 1),
        **more,
        "kid_floor": round(verdict.measured[0].floor.kid, 1),
        "recall": round(verdict.measured[0].fakes.recall, 3),
        "coverage": round(verdict.measured[0].fakes.coverage, 4),  # a thousandth matters at .92
        "coverage_floor": round(verdict.measured[0].floor.coverage, 3),
        "copy_auc": round(verdict.measured[0].fakes.copy_auc, 3),
        "colour": round(verdict.fakes.colour_volume, 1),
        "colour_floor": round(verdict.floor.colour_volume, 1),
        "sharpness": round(verdict.fakes.sharpness, 2),
        "flags": [flag.partition(":")[0] for flag in verdict.flags],
        "n": verdict.n,
        "samples": verdict.many,
        "features": verdict.measured[0].sha256,
        **same(task, work),
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
    kept = sample.load(folder.best)
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
    folder, asked = Run(work / task.name), json.dumps(same(task, work))
    mark = folder.root / "same.json"
    if not mark.exists() or mark.read_text(encoding="utf-8") != asked:
        shutil.rmtree(folder.root, ignore_errors=True)
        folder.root.mkdir(parents=True)
        write_text(mark, asked)
    return folder


def same(task: Task, work: Path) -> dict[str, Any]:
    """What two runs of a task must share to be one."""
    train, _ = dataset(task, work)
    values = presets.plain(values_of(task, train))
    return {
        "data": small_quilts.sha256(train),
        "values": values,
        "cpu": processor.describe(),
        "torch": torch.__version__,
    }
