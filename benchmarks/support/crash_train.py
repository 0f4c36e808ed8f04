"""Training under SIGKILL: every preset, killed at chance moments, must end with the weights of a run that never was.

The nets are narrow and the batches small, so that many kills fit into minutes; everything else is the preset's own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image

from gan.nets import presets
from gan.train import loop, runs
from scrapbag.check import build
from scrapbag.layout import Data, Run
from scrapbag.recipe import Train

SIDE = 32
IMAGES = 400
SMALL = ("width=4", "batch=4", "z=8")
BEGUN = "init"  # beside the rows of PRESETS: `auto` with INIT, so with rehearsal and a copy of its start


def killed(work: Path, row: str, kills: int, chance: random.Random) -> dict[str, object]:
    """Train `row` twice in peace and once under `kills` SIGKILLs; whether all end alike."""
    preset = "auto" if row == BEGUN or row.startswith("auto-") else row
    crop = bool(presets.PRESETS.get(row, {}).get("crop"))
    values = (*SMALL, *(("crop=32",) if crop else ()))
    init = str(_origin(work)) if row == BEGUN else ""
    values += ("rehearse=0.5",) if row == BEGUN else ()
    settings = build(Train, {"preset": preset, "images": IMAGES, "values": values, "init": init}, "[train]")
    data = Data(work / ("texture" if crop else "squares"))
    first, calm, harried = (Run(work / f"{row}-{name}") for name in ("first", "calm", "killed"))
    _child(data, first, settings, row, None)
    _begin(calm, first)
    began = time.monotonic()
    _child(data, calm, settings, row, None)
    took = time.monotonic() - began  # a GPU's awaking with it
    _begin(harried, first)
    landed = 0
    for _ in range(20 * kills):
        if landed == kills:
            break
        if _child(data, harried, settings, row, chance.uniform(0.02, took)):
            landed += 1
        else:
            shutil.rmtree(harried.root)  # it was done before the kill
            _begin(harried, first)
    _child(data, harried, settings, row, None)
    ends = {json.loads(run.done.read_text())["sha256"] for run in (first, calm, harried)}
    return {"preset": row, "kills": landed, "equal": len(ends) == 1}


def _begin(run: Run, first: Run) -> None:
    """What the probe chose once holds for all; two probes may choose differently."""
    run.root.mkdir()
    shutil.copy(first.settings, run.settings)


def _origin(work: Path) -> Path:
    """A run on other squares to begin from."""
    origin = Run(work / "origin")
    settings = build(Train, {"images": 80, "values": SMALL}, "[train]")
    _child(Data(work / "others"), origin, settings, "", None)
    return origin.root


def pictures(work: Path) -> None:
    """Two sets of a hundred squares of chance colours, and one large picture for the textures."""
    rng = np.random.default_rng(0)
    for name in ("squares", "others"):
        (work / name / "curated").mkdir(parents=True)
        for i in range(100):
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((SIDE, SIDE)).save(work / name / "curated" / f"{i:05d}.png")
    (work / "texture" / "curated").mkdir(parents=True)
    Image.fromarray(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(work / "texture" / "curated" / "00001.png")


def _child(data: Data, run: Run, settings: Train, row: str, kill_after: float | None) -> bool:
    """Train in a fork of this process, which has torch imported already; returns whether it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run.root.mkdir(parents=True, exist_ok=True)
            job = runs.prepare(data, run, settings, lambda _: None, "" if row == BEGUN else row)
            moment, sha256 = loop.train(job, save_s=0.0)
            runs.finish(job, moment, sha256)
            code = 0
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise click.ClickException(f"training {row} failed")
    return os.WIFSIGNALED(status)


def measure(kills: int, rows: tuple[str, ...], seed: int) -> list[dict[str, object]]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pictures(work)
        found = []
        for row in rows or (*presets.PRESETS, BEGUN):
            found.append(killed(work, row, kills, chance))
            click.echo(f"{row}: killed {found[-1]['kills']} times, {'equal' if found[-1]['equal'] else 'DIFFERENT'}")
        return found
