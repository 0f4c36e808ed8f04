"""One row of benchmarks.gpu_contest: trained for minutes, looked at as it goes, judged when it is over."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path  # noqa: TC003 - the types of a dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageOps

from benchmarks.card import sheets
from gan.evaluate import features, metrics
from gan.evaluate.fidelity import Judge, reals_of
from gan.nets import networks, presets
from gan.pictures import batches, data, grids
from gan.step.players import Machine
from gan.train import loop, preflight, progress
from gan.train.job import Job
from scrapbag.layout import Data, Run, metrics_rows
from scrapbag.recipe import Train

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from gan.evaluate.fidelity import Reals
    from gan.nets.values import Values
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels


@dataclass(frozen=True)
class Row:
    """A row of the table of presets, or one changed by `values`, and how it is trained."""

    name: str
    preset: str
    side: int
    minutes: float
    seed: int = 0
    values: tuple[str, ...] = ()

    @staticmethod
    def read(text: str, side: int, minutes: float) -> Row:
        """Of "projected side=128 minutes=3 seed=1 ghost=8": what is not of the row itself is a value of the preset."""
        preset, *rest = text.split()
        own = dict(one.split("=", 1) for one in rest if one.split("=")[0] in {"side", "minutes", "seed"})
        values = tuple(one for one in rest if one.split("=")[0] not in own)
        side, seed = int(own.get("side", side)), int(own.get("seed", 0))
        short = [re.sub(r"[^A-Za-z0-9]", "", one) for one in values]
        name = "-".join([preset, str(side), *([f"s{seed}"] if seed else []), *short])
        return Row(name, preset, side, float(own.get("minutes", minutes)), seed, values)


@dataclass(frozen=True)
class Place:
    """Where a contest reads and writes."""

    folder: Path  # of squares
    work: Path
    out: Path  # what comes back: few files
    samples: int

    @property
    def no_graphs(self) -> Path:
        """A mark."""
        return self.work / "no-graphs"

    def say(self, what: str, row: str, **figures: Any) -> None:
        """A line of results.jsonl, whole even where several write."""
        line = json.dumps({"what": what, "row": row, "at": round(time.time(), 1), **figures}) + "\n"
        handle = os.open(self.out / "results.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(handle, line.encode())
        os.close(handle)
        print(line, end="", flush=True)


def graphs_of(place: Place) -> bool:
    """Whether steps are recorded as CUDA graphs: until a row has failed with them."""
    return not place.no_graphs.exists()


def pictures(place: Place, side: int) -> tuple[Pictures, Data]:
    """The squares of the folder at `side`, made once; a tenth, at least 64, is held out."""
    dataset = Data(place.work / f"squares{side}")
    if not dataset.curated.exists():
        part = dataset.curated.with_name("curated.part")
        part.mkdir(parents=True, exist_ok=True)
        for path in sorted(place.folder.glob("*.jpg")):
            with Image.open(path) as image:
                square = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
            square.save(part / f"{path.stem}.png", compress_level=1)
        part.rename(dataset.curated)
    return data.load(dataset.curated, dataset.root / "packed"), dataset


def _known(row: Row, place: Place) -> tuple[Pictures, Values]:
    known, _ = pictures(place, row.side)
    preset = presets.row(row.preset, preflight.device(), row.side)
    learnt = preflight.small_set(len(known.train), presets.resolve(preset, row.values))
    return known, presets.resolve(preset, row.values, learnt)


def job_of(row: Row, place: Place, run: Path) -> Job:
    """A run without a probe: bf16 on a GPU, all cores where there is none."""
    known, values = _known(row, place)
    gpu = preflight.device() == "cuda"
    machine = Machine(preflight.device(), torch.get_num_threads(), bf16=gpu, graphs=graphs_of(place))
    settings = Train(minutes=row.minutes, seed=row.seed, values=row.values)
    run.mkdir(parents=True, exist_ok=True)
    return Job(Run(run), known, values, row.side, settings, machine)


class Looker:
    """The loop's keeper: samples and a grid to the work folder, a sheet of the grids and a line to what comes back."""

    def __init__(self, job: Job, row: Row, place: Place) -> None:
        self.job, self.row, self.place, self.folder = job, row, place, job.run.root
        self.began = time.perf_counter()
        self.grids: list[Path] = []

    def __call__(self, net: nn.Module, images_seen: int) -> None:
        shown = sheets.shown(self.row.side)
        pixels = _draw(net, self.job.values, self.row.side, self.place.samples, self.job.machine.device)
        np.save(self.folder / f"samples-{images_seen:09d}.npy", pixels)
        path = self.folder / f"look-{images_seen:09d}.png"
        grids.save(path, pixels[:shown])
        self.grids.append(path)
        sheets.save(self.place.out / f"{self.row.name}.jpg", self.grids, pixels[: sheets.SAMPLES])
        seconds = time.perf_counter() - self.began
        spread = grids.pixel_std(batches.to_floats(pixels[:shown], "cpu"))
        self.place.say(
            "look", self.row.name, images_seen=images_seen, wall_s=round(seconds, 1), spread=round(spread, 3)
        )


