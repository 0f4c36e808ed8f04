"""Whether the rulers of make evaluate rank pictures as a person does, who is asked "is it a quilt?".

    REAL=<folder> .venv/bin/python -m benchmarks.rulers [--side 64] [--count 48] [--run runs/NAME ...]

Kinds that a person names: other real quilts, drawn ones. Kinds that a person does not: the same real quilts warped
into strokes ("clay", as G makes it of photographs on a CPU), or blurred until no block is left; and other
photographs. Real quilts cut to patches that are mixed look like patchwork, and drawn ones as people photograph them
("drawn, placed") are there for docs/gan-transfer.md, so both are shown and not ranked. With --run also the samples of
runs, for a person to judge by their grids. Every ruler gets the same pictures. A pair of one kind of each sort is
ranked right when the ruler prefers the one that can be named. Last in a line is what a kind has in common with the
pictures of demo/start, by which a run decides whether to rehearse those (gan/train/subject.py). The folder holds
quilts256/, and photos/ with labels.csv, which curate decides on first, by lite0 with BY=auto (three minutes of one
core, kept in --work). The last line is JSON.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional

from benchmarks.support.folder_data import dataset
from curate import run as curate
from curate.scores.stage import score
from demo.drawing import photographs as drawn_photographs
from demo.drawing import small_quilts
from gan.evaluate import features, metrics
from gan.evaluate.target import Target
from gan.pictures import batches, grids
from gan.pictures.grids import UNREADABLE
from gan.sample import sample
from gan.train import start, subject
from scrapbag import decision
from scrapbag.layout import Data, Run
from scrapbag.recipe import DEMO_START, Curate, Score

if TYPE_CHECKING:
    from gan.evaluate.features import Features
    from gan.pictures.packing import Pixels

NAMED, UNNAMED = ("real", "drawn"), ("clay", "blurred", "photographs")  # kinds that a person calls a quilt, or does not
RULERS = {"kid": False, "coverage": True, "kid_taps": False, "kept": True, "median": True}  # True: larger is better
REFERENCE = 256  # real quilts


@dataclass(frozen=True)
class Known:
    """What samples are compared with, on one kind of features."""

    kind: Features
    reference: torch.Tensor


def decided(real: Path, work: Path) -> Data:
    """The folder's photographs as a dataset that lite0 has scored and curate has decided on."""
    data = Data(work / "photos")
    if not data.decision.exists():
        rows = csv.DictReader((real / "labels.csv").read_text(encoding="utf-8").splitlines())
        dataset(data.root, [real / row["file"] for row in rows])
        score(Score("lite0", dtype="fp32"), data)
        curate.curate(Curate(targets=("quilt",), size=64), data)
    return data


def as_sure(real: Path, work: Path, held: Pixels, samples: list[Pixels]) -> list[float]:
    """Of each run the share of samples that lite0 is as sure of as of the median held-out quilt; quilts have .5."""
    target = Target(decision.read(decided(real, work)))
    median = target.confidences(held).median()
    return [round(float((target.confidences(one) >= median).double().mean()), 3) for one in samples]


def quilts(real: Path, side: int) -> Pixels:
    """Every real quilt, by its name, which is a hash."""
    return np.stack([_square(path, side) for path in sorted((real / "quilts256").glob("*.jpg"))])


