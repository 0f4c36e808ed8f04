"""How fast steps go on a card, as they are and recorded, beside what it multiplies in bf16; and what takes long."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from gan.nets import presets
from gan.step import balance, graphs, players
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment

if TYPE_CHECKING:
    from benchmarks.card.row import Place, Row
    from gan.nets.values import Values

SECONDS = 2.5  # of steps that are timed
SLOWEST = 40  # kernels that are named, and half of the operators


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


def measure(place: Place, rows: list[Row]) -> None:
    """Say every figure as it comes, and what takes long in steps of the first row."""
    from benchmarks import gpu  # noqa: PLC0415 - it asks for a card

    limit = gpu.card()
    place.say("card", "", card=torch.cuda.get_device_name(), torch=torch.__version__, tflops=limit)
    for row in rows:
        values = presets.resolve(presets.row(row.preset, "cuda", row.side), row.values)
        plain = rate(values, row.side, recorded=False, profile=row is rows[0])
        place.say("speed", row.name, **plain)
        best = plain["images_per_s"]
        if values.teacher != "none":
            recorded = rate(values, row.side, recorded=True)
            place.say("speed", row.name, **recorded, equal=recorded["sha256"] == plain["sha256"])
            best = max(best, recorded["images_per_s"])
        each = gpu.operations(values, row.side)
        share = round(best * each / 1e12 / limit["convolution"], 3)
        place.say("share", row.name, gflop_an_image=round(each / 1e9, 1), of_convolution_limit=share)


def _profiled(work: Any) -> dict[str, Any]:
    """Milliseconds of the card in three steps, and what was slowest: kernels by name, operators by shape."""
    both = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=both, record_shapes=True) as profiler:
        work()
        torch.cuda.synchronize()
    events = [one for one in profiler.key_averages(group_by_input_shape=True) if one.self_device_time_total]
    events.sort(key=lambda one: -one.self_device_time_total)
    kernels = [one for one in events if one.device_type.name == "CUDA"]
    operators = [one for one in events if one.device_type.name == "CPU"]

    def told(one: Any, *more: Any) -> list[Any]:
        return [one.key[:110], *more, one.count, round(one.self_device_time_total / 1e3, 2)]

    return {
        "kernel_ms_of_three": round(sum(one.self_device_time_total for one in kernels) / 1e3, 1),
        "kernels_of_three": sum(one.count for one in kernels),
        "kernels": [told(one) for one in kernels[:SLOWEST]],
        "operators": [told(one, str(one.input_shapes)[:120]) for one in operators[: 2 * SLOWEST]],
    }
