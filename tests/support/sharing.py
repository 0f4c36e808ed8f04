"""Three steps of every preset at 32 pixels, in double precision: `python sharing.py FOLDER RANK`, for ranks 0 and 1.

In single precision two orders of a sum differ in the seventh digit, and a leaky ReLU near zero, or Adam's first step,
which is the sign of a gradient, may make much of that. Twice as many digits show whether the sums are the same. Writes
FOLDER/RANK.pt and, by one process alone, FOLDER/alone.pt: for each preset every weight and buffer of G, D and the EMA,
and the last metrics.
"""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from pathlib import Path

import torch

from gan.nets import presets
from gan.pictures import batches
from gan.step import balance, players, shared
from gan.step.halves import Halves
from gan.step.players import Machine
from gan.step.processes import ALONE, Processes, Several, join
from gan.train import loop, runs
from gan.train.job import Moment
from scrapbag.layout import Data, Run
from scrapbag.recipe import Train

STEPS, BATCH = 3, 8
IMAGES = 640  # of the run in FOLDER/calm
TINY = ("width=4", "batch=4", "z=8", "batch=8")
SMALL = (f"batch={BATCH}", "width=4", "z=8", "ghost=4", "lazy=2")
OF_A_ROW = {
    "projected": ("teacher_side=32", "mix=4", "blur=0.0"),  # a blur has no chance in it, and casts to single precision
    "projected-cpu": ("teacher_side=32", "mix=4", "beside=4", "every=3"),
    "texture": ("crop=32",),
    "psgan": ("crop=32",),
    "auto-cpu, joint, minibatch deviation": ("joint=true", "minibatch_std=true", "dropout=0.2", "noise=0.1"),
}
ROWS = (*presets.PRESETS, *(name for name in OF_A_ROW if name not in presets.PRESETS))


def play(row: str, group: Processes) -> tuple[dict[str, torch.Tensor], tuple[float, ...]]:
    """The weights by name, and the metrics of the last step."""
    values, machine = presets.resolve(row.partition(",")[0], (*SMALL, *OF_A_ROW.get(row, ()))), Machine()
    team = players.make(values, 32, 0, machine)
    for net in (team.g, team.d, team.ema):
        net.double()
    if isinstance(group, Several):
        for net in (team.g, team.d):
            shared.share(net, values, group)
    halves, moment = Halves(team, values, machine, group), Moment(balance=balance.start(values))
    for step in range(STEPS):
        x = torch.rand((BATCH, 3, 32, 32), generator=batches.chance(1, step, "pictures")) * 2 - 1
        metrics = loop.play(team, group.mine(x), values, machine, moment, 0, halves)
        moment = replace(moment, step=step + 1, balance=balance.update(moment.balance, metrics, values))
    found = players.capture(team)
    weights = {f"{part}.{name}": one for part in ("g", "d", "ema") for name, one in found[part].items()}
    return weights, astuple(metrics)


def falls_back(group: Processes) -> bool:
    """Whether this process falls back when reals of the last one are not numbers; no norm tells the others of it."""
    values, machine = presets.resolve("balanced-cpu", SMALL), Machine()
    team = players.make(values, 32, 0, machine)
    x = torch.zeros((BATCH // group.count, 3, 32, 32), dtype=torch.float32)
    x[0] = torch.nan if group.rank == group.count - 1 else 0.0
    try:
        loop.play(team, x, values, machine, Moment(), 0, Halves(team, values, machine, group))
    except loop.NotFiniteError:
        return True
    return False


def main(folder: Path, rank: int) -> None:
    """Play every row in a group of two that meets in `folder`; the first one plays them alone before."""
    torch.set_num_threads(1)
    with join(folder / "single", rank, 2, "cpu") as group:
        fell = falls_back(group)
        # the run that the test prepared, as nobody disturbs it
        settings = Train(images=IMAGES, values=TINY)
        calm = runs.prepare(Data(folder / "data"), Run(folder / "calm"), settings, lambda _: None, processes=2)
        _, sha256 = loop.train(calm, group=group)
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    if rank == 0:
        torch.save({row: play(row, ALONE) for row in ROWS}, folder / "alone.pt")
    with join(folder / "double", rank, 2, "cpu") as group:
        torch.save({"fell": fell, "sha256": sha256} | {row: play(row, group) for row in ROWS}, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
