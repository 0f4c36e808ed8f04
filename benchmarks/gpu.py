"""`auto` on a GPU: a step against what the card multiplies in bf16, and what minutes of the real quilts give.

`squares`, where REAL is, writes the pictures, which then travel with the code; `speed` and `train` need a GPU alone.
"""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.support.contest import real
from gan.nets import presets
from gan.pictures import batches
from gan.step import balance, players
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment
from scrapbag.layout import Data, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.nets.values import Values

WORK = click.option("--work", type=click.Path(path_type=Path), default="out/gpu", show_default=True)
SIDES = (64, 128, 256)


@click.group()
def main() -> None:
    """The last line of `speed` and of `train` is JSON."""


@main.command()
@click.option("--side", default=128, show_default=True)
@WORK
def squares(side: int, work: Path) -> None:
    """Write the real quilts of REAL as squares, without loss."""
    curated = Data(work / str(side)).curated
    curated.mkdir(parents=True, exist_ok=True)
    for i, pixels in enumerate(np.concatenate(real(side))):
        Image.fromarray(pixels).save(curated / f"{i:05d}.webp", lossless=True)
    click.echo(f"{i + 1} squares of {side} -> {curated}")


@main.command()
@click.option("--set", "values", multiple=True, metavar="KEY=VALUE")
@click.option("--sides", default=",".join(map(str, SIDES)), show_default=True)
def speed(values: tuple[str, ...], sides: str) -> None:
    """Images a second of a step, deterministic and not, and its share of the card's limit."""
    _needs_gpu()
    limit = card()
    figures: dict[str, Any] = {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "limit_tflops": limit}
    click.echo(json.dumps(figures))
    for side in map(int, sides.split(",")):
        row = presets.resolve(presets.row("auto", "cuda", side), values)
        for exact, bf16 in ((True, True), (False, True), (True, False)):
            found = step(row, side, bf16=bf16, exact=exact)
            name = f"{side} {'bf16' if bf16 else 'fp32'} {'exact' if exact else 'in any order'}"
            figures[name] = found | {"of_limit": round(found["tflops"] / limit["convolution"], 3)}
            click.echo(f"{name}: {figures[name]}")
    click.echo(json.dumps({"figures": figures, "reached": {}}))


@main.command()
@click.option("--side", default=128, show_default=True)
@click.option("--minutes", default=8.0, show_default=True)
@WORK
def train(side: int, minutes: float, work: Path) -> None:
    """Train `auto` by the command that users have, in two halves, and judge it."""
    _needs_gpu()
    data, run = Data(work / str(side)), Run(work / f"{side}-run")
    for part in (minutes / 2, minutes):
        _gan("train", "--data", str(data.root), "--run", str(run.root), "--minutes", str(part))
    _gan("evaluate", "--run", str(run.root))
    with run.metrics.open(newline="", encoding="utf-8") as file:
        rates = [float(row["images_per_s"]) for row in csv.DictReader(file)]
    done = json.loads(run.done.read_text(encoding="utf-8"))
    verdicts = json.loads((run.evaluation).read_text(encoding="utf-8"))
    row = presets.resolve(presets.row("auto", "cuda", side))
    each, limit = operations(row, side), card()
    whole = done["images_seen"] / done["seconds"]
    figures = {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "side": side,
        "images_seen": done["images_seen"],
        "seconds": done["seconds"],
        "images_per_s": round(whole, 1),
        "images_per_s_median": round(statistics.median(rates), 1),
        "gflop_an_image": round(each / 1e9, 1),
        "limit_tflops": limit,
        "of_limit": round(each * whole / 1e12 / limit["convolution"], 3),
        **{name: _short(verdict) for name, verdict in verdicts.items()},
    }
    click.echo(json.dumps({"figures": figures, "reached": {}}))