def others(real: Path, side: int, count: int) -> Pixels:
    """Photographs of other things, evenly over the list."""
    rows = csv.DictReader((real / "labels.csv").read_text(encoding="utf-8").splitlines())
    paths = [real / row["file"] for row in rows if row["is_quilt"] == "0" and not row["near_dup"]]
    found: list[Pixels] = []
    for path in paths[:: max(1, len(paths) // (2 * count))]:
        if len(found) < count:
            try:
                found.append(_square(path, side))
            except UNREADABLE:
                continue
    return np.stack(found)


def warped(pictures: Pixels, strokes: float = 0.1) -> Pixels:
    """Every pixel fetched from a smooth, random place up to `strokes` of the side away: strokes, colours, no block."""
    count, side = pictures.shape[:2]
    rng = torch.Generator().manual_seed(0)
    field = torch.randn((count, 2, side // 4, side // 4), generator=rng)
    field = functional.interpolate(field, (side, side), mode="bicubic", align_corners=False) * strokes
    row = torch.linspace(-1, 1, side)
    place = torch.stack(torch.meshgrid(row, row, indexing="xy"), -1)[None] + field.permute(0, 2, 3, 1)
    x = batches.to_floats(pictures, "cpu")
    return batches.to_bytes(functional.grid_sample(x, place, padding_mode="reflection", align_corners=True))


def mixed(pictures: Pixels, cells: int = 8) -> Pixels:
    """Cut into `cells` by `cells` patches, put together in any order."""
    count, side = pictures.shape[:2]
    patch = side // cells
    rng = np.random.default_rng(0)
    parts = pictures.reshape(count, cells, patch, cells, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    parts = parts.reshape(count, cells**2, patch, patch, 3)
    parts = np.stack([one[rng.permutation(cells**2)] for one in parts])
    parts = parts.reshape(count, cells, cells, patch, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    return np.ascontiguousarray(parts.reshape(pictures.shape))


def blurred(pictures: Pixels, cells: int = 8) -> Pixels:
    """As smooth as `cells` by `cells` pixels."""
    x, side = batches.to_floats(pictures, "cpu"), pictures.shape[1]
    small = functional.adaptive_avg_pool2d(x, cells)
    return batches.to_bytes(functional.interpolate(small, (side, side), mode="bicubic", align_corners=False))


def measured(pictures: Pixels, random: Known, taps: Known, target: Target, median: float) -> dict[str, float]:
    """What each ruler says of (N, side, side, 3)."""
    seen = random.kind.look(pictures)
    sure = target.confidences(pictures)
    return {
        "kid": round(metrics.kid(random.reference, seen)[0], 1),
        "coverage": round(metrics.precision_recall_coverage(random.reference, seen)[2], 3),
        "kid_taps": round(metrics.kid(taps.reference, taps.kind.look(pictures))[0], 1),
        "kept": round(float((sure >= target.decision.cut).double().mean()), 3),
        "median": round(float((sure >= median).double().mean()), 3),
    }


def ranked_right(found: dict[str, dict[str, float]], ruler: str, named: tuple[str, ...] = NAMED) -> float:
    """The share of pairs, one of a kind that is `named` and one of a kind that is not, that the ruler ranks right."""
    sign = 1 if RULERS[ruler] else -1
    pairs = [(found[a][ruler], found[b][ruler]) for a in named for b in UNNAMED]
    return round(sum(sign * (a - b) > 0 for a, b in pairs) / len(pairs), 3)


@click.command()
@click.option("--side", default=64, show_default=True)
@click.option("--count", default=48, show_default=True, help="Pictures of each kind.")
@click.option("--run", "runs", multiple=True, type=click.Path(path_type=Path), help="Samples of this run, too.")
@click.option("--work", type=click.Path(path_type=Path), default="out/rulers", show_default=True)
def main(side: int, count: int, runs: tuple[Path, ...], work: Path) -> None:
    """A line a kind; the last line is JSON."""
    real = Path(os.environ["REAL"])
    target = Target(decision.read(decided(real, work)))
    every = quilts(real, side)
    reference, held = every[:REFERENCE], every[REFERENCE : REFERENCE + count]
    kinds = {
        "real": held,
        "drawn": np.stack([small_quilts.quilt(small_quilts.HELD + i, side) for i in range(count)]),
        "drawn, placed": np.stack([drawn_photographs.quilt(drawn_photographs.HELD + i, side) for i in range(count)]),
        "clay": warped(held),
        "patches": mixed(held),
        "blurred": blurred(held),
        "photographs": others(real, side, count),
    }
    for folder in runs:
        generator = sample.load(Run(folder).generator)
        kinds[f"run {folder.name}"] = batches.to_bytes(sample.draw(generator, count, 0))
    work.mkdir(parents=True, exist_ok=True)
    grids.save(work / f"kinds{side}.png", np.concatenate([one[:12] for one in kinds.values()]), columns=12)
    random, taps = (
        Known(kind, kind.look(reference)) for kind in (features.untrained(reference), features.taps(reference))
    )
    median, theirs = float(target.confidences(held).median()), start.read(DEMO_START).squares
    found: dict[str, dict[str, float]] = {}
    for kind, pictures in kinds.items():
        found[kind] = measured(pictures, random, taps, target, median)
        if theirs is not None:
            found[kind]["common"] = round(subject.overlap(theirs[: subject.SHOWN], pictures[: subject.SHOWN]), 2)
        print(f"{kind:<14}", *(f"{ruler} {value:<9}" for ruler, value in found[kind].items()), flush=True)
    right = {ruler: ranked_right(found, ruler) for ruler in RULERS}
    photographs = {ruler: ranked_right(found, ruler, ("real",)) for ruler in RULERS}
    figures: dict[str, Any] = {
        "decided": target.words, "kinds": found, "ranked_right": right, "real_ranked_right": photographs
    }  # fmt: skip
    real_ones, clay, photos = found["real"], found["clay"], found["photographs"]
    reached = {
        "KID on lite0's taps: real quilts before everything else": photographs["kid_taps"] == 1,
        "KID on lite0's taps: clay at least ten times as far as real quilts": clay["kid_taps"]
        >= 10 * max(real_ones["kid_taps"], 1),
        "as sure as the median real: real quilts before everything else": photographs["median"] == 1,
        "as sure as the median real: photographs at most a quarter of real quilts": photos["median"]
        <= real_ones["median"] / 4,
        "as sure as the median real: clay at most half of real quilts": clay["median"] <= real_ones["median"] / 2,
        "as sure as the median real: quilts, real or drawn, before everything else": right["median"] == 1,
        "same subject as demo/start's pictures: real quilts, and no other photographs": photos["common"]
        < subject.LEAST
        <= real_ones["common"],
        "kept: real quilts before everything else": photographs["kept"] == 1,
        "coverage on random features: real quilts before everything else": photographs["coverage"] == 1,
        "KID on random features: clay at least ten times as far as real quilts": clay["kid"]
        >= 10 * max(real_ones["kid"], 1),
    }
    print(json.dumps({"figures": figures, "reached": reached}))


def _square(path: Path, side: int) -> Pixels:
    with Image.open(path) as image:
        whole = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(ImageOps.fit(whole, (side, side), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
