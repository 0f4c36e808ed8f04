"""make serve against the quilt seed's way, and against what a trainer on two cores eats.

    .venv/bin/python -m benchmarks.serve

Squares of 64x64, one client on the same computer. In each round every way is measured for some seconds, one after the
other: pictures a second, and CPU-seconds a picture of server and client together. `seed` gets one variation an answer
as a JSON list (benchmarks/serve/one_by_one.py); `variations` are the same ones, 64 in a tar; `squares` are what
DATA_URL asks for. A trainer of preset `auto` says by its own probe, in the same rounds, how many images a second it
takes. The last line is JSON.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import psutil
import torch
from PIL import Image

from demo.drawing.small_quilts import quilt
from gan.nets import presets
from gan.pictures import wire
from gan.pictures.fetch import Fetcher
from gan.train import preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIDE, BATCH, SQUARES, CORES = 64, 64, 400, 2
TIMES_SEED, TIMES_TRAINER = 5.0, 2.0


@dataclass(frozen=True)
class Took:
    """What one way did in one round."""

    per_s: float  # pictures
    cpu_s: float  # a picture


@contextmanager
def started(module: str, root: Path, *options: str) -> Iterator[tuple[psutil.Process, str]]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-m", module, "--data", str(root), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"at (http://\S+)", process.stdout.readline())
            assert found is not None
            yield psutil.Process(process.pid), found[1]
        finally:
            process.kill()


def measured(server: psutil.Process, fetch: Callable[[int], int], seconds: float, start: int) -> Took:
    """Fetch for so long; `fetch` is given a number that no round has twice, and says how many pictures came."""

    def cpu() -> float:
        spent = server.cpu_times()
        return spent.user + spent.system + time.process_time()

    fetch(start)
    began, before, count = time.perf_counter(), cpu(), 0
    while time.perf_counter() - began < seconds:
        start += 1
        count += fetch(start)
    return Took(count / (time.perf_counter() - began), (cpu() - before) / count)


def one_by_one(url: str) -> Callable[[int], int]:
    """The seed's client: a request a picture."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def fetch(number: int) -> int:
        connection.request("GET", f"/picture/{number}")
        pixels = np.asarray(json.loads(connection.getresponse().read()), np.uint8)
        assert pixels.shape == (SIDE, SIDE, 3)
        return 1

    return fetch


def batches(url: str, augment: str) -> Callable[[int], int]:
    """Ours: the trainer's own client, without its thread."""
    fetcher = Fetcher(url)

    def fetch(number: int) -> int:
        body, _ = fetcher.get("batch.tar", n=BATCH, size=SIDE, seed=number, augment=augment)
        return len(wire.unpack(body, BATCH, SIDE))

    return fetch


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=3.0, show_default=True, help="Of each way in each round.")
def main(rounds: int, seconds: float) -> None:
    """Measure; the last line is JSON."""
    torch.set_num_threads(CORES)
    values = presets.resolve(presets.row("auto", "cpu", SIDE))
    found: dict[str, list[Took]] = {"seed": [], "variations": [], "squares": []}
    trainer: list[float] = []
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (root / "curated").mkdir()
        for number in range(SQUARES):
            Image.fromarray(quilt(number, SIDE)).save(root / "curated" / f"{number:05d}.png")
        ours, url = stack.enter_context(started("gan.serve", root, "--port", "0"))
        seed, seed_url = stack.enter_context(started("benchmarks.serve.one_by_one", root))
        ways = {
            "seed": (seed, one_by_one(seed_url)),
            "variations": (ours, batches(url, wire.MILD)),
            "squares": (ours, batches(url, wire.PLAIN)),
        }
        for number in range(rounds):
            for name, (server, fetch) in ways.items():
                found[name].append(measured(server, fetch, seconds, number * 10**6))
            trainer.append(preflight.probe(values, SIDE, 0)[1])
    per_s = {name: statistics.median(one.per_s for one in took) for name, took in found.items()}
    cpu = {name: statistics.median(one.cpu_s for one in took) for name, took in found.items()}
    eats = statistics.median(trainer)
    times_seed = round(_ratio(found["variations"], found["seed"]), 1)
    times_trainer = {name: round(per_s[name] / eats, 1) for name in ("squares", "variations")}
    figures = {
        "pictures_per_s": {name: round(value, 1) for name, value in per_s.items()},
        "cpu_ms_per_picture": {name: round(1000 * value, 3) for name, value in cpu.items()},
        "times_seed": times_seed,
        "times_seed_by_cpu": round(cpu["seed"] / cpu["variations"], 1),
        "trainer_images_per_s": round(eats, 1),
        "times_trainer": times_trainer,
        "rounds": rounds,
    }
    reached = {
        f"variations, {TIMES_SEED:g} times the seed's throughput": times_seed >= TIMES_SEED,
        f"squares, {TIMES_TRAINER:g} times what the trainer eats": times_trainer["squares"] >= TIMES_TRAINER,
        f"variations, {TIMES_TRAINER:g} times it": times_trainer["variations"] >= TIMES_TRAINER,
    }
    for name, value in figures.items():
        click.echo(f"{name}: {value}")
    click.echo(json.dumps({"figures": figures, "reached": reached}))


def _ratio(ours: list[Took], theirs: list[Took]) -> float:
    """The median over rounds: both were measured within seconds of each other."""
    return statistics.median(one.per_s / other.per_s for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