def card() -> dict[str, float]:
    """What the card does in bf16, in 10^12 operations a second: a product of matrices, and convolutions and back."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    product = 2 * 8192**3 / _seconds(lambda: a @ b)
    best = 0.0
    for channels, side in ((128, 64), (256, 32), (512, 16)):
        conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False, device="cuda", dtype=torch.bfloat16)
        conv = conv.to(memory_format=torch.channels_last)
        x = torch.randn(64, channels, side, side, device="cuda", dtype=torch.bfloat16)
        x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        took = _seconds(partial(_both, conv, x, torch.ones_like(x)))
        best = max(best, 3 * 2 * 64 * channels**2 * 9 * side**2 / took)
    return {"product": round(product / 1e12, 1), "convolution": round(best / 1e12, 1)}


def _both(conv: nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> None:
    conv(x).backward(gradient)


def step(values: Values, side: int, *, bf16: bool, exact: bool) -> dict[str, float]:
    """Images a second over whole rounds of the penalty, operations a second, and the most memory that was held."""
    machine = Machine("cuda", torch.get_num_threads(), bf16=bf16)
    players.ready(machine)
    torch.use_deterministic_algorithms(mode=exact)
    team = players.make(values, side, 0, machine)
    moment = Moment(balance=balance.Balance(p=0.5))
    pixels = np.random.default_rng(0).integers(0, 256, (values.batch, side, side, 3), dtype=np.uint8)
    torch.cuda.reset_peak_memory_stats()

    def play(number: int) -> None:
        x = batches.to_floats(pixels, "cuda")
        loop.play(team, x, values, machine, replace(moment, step=number), 0)

    for number in range(values.lazy):
        play(number)
    torch.cuda.synchronize()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < 2:
        for number in range(values.lazy):
            play(number)
        count += values.lazy
    torch.cuda.synchronize()
    rate = count * values.batch / (time.perf_counter() - began)
    most = torch.cuda.max_memory_allocated()
    return {
        "images_per_s": round(rate, 1),
        "tflops": round(rate * operations(values, side) / 1e12, 1),
        "memory_gb": round(most / 1e9, 1),
    }


def operations(values: Values, side: int) -> float:
    """Multiplications and additions an image costs in training, the penalty with its share of steps."""
    machine = Machine("cuda", torch.get_num_threads(), bf16=True)
    team = players.make(values, side, 0, machine)
    moment = Moment(balance=balance.start(values))
    x = torch.randn(values.batch, 3, side, side, device="cuda").contiguous(memory_format=torch.channels_last)
    found: list[int] = []
    for number in (0, 1):
        with _Counter() as counter:
            loop.play(team, x, values, machine, replace(moment, step=number), 0)
        found.append(counter.total)
    due, other = found
    return float(due + (values.lazy - 1) * other) / values.lazy / values.batch


class _Counter(TorchDispatchMode):
    """FlopCounterMode fails at a double backward, because it follows modules; its formulas do not."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's has no types
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if (formula := flop_registry.get(func.overloadpacket)) is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def _seconds(work: Callable[[], object]) -> float:
    """The median of ten, after three that warm up."""
    took = []
    for _ in range(13):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
    return statistics.median(took[3:])


def _gan(*command: str) -> None:
    subprocess.run([sys.executable, "-m", "gan", *command], check=True)


def _needs_gpu() -> None:
    if not torch.cuda.is_available():
        raise click.ClickException("there is no GPU here that torch can use")
    players.ready(Machine("cuda", torch.get_num_threads()))  # before the first product: cuBLAS is asked but once


def _short(verdict: dict[str, Any]) -> dict[str, Any]:
    """Of a verdict what a table has room for, each beside its floor."""
    random, found = verdict["measured"][0], {"images_seen": verdict["images_seen"]}
    for name in ("kid", "recall", "coverage", "copy_auc"):
        found[name] = [round(random[kind][name], 3) for kind in ("fakes", "floor")]
    for name in ("colour_volume", "sharpness"):
        found[name] = [round(verdict[kind][name], 2) for kind in ("fakes", "floor")]
    return found | {"flags": verdict["flags"]}


if __name__ == "__main__":
    main()