def learn(row: Row, place: Place, look_s: float) -> None:
    """Train, looking every `look_s` seconds; then one line of how fast it was."""
    progress.GRID_S = look_s
    job = job_of(row, place, place.work / row.name)
    if job.machine.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    moment, sha256 = loop.train(job, keeper=Looker(job, row, place), save_s=1e9)
    rates = [float(line["images_per_s"]) for line in metrics_rows(job.run)]
    figures = {
        **{key: value for key, value in asdict(row).items() if key != "name"},
        "images_seen": moment.images_seen, "seconds": round(moment.seconds, 1), "faults": moment.faults,
        "wall_s": round(time.perf_counter() - began, 1),
        "images_per_s": round(moment.images_seen / moment.seconds, 1),
        "images_per_s_median": round(float(np.median(rates)), 1), "sha256": sha256[:16],
    }  # fmt: skip
    if job.machine.device == "cuda":
        figures |= {
            "memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2), "card": torch.cuda.get_device_name(),
        }  # fmt: skip
    place.say("trained", row.name, **figures)


def judge(row: Row, place: Place) -> None:
    """KID, coverage and colours of every look by 256 samples, everything of the last one."""
    job = job_of(row, place, place.work / row.name)
    looks = sorted(job.run.root.glob("samples-*.npy"))
    if not looks:
        place.say("judged", row.name, side=row.side, nothing=True)
        return
    reals = reals_of(job.pictures, job.values)
    figures = _ruler(reals)
    for path in looks:
        shown = np.array(np.load(path, mmap_mode="r")[: sheets.SAMPLES])
        place.say("curve", row.name, images_seen=_seen(path), **figures(shown))
    verdict = Judge(reals).verdict(np.load(looks[-1]), _seen(looks[-1]))
    ours, floor = verdict.measured[0].fakes, verdict.measured[0].floor
    place.say(
        "judged", row.name, side=row.side, images_seen=verdict.images_seen, samples=verdict.many,
        features=verdict.measured[0].sha256,
        **{name: [round(getattr(one, name), 3) for one in (ours, floor)] for name in asdict(ours)},
        colour_volume=[round(verdict.fakes.colour_volume, 1), round(verdict.floor.colour_volume, 1)],
        sharpness=[round(verdict.fakes.sharpness, 2), round(verdict.floor.sharpness, 2)],
        flags=[flag.partition(":")[0] for flag in verdict.flags],
    )  # fmt: skip


def judge_sheet(path: Path, row: Row, place: Place) -> None:
    """What a run that was cut before it was judged has left: figures of its sheet's samples."""
    reals, pixels = reals_of(*_known(row, place)), sheets.samples_of(path, row.side)
    volume = round(metrics.colour_volume(reals.reference), 1)
    place.say("sheet", path.stem, samples=len(pixels), **_ruler(reals)(pixels), colour_volume_of_reals=volume)


def _ruler(reals: Reals) -> Callable[[Pixels], dict[str, float]]:
    """What measures samples against these pictures, on random features."""
    kind = features.untrained(reals.reference)
    reference = kind.look(reals.reference)

    def figures(pixels: Pixels) -> dict[str, float]:
        vectors = kind.look(pixels)
        _, recall, coverage = metrics.precision_recall_coverage(reference, vectors)
        return {
            "kid": round(metrics.kid(reference, vectors)[0], 1), "recall": round(recall, 3),
            "coverage": round(coverage, 3), "colour_volume": round(metrics.colour_volume(pixels), 1),
        }  # fmt: skip

    return figures


def _seen(path: Path) -> int:
    """The images that a look's file is named after."""
    return int(path.stem.split("-")[1])


@torch.no_grad()
def _draw(net: nn.Module, values: Values, side: int, count: int, device: str) -> Pixels:
    """The same latents at every look."""
    rng = batches.chance(7, 0, "latents", device)
    z = batches.latents(values, count, rng, networks.field(values, side))
    return np.concatenate([batches.to_bytes(net(part)) for part in torch.split(z, 64)])
