"""What a person gets for their minutes: `auto` against others in CPU-minutes on one core, by KID, coverage and colour.

By default 6,000 drawn quilts at 32x32, 6 CPU-minutes, three seeds, two at a time. `--long` adds 64x64, 20 CPU-minutes,
drawn quilts and, with REAL=<folder>, the real ones of its labels.csv; and an hour of `auto` on those. Another row is a
row with values of its own, such as --only auto,auto:tint=false. What ran is kept in --work and goes on from there while
values, pictures and processor are the same; --fresh makes every run again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from benchmarks import rulers
from benchmarks.support import contest
from benchmarks.support.contest import Task
from demo.drawing import small_quilts
from gan.pictures import batches
from gan.sample import sample
from scrapbag import processor
from scrapbag.disk import write_text
from scrapbag.layout import Run

if TYPE_CHECKING:
    from gan.evaluate.fidelity import Judge

KID, COVERAGE, HALF, COLOUR = 0.41, 0.92, 0.5, 0.8
TRANSFER_COVERAGE, THRICE = 0.95, 3  # with INIT, of photographs


def _kept(task: Task, work: Path) -> dict[str, Any] | None:
    """The result of a run that ended earlier, of the same values and pictures on the same kind of processor."""
    path = work / f"{task.name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found if found.items() >= (contest.same(task, work) | {"samples": contest.SAMPLES}).items() else None


def together(tasks: list[Task], work: Path, jobs: int) -> list[dict[str, Any]]:
    """Train each in a process of its own, `jobs` at a time, in order; then judge them with all cores.

    Contestants of a seed share the machine's mood.
    """
    done, asked = [], []
    for task in tasks:
        if one := _kept(task, work):
            print(_line(one), " (kept)", flush=True)
            done.append(one)
        else:
            asked.append(task)
    _train(list(asked), work, jobs)
    judges: dict[tuple[bool, str, int], Judge] = {}
    for task in asked:
        kind = task.real, task.folder, task.side
        judges[kind] = judges.get(kind) or contest.judge_of(task, work)
        one = contest.result(task, work, judges[kind])
        write_text(work / f"{task.name}.json", json.dumps(one) + "\n")
        print(_line(one), flush=True)
        done.append(one)
    return done


def _train(waiting: list[Task], work: Path, jobs: int) -> None:
    """Each on one core; when one fails, nothing goes on."""
    running: list[tuple[Task, subprocess.Popen[bytes]]] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.pop(0)
            words = "--one", json.dumps(asdict(task)), "--work", str(work)
            command = [sys.executable, "-m", "benchmarks.quality", *words]
            running.append((task, subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})))
        time.sleep(0.5)
        for pair in [pair for pair in running if pair[1].poll() is not None]:
            running.remove(pair)
            task, process = pair
            if process.returncode:
                for _, other in running:
                    other.terminate()
                raise click.ClickException(f"{task.name} ended with {process.returncode}")
            print(f"{task.name}: trained", flush=True)


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


def transfer(done: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, bool]]:
    """`auto` with INIT against `auto` from nothing, seed by seed, both at the end of the run."""
    began, nothing = ([d for d in done if bool(d["init"]) is kind] for kind in (True, False))
    pairs = [(one, other) for one in began for other in nothing if one["seed"] == other["seed"]]
    if not pairs:
        return {}, {}
    ratios = [round(one["kid"] / other["kid"], 3) for one, other in pairs]
    coverage = [one["coverage"] for one, _ in pairs]
    figures = {
        "kid_ratio": ratios,
        "kid_ratio_of_the_best": [round(one["kid_best"] / other["kid_best"], 3) for one, other in pairs],
        "coverage": coverage,
        "as_sure": [[one["as_sure"], other["as_sure"]] for one, other in pairs],
        "as_sure_flatters": any(one["values"]["teacher"] != "none" for one, _ in pairs),  # the judge was its teacher
    }
    return figures, {
        "kid": max(ratios) <= HALF,
        "coverage": min(coverage) >= TRANSFER_COVERAGE,
        "as sure as the median real": all(
            one["as_sure"] >= max(THRICE * other["as_sure"], 0.01) for one, other in pairs
        ),
    }


def _as_sure(tasks: list[Task], done: list[dict[str, Any]], work: Path) -> None:
    """Add to each what the curation model says of its last samples; all are of the same pictures."""
    held = contest.dataset(tasks[0], work)[1]
    generators = [sample.load(Run(work / one["name"]).generator) for one in done]
    samples = [batches.to_bytes(sample.draw(generator, rulers.REFERENCE, seed=7)) for generator in generators]
    for one, share in zip(done, rulers.as_sure(Path(os.environ["REAL"]), work, held, samples), strict=True):
        one["as_sure"] = share


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--minutes", type=float, help="CPU-minutes of each run: 6, or 20 with --long.")
@click.option("--jobs", default=2, show_default=True, help="Runs at a time, a core each.")
@click.option("--long", "far", is_flag=True, help="Hours: 64x64, and the real quilts of REAL.")
@click.option("--transfer", "begun", is_flag=True, help="64x64, the quilts of REAL/quilts256, with INIT and without.")
@click.option("--init", default="demo", show_default=True, help="What the runs of --transfer begin from.")
@click.option("--only", default="", help="Rows to run, with commas; the hour of --long is called hour.")
@click.option("--fresh", is_flag=True, help="Make every run again.")
@click.option("--work", type=click.Path(path_type=Path), default="out/quality", show_default=True)
@click.option("--one", hidden=True, help="One task, as JSON.")
def main(
    seeds: int,
    minutes: float | None,
    jobs: int,
    far: bool,
    begun: bool,
    init: str,
    only: str,
    work: Path,
    one: str | None,
    *,
    fresh: bool,
) -> None:
    """KID, coverage and colour for the same CPU-minutes; the last line is JSON."""
    work.mkdir(parents=True, exist_ok=True)
    if one:
        logging.basicConfig(level=logging.WARNING)
        torch.set_num_threads(1)
        contest.learn(Task(**json.loads(one)), work)
        return
    if begun:
        if not os.environ.get("REAL"):
            raise click.UsageError("--transfer needs REAL=<folder with quilts256/>")
        folder, chosen = str(Path(os.environ["REAL"]) / "quilts256"), only.split(",") if only else ["auto"]
        tasks = [
            Task(row, seed, 64, minutes or 20, best=True, folder=folder, init=begins)
            for seed in range(seeds)
            for begins in (init, "")
            for row in chosen
        ]
    elif far:
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
        train, held = contest.dataset(task, work)
        print(f"{task.name}: {len(train)} pictures, data {small_quilts.sha256(train)}, {len(held)} held out")
    done = together(tasks, work, jobs)
    if begun:
        _as_sure(tasks, done, work)
    figures, reached = transfer(done) if begun else long(done) if far else short(done)
    print(json.dumps({"figures": {**figures, "runs": done}, "reached": reached}))


if __name__ == "__main__":
    main()
