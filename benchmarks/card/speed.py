"""How fast steps go on a card, as they are and recorded, beside what it multiplies in bf16; and what takes long."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from gan.nets import presets
from gan.train import balance, graphs, loop, players
from gan.train.job import Moment
from gan.train.players import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.nets.presets import Values

SECONDS = 2.5  # of steps that are timed
SLOWEST = 14  # kernels that are named


def rate(values: Values, side: int, *, recorded: bool, profile: bool = False) -> dict[str, Any]:
    """Images a second, seconds of making and recording, memory, and the SHA-256 after five steps."""
    machine = Machine("cuda", torch.get_num_threads(), bf16=True, graphs=recorded)
    players.ready(machine)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    team = players.make(values, side, 0, machine)
    moment = Moment(balance=balance.start(values))
    halves = graphs.halves(team, values, machine, side, moment.balance)
    x = torch.randn((values.batch, 3, side, side), generator=torch.Generator().manual_seed(0)).cuda()
    x = x.clamp(-1, 1).contiguous(memory_format=torch.channels_last)

    def steps(first: int, count: int) -> None:
        for number in range(first, first + count):
            loop.play(
                team, x, values, machine, replace(moment, step=number, images_seen=number * values.batch), 0, halves
            )

    steps(0, 5)
    torch.cuda.synchronize()
    made = time.perf_counter() - began
    sha256 = players.digest(players.capture(team))[:16]
    torch.cuda.synchronize()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        steps(5 + count, 4)
        count += 4
    torch.cuda.synchronize()
    found = {
        "images_per_s": round(count * values.batch / (time.perf_counter() - began), 1), "made_s": round(made, 1),
        "recorded": type(halves).__name__ == "Recorded", "memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2),
        "sha256": sha256,
    }  # fmt: skip
    if profile:
        found |= _profiled(lambda: steps(10_000, 3))
    return found


def measure(
    say: Any, side: int, rows: tuple[tuple[str, tuple[str, ...]], ...], decide: Callable[[bool], object]
) -> None:
    """Say every figure as it comes; `decide` is told whether recorded steps of the first row are faster."""
    from benchmarks import gpu  # noqa: PLC0415 - it asks for a card

    limit = gpu.card()
    say(
        "card",
        card=torch.cuda.get_device_name(),
        torch=torch.__version__,
        **{f"{k}_tflops": v for k, v in limit.items()},
    )
    for number, (row, overrides) in enumerate(rows):
        values = presets.resolve(presets.row(row, "cuda", side), overrides)
        told = {"name": row, "side": side, "values": overrides}
        plain = rate(values, side, recorded=False)
        say("speed", **told, **plain)
        best = plain["images_per_s"]
        if values.teacher != "none":
            recorded = rate(values, side, recorded=True)
            say("speed", **told, **recorded, equal=recorded["sha256"] == plain["sha256"])
            if number == 0:
                decide(bool(recorded["recorded"] and recorded["images_per_s"] > best))
            best = max(best, recorded["images_per_s"])
        each = gpu.operations(values, side)
        share = round(best * each / 1e12 / limit["convolution"], 3)
        say("share", name=row, side=side, gflop_an_image=round(each / 1e9, 1), of_convolution_limit=share)
    row, overrides = rows[0]
    values = presets.resolve(presets.row(row, "cuda", side), overrides)
    say("slowest", name=row, side=side, **rate(values, side, recorded=False, profile=True))


def _profiled(work: Any) -> dict[str, Any]:
    """Milliseconds of the card in three steps, the number of kernels, and the slowest by name."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        work()
        torch.cuda.synchronize()
    kernels = [one for one in profiler.key_averages() if one.self_device_time_total]
    kernels.sort(key=lambda one: -one.self_device_time_total)
    return {
        "kernel_ms_of_three": round(sum(one.self_device_time_total for one in kernels) / 1e3, 1),
        "kernels_of_three": sum(one.count for one in kernels),
        "slowest": [[one.key[:70], one.count, round(one.self_device_time_total / 1e3, 2)] for one in kernels[:SLOWEST]],
    }
