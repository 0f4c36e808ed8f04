"""Layers that look across a batch, where it is divided among processes: they compute what one process would.

torch's own SyncBatchNorm is for GPUs alone, and has no double backward, which R1 asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from gan.nets import teacher
from gan.step.processes import LEAST
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from gan.nets.values import Values
    from gan.step.processes import Processes


class SharedBatchNorm2d(nn.BatchNorm2d):
    """torch's, with the mean and variance of the batches of all processes, which are of one size."""

    group: Processes

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
        means, variances = self.group.gathered(torch.stack([mean, variance])).unbind(1)
        mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
        self._remember(mean.detach(), variance.detach(), x.numel() // x.shape[1] * self.group.count)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        y: Tensor = torch.addcmul(shift[:, None, None], x, scale[:, None, None])
        return y.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        running_mean, running_var = cast("Tensor", self.running_mean), cast("Tensor", self.running_var)
        running_mean.lerp_(mean, cast("float", self.momentum))
        running_var.lerp_(variance * (count / (count - 1)), cast("float", self.momentum))
        cast("Tensor", self.num_batches_tracked).add_(1)


class SharedDropout2d(nn.Dropout2d):
    """torch's, with the rows of the mask that one process would have drawn for the whole batch.

    D sees a batch of reals, one of fakes, or both, one after the other (`joint`): `part` pictures of each are here.
    """

    group: Processes
    part: int

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        kinds, channels = len(x) // self.part, x.shape[1]
        mask = x.new_empty((kinds * self.group.count * self.part, channels, 1, 1)).bernoulli_(1 - self.p)
        mask = mask.div_(1 - self.p).unflatten(0, (kinds, self.group.count, self.part))
        mine: Tensor = mask[:, self.group.rank]
        return x * mine.flatten(0, 1)


def divides(values: Values, count: int) -> None:
    """Raises UsageError where a batch cannot be divided among so many processes."""
    batch, part = values.batch, values.batch // count
    if count > 1 and part < LEAST:
        raise UsageError(
            f"PROCESSES={count} leaves {part} of a batch of {batch} to each, and {LEAST} are the least; "
            f"write PROCESSES={max(1, batch // LEAST)} or less"
        )
    together = max(LEAST if values.minibatch_std else 1, teacher.ghost(values) if values.teacher != "none" else 1)
    fit = [1, *(n for n in range(2, count + 1) if batch % (n * together) == 0)]
    if count not in fit:
        whole = f" in parts of {together}, which its norms look at" if together > 1 else ""
        raise UsageError(f"PROCESSES={count} does not divide a batch of {batch}{whole}; write PROCESSES={fit[-1]}")


def across(values: Values) -> dict[str, str]:
    """What of a preset looks across the batch, and how it is kept what it is in one process."""
    pixels = values.both or values.teacher == "none"  # whether a D sees them without a teacher
    found = {
        "batch norm of G": "synchronised" if values.norm_g == "batch" or values.block == "glu" else "",
        "batch norm of D": "synchronised" if values.norm_d == "batch" and pixels else "",
        "batch norm of the heads": f"equal: of {teacher.ghost(values)} pictures" if values.teacher != "none" else "",
        "minibatch deviation": f"equal: of {LEAST} pictures" if values.minibatch_std else "",
        "dropout": "equal: drawn for the whole batch" if values.dropout else "",
        "balance": "equal: by the mean over processes" if values.balance != "none" else "",
    }
    return {name: how for name, how in found.items() if how}


def share(net: nn.Module, values: Values, group: Processes) -> None:
    """Let every layer of `net` that looks across the batch do so over all processes; its weights stay."""
    ours = {nn.BatchNorm2d: SharedBatchNorm2d, nn.Dropout2d: SharedDropout2d}
    for module in net.modules():
        if kind := ours.get(type(module)):
            it: Any = module
            it.__class__ = kind
            it.group, it.part = group, values.batch // group.count
