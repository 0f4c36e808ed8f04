"""Before step 1: the fastest device settings, what a run will cost, and what a small set needs."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from gan.nets import networks, presets, teacher
from gan.pictures import batches
from gan.step import balance, graphs, players
from gan.step.players import Machine
from gan.train import loop
from gan.train.job import Moment
from scrapbag import processor
from scrapbag.computer import memory as memory_left
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gan.nets.values import Values

FEW = 1000  # pictures; fewer are augmented
_TOO_MUCH = "the GPU's memory is too full for a step; close what else uses it, or write SET=batch={} or a smaller width"
PATIENCE_S = 5.0  # of the steps of one probe: after that what was measured must do
_FULL = "the GPU's memory is full; close what else uses it, and the same command goes on from here"
GENTLE = {"colour": 0.4, "shift": 0.1}  # the augmentation that a small set turns on


def taught(
    row: str, overrides: tuple[str, ...], chosen_by: Callable[[], str], say: Callable[[str], None]
) -> tuple[str, tuple[str, ...]]:
    """The row and the overrides with a teacher that can be had here; without any, the row that needs none.

    `chosen_by` names the model that chose the pictures.
    """
    asked = presets.resolve(row, overrides).teacher
    if asked == "none":
        return row, overrides
    name = teacher.find(asked, chosen_by(), say)
    if name == "none" and "teacher" in presets.PRESETS[row]:
        return presets.UNTAUGHT[row], (*(one for one in overrides if not one.startswith("teacher")), "teacher=none")
    return row, (*overrides, f"teacher={name}")


def device() -> str:
    """The device by torch's name: cuda where it finds a GPU, else cpu."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def computer() -> str:
    """The name of the GPU or processor; on another one results round differently and other settings are fastest."""
    return torch.cuda.get_device_name() if device() == "cuda" else processor.describe()


def small_set(count: int, values: Values) -> dict[str, Any]:
    """The values that under 1,000 pictures turn on against overfitting of D; {} where nothing is needed."""
    if count >= FEW or values.crop or values.colour or values.shift:
        return {}
    return GENTLE


def probe(values: Values, size: int, seed: int, processes: int = 1) -> tuple[Machine, float, list[str]]:
    """The fastest Machine, its images a second, and a line for each that was tried, with its speed; four steps of each.

    Fewer where steps are slow: on a CPU one of `projected` may take half a minute. Of several processes one is tried,
    with its part of a batch and of the cores; the speed is that times their number, without what they wait.

    Raises UsageError when none fits the memory of the GPU.
    """
    found: dict[Machine, float] = {}
    part = replace(values, batch=values.batch // processes)
    for machine in _candidates(processes):
        try:
            found[machine] = processes * _speed(part, size, seed, machine)
        except RuntimeError as error:
            if not _is_full(error):
                raise
    if not found:
        raise UsageError(_TOO_MUCH.format(max(2, values.batch // 2)))
    best = max(found, key=lambda machine: found[machine])
    return best, found[best], [f"{describe(machine)} {speed:.1f}" for machine, speed in found.items()]


@contextmanager
def fits() -> Iterator[None]:
    """Raises UsageError where the GPU's memory runs out inside the block: other programs may take it at any time."""
    try:
        yield
    except RuntimeError as error:
        if not _is_full(error):
            raise
        raise UsageError(_FULL) from None


def _is_full(error: RuntimeError) -> bool:
    """Whether the GPU's memory ran out, by torch, the driver or cuBLAS: their errors share no class."""
    full = ("CUDA out of memory", "CUDA error: out of memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in full)


def describe(machine: Machine) -> str:
    """A machine in words, such as `cpu bf16, 2 threads`."""
    threads = "" if machine.device != "cpu" else f", {machine.threads} thread{'s' if machine.threads > 1 else ''}"
    several = f", {machine.processes} processes" if machine.processes > 1 else ""
    return f"{machine.device} {'bf16' if machine.bf16 else 'fp32'}{threads}{several}"


def memory(values: Values, size: int, processes: int = 1) -> float:
    """An estimate in bytes: weights, gradients, Adam's moments, EMA, a copy of all that, and a step's activations.

    Of all processes on a CPU, of one on a GPU, which each has to itself.
    """
    with torch.device("meta"):
        g, d = (
            networks.build(spec) for spec in (networks.generator(values, size), networks.discriminator(values, size))
        )
    weights = sum(p.numel() for net in (g, d) for p in net.parameters())
    kept, constant = 0, teacher.constants(d)

    def count(module: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal kept
        if module not in constant:
            kept += 3 * out.numel()
        elif isinstance(module, nn.Conv2d):  # kept in G's turn alone, and once: what follows works in place
            kept += out.numel()

    for net in (g, d):
        for module in net.modules():
            if not list(module.children()):
                module.register_forward_hook(count)
    channels = values.z + values.types + values.waves
    d(g(torch.empty((values.batch // processes, channels, *networks.field(values, size)), device="meta")))
    return (4.0 * (8 * weights + kept) + 4e8) * (processes if device() == "cpu" else 1)


def free() -> float:
    """Bytes of memory that are free on the device; of a CPU's as far as limits leave them."""
    if device() == "cpu":
        return float(memory_left.free().bytes)
    return float(torch.cuda.mem_get_info()[0])


def _candidates(processes: int) -> list[Machine]:
    cores = max(1, torch.get_num_threads() // processes)
    if device() == "cuda":
        return [Machine("cuda", cores, bf16=bf16, processes=processes) for bf16 in (False, True)]
    kinds = (False, True) if processor.has_bf16() else (False,)
    return [Machine("cpu", threads, bf16=bf16, processes=processes) for threads in sorted({1, cores}) for bf16 in kinds]


def _speed(values: Values, size: int, seed: int, machine: Machine) -> float:
    players.ready(machine)
    team = players.make(values, size, seed, machine)
    moment = Moment(balance=balance.start(values))
    x = torch.zeros((values.batch, 3, size, size), device=machine.device).contiguous(memory_format=torch.channels_last)
    x += torch.randn(x.shape, generator=batches.chance(seed, 0, "pictures")).to(machine.device)
    halves = graphs.halves(team, values, machine, size, moment.balance)  # as the run itself has them
    took: list[tuple[int, float]] = []
    # the first warms up; the penalty is due in step 0, as in every `lazy`th; step 1 may be one without its teacher
    for step in (values.every, *((1, 0) if values.every > 1 else (0, 1)), values.every):
        began = time.perf_counter()
        with suppress(loop.NotFiniteError):  # it costs the same, and the run itself deals with it
            loop.play(team, x, values, machine, replace(moment, step=step), seed, halves)
        took.append((step, time.perf_counter() - began))
        if machine.device == "cpu" and sum(seconds for _, seconds in took) > PATIENCE_S:  # a GPU's is slow only once
            break
    due, plain, taught = (
        min((seconds for step, seconds in took[1:] if step == kind), default=took[0][1])
        for kind in (0, 1, values.every)
    )
    often = (values.lazy - 1) // values.every  # those through the teacher, beside the one with the penalty
    return values.batch * values.lazy / (due + often * taught + (values.lazy - 1 - often) * plain)
