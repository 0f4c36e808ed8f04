"""How fast a step is: against the plain loop that people write, and against what the core can convolve.

One thread, CPU-seconds, rounds of each contestant in turn, medians. The network is the same: DCGAN at 64x64 with 64
channels at full size and latents of 100, batches of 64.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gan.nets import networks, presets
from gan.pictures import batches, data
from gan.step import balance, players
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment
from scrapbag.processor import has_bf16

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.nets.values import Values
    from gan.pictures.data import Pictures

SIZE, BATCH, LATENTS = 64, 64, 100
FASTER, OF_CORE, LOADER = 1.7, 0.6, 0.03


def plain() -> Callable[[int], None]:
    """A step as it is usually written: eager, 32 bits, channels first, D's gradients computed in G's turn too."""
    torch.manual_seed(0)
    values = presets.resolve("dcgan64", [f"z={LATENTS}"])
    g, d = _torchs(networks.generator(values, SIZE)), _torchs(networks.discriminator(values, SIZE))
    networks.initialise(g, normed=True)
    networks.initialise(d, normed=True)
    opt_g = torch.optim.Adam(g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    x = torch.rand(BATCH, 3, SIZE, SIZE) * 2 - 1
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)

    def step(_: int) -> None:
        d.zero_grad()
        criterion(d(x).view(-1), ones).backward()
        fake = g(torch.randn(BATCH, LATENTS, 1, 1))
        criterion(d(fake.detach()).view(-1), zeros).backward()
        opt_d.step()
        g.zero_grad()
        criterion(d(fake).view(-1), ones).backward()
        opt_g.step()

    return step


def _torchs(spec: networks.Spec) -> nn.Module:
    """The same layers, as torch itself has them."""
    name, arguments, inner = spec
    return cast("nn.Module", getattr(nn, name)(*[_torchs(one) for one in inner], **arguments))


def ours(pictures: Pictures, values: Values, spent: list[float]) -> Callable[[int], None]:
    """A step of the loop of this project, loading included; `spent` collects what the loading took."""
    machine = Machine(threads=1, bf16=has_bf16())
    team = players.make(values, SIZE, 0, machine)
    moment = Moment(balance=balance.start(values))

    def step(number: int) -> None:
        began = time.process_time()
        x = batches.to_floats(batches.reals(pictures, values, 0, number, len(pictures.train)), "cpu")
        spent.append(time.process_time() - began)
        loop.play(team, x, values, machine, replace(moment, step=number), 0)

    return step


def core() -> tuple[float, float]:
    """Operations a second of the best convolution of the network: forward alone, and with backward.

    In bf16 where the processor has it, as the loop does.
    """
    best, kind = [0.0, 0.0], torch.bfloat16 if has_bf16() else torch.float32
    for i, o, side in ((64, 128, 32), (128, 256, 16), (256, 512, 8)):
        conv = nn.Conv2d(i, o, 4, 2, 1, bias=False).to(kind).to(memory_format=torch.channels_last)
        x = torch.randn(BATCH, i, side, side, dtype=kind).contiguous(memory_format=torch.channels_last)
        x.requires_grad_()
        operations = 2 * BATCH * i * o * 16 * (side // 2) ** 2
        gradient = torch.ones_like(conv(x))
        with torch.no_grad():
            forward = min(_time(partial(_forward, conv, x), 3) for _ in range(4))
        both = min(_time(partial(_both, conv, x, gradient), 3) for _ in range(4))
        best = [max(best[0], operations / forward), max(best[1], 3 * operations / both)]
    return best[0], best[1]


def _forward(conv: nn.Module, x: torch.Tensor, _: int) -> None:
    conv(x)


def _both(conv: nn.Module, x: torch.Tensor, gradient: torch.Tensor, _: int) -> None:
    conv(x).backward(gradient)


def _operations(step: Callable[[int], object]) -> int:
    """Of one step, multiplications and additions, penalties aside."""
    with FlopCounterMode(display=False) as counter:
        step(1)
    return int(counter.get_total_flops())


def _time(step: Callable[[int], object], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        step(number)
    return (time.process_time() - began) / count


@click.command()
@click.option("--rounds", default=7, show_default=True)
@click.option("--steps", default=3, show_default=True, help="Of each contestant in a round.")
def main(rounds: int, steps: int) -> None:
    """Images a CPU-second; the last line is JSON."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for i in range(1000):
            Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(Path(folder) / f"{i:05d}.png")
        pictures = data.load(Path(folder), Path(folder) / "packed")
        loading: list[float] = []
        same = presets.resolve("dcgan64", [f"z={LATENTS}"])
        contestants = {"plain": plain(), "ours": ours(pictures, same, loading)}
        contestants["auto"] = ours(pictures, presets.resolve(presets.row("auto", "cpu", SIZE)), [])
        operations = {name: _operations(contestants[name]) for name in ("ours", "auto")}
        _time(contestants["plain"], 1)
        loading.clear()
        times: dict[str, list[float]] = {name: [] for name in contestants}
        rates = []
        for _ in range(rounds):
            rates.append(core())
            for name, step in contestants.items():
                times[name].append(_time(step, steps))
    median = {name: statistics.median(found) for name, found in times.items()}
    kind = "bf16" if has_bf16() else "fp32"
    forward, both = (statistics.median(kind) for kind in zip(*rates, strict=True))
    faster = round(median["plain"] / median["ours"], 2)
    of_core = {name: round(count / median[name] / both, 3) for name, count in operations.items()}
    loader = round(statistics.median(loading) / median["ours"], 4)
    figures = {
        "images_per_cpu_s": {name: round(BATCH / took, 1) for name, took in median.items()},
        "times_plain": faster,
        f"core_{kind}_gflops": {"forward": round(forward / 1e9, 1), "and_back": round(both / 1e9, 1)},
        "of_core": of_core,
        "of_core_forward": {name: round(count / median[name] / forward, 3) for name, count in operations.items()},
        "loader": loader,
        "rounds": rounds,
    }
    reached = {
        "times the plain loop": faster >= FASTER,
        f"of the core's {kind} rate": of_core["ours"] >= OF_CORE,
        "loader": loader < LOADER,
    }
    for name, value in figures.items():
        click.echo(f"{name}: {value}")
    click.echo(json.dumps({"figures": figures, "reached": reached}))


if __name__ == "__main__":
    main()
