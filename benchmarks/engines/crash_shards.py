"""Scoring by ENGINE=ray under SIGKILL, of a worker or of the driver by lot: the files must be those of a calm run."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil

from benchmarks.engines import drawn
from curate.scores.shards import Shards
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from scrapbag.layout import Data

MODEL = "demo"
LATEST = 5.0  # seconds after the first task was seen at work
PATIENCE = 600  # seconds for a cluster to start on a busy computer


def measure(kills: int, pictures: int, seed: int) -> tuple[dict[str, int], dict[str, bool]]:
    """Score so many pictures twice: in peace by threads, and by Ray under kills; the figures, and what is promised."""
    root = Path(tempfile.mkdtemp(prefix="scrapbag-crash-"))
    try:
        files = drawn.files(root / "files", pictures)
        calm, harried = (drawn.ready(root / name, files, MODEL) for name in ("calm", "harried"))
        _wait(_begin(calm, "local"))
        drivers, workers, left, runs = _harry(harried, kills, random.Random(seed))
        digests = [_digests(data) for data in (calm, harried)]
        rows = Shards(next(path for path in harried.scored.iterdir() if path.is_dir())).sha256
    finally:
        shutil.rmtree(root, ignore_errors=True)
    figures = {
        "kills": drivers + workers,
        "of_drivers": drivers,
        "of_workers": workers,
        "runs_to_the_end": runs,
        "pictures": pictures,
        "rows": len(rows),
        "rows_twice": len(rows) - len(set(rows)),
        "processes_left": left,
    }
    return figures, {
        "every row exactly once": len(rows) == len(set(rows)) == pictures,
        "equal bytes": digests[0] == digests[1],
        "no process is left": left == 0,
        "all kills landed": drivers + workers == kills,
    }


def _harry(data: Data, kills: int, rng: random.Random) -> tuple[int, int, int, int]:
    """Score under kills, then to the end; kills of drivers and of workers, processes left behind, runs that ended."""
    drivers = workers = left = runs = 0
    while True:
        driver = _begin(data, "ray")
        while drivers + workers < kills and (task := _at_work(driver)):
            time.sleep(rng.uniform(0, LATEST))
            if driver.poll() is not None:
                break
            if rng.random() < 0.5:
                task = _at_work(driver)
                if task is None:
                    break
                task.kill()
                task.wait(PATIENCE)
                workers += 1
                continue
            family = psutil.Process(driver.pid).children(recursive=True)
            driver.kill()
            driver.wait()
            drivers += 1
            _, alive = psutil.wait_procs(family, 180)
            left += len(alive)
            break
        code = driver.wait()
        if code == MissingError.exit_code or code < 0:
            continue  # Ray did not start, which a busy computer may need more than 30 s for; or it was killed
        _wait(driver)
        runs += 1
        if drivers + workers == kills:
            return drivers, workers, left, runs
        shutil.rmtree(data.scored)  # it was done before the next kill


def _begin(data: Data, engine: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "curate", "score", "--data", str(data.root), "--engine", engine, "--workers", "2"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.Popen(words, env=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _at_work(driver: subprocess.Popen[bytes]) -> psutil.Process | None:
    """One of its workers with a task, once there is one; None where the driver has ended."""
    deadline = time.monotonic() + PATIENCE
    while driver.poll() is None and time.monotonic() < deadline:
        try:
            for one in psutil.Process(driver.pid).children(recursive=True):
                if one.name().startswith("ray::scrapbag"):
                    return one
        except psutil.Error:
            pass
        time.sleep(0.05)
    return None


def _wait(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise click.ClickException(f"scoring ended with {process.returncode}")


def _digests(data: Data) -> dict[str, str]:
    paths = sorted(path for path in data.scored.rglob("*") if path.is_file())
    return {str(path.relative_to(data.scored)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
