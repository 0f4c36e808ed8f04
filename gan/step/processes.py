"""Processes that train one run together: each takes its rows of every batch, and all step with the same gradients.

What is random is drawn for the whole batch by every process, from the generators that a single one has, and each takes
its rows of it: so the sums are those of one process, in another order. Collectives are gloo's on a CPU and NCCL's on
CUDA; no socket listens beyond this computer.
"""

from __future__ import annotations

import io
import os
import signal
from _thread import interrupt_main
from contextlib import contextmanager
from datetime import timedelta
from threading import Timer, current_thread, main_thread
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import Function

from scrapbag.errors import ScrapbagError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

Rows = TypeVar("Rows", Tensor, "NDArray[np.uint8]")
LEAST = 4  # pictures of a batch that each process has: as many as a minibatch deviation is of
WAIT = timedelta(minutes=30)  # for the others, as while one packs pictures or measures samples; then the run ends
LATE_S = 3.0  # that a step may go on after Ctrl-C
STOPS = (signal.SIGINT, signal.SIGTERM)
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}


class LostError(ScrapbagError):
    """Another process of the run has ended, or did not answer for as long as WAIT."""

    exit_code = 76


class Processes:
    """One process alone: it has the whole batch, and nothing to wait for."""

    rank: int = 0
    count: int = 1
    told: bool = False  # to stop, once this step is done
    _asked: bool = False

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes files, shows progress and decides by the clock."""
        return self.rank == 0

    def mine(self, whole: Rows) -> Rows:
        """Take this process's rows of what was drawn for a whole batch."""
        if self.count == 1:
            return whole
        size = len(whole) // self.count
        return whole[self.rank * size : (self.rank + 1) * size]

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Put the mean over all processes in place of each gradient; one that is not finite stays so in every process.

        So all find the same, and fall back together: nothing is made finite here (no nan_to_num).
        """

    def mean(self, x: Tensor) -> Tensor:
        """Over all processes; the same bits in each."""
        return x

    def gathered(self, x: Tensor) -> Tensor:
        """(processes, *x.shape); differentiable, twice as well."""
        return x[None]

    def agree(self, seconds: float) -> float:
        """What the leading process measured; afterwards `told` is the same in all."""
        self.told = self._asked
        return seconds

    def same(self, state: dict[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG002
        """The leading process's, its tensors on `device`."""
        return state

    @contextmanager
    def after_the_first(self) -> Iterator[None]:
        """The others come in when the one that leads is through."""
        yield

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Inside, Ctrl-C and SIGTERM wait for `agree`, so that no step is lost, and all processes stop after the same.

        One alone waits so long as LATE_S for its step to end; then it is interrupted, and its last steps are lost.
        """
        self.told, self._asked, late = False, False, False

        def interrupt() -> None:
            nonlocal late
            if late := self.count == 1:
                interrupt_main()

        timer = Timer(LATE_S, interrupt)
        timer.daemon = True

        def note(*_: object) -> None:
            if late and not self.told:
                raise KeyboardInterrupt
            if not self._asked:
                self._asked = True
                timer.start()

        ours = current_thread() is main_thread()
        before = {one: signal.signal(one, note) for one in STOPS if ours and callable(signal.getsignal(one))}
        try:
            yield
        finally:
            timer.cancel()
            for one, handler in before.items():
                signal.signal(one, handler)


ALONE = Processes()


class Several(Processes):
    """Several, each one of a torch.distributed group that `join` made."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count

    def average(self, parameters: Iterable[Tensor]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = self.mean(torch.cat([one.flatten() for one in gradients]))
        for one, part in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
            one.copy_(part.view_as(one))

    def mean(self, x: Tensor) -> Tensor:
        return self.summed(x) / self.count

    def gathered(self, x: Tensor) -> Tensor:
        rows = torch.stack([x if i == self.rank else torch.zeros_like(x) for i in range(self.count)])
        summed: Tensor = _Sum.apply(rows, self)
        return summed

    def agree(self, seconds: float) -> float:
        said = self.summed(torch.tensor([seconds if self.leads else 0.0, float(self._asked)], dtype=torch.float64))
        self.told = bool(said[1])
        return float(said[0])

    def same(self, state: dict[str, Any], device: str) -> dict[str, Any]:
        from torch import distributed  # noqa: PLC0415

        buffer = io.BytesIO()
        if self.leads:
            torch.save(state, buffer)
        size = int(self.summed(torch.tensor([len(buffer.getvalue())]))[0])
        content = torch.frombuffer(bytearray(buffer.getvalue() or size), dtype=torch.uint8)
        with _lost():
            distributed.broadcast(content, 0)
        loaded: dict[str, Any] = torch.load(io.BytesIO(content.numpy().tobytes()), device, weights_only=True)
        return loaded

    @contextmanager
    def after_the_first(self) -> Iterator[None]:
        if not self.leads:
            self.summed(torch.zeros(1))
        yield
        if self.leads:
            self.summed(torch.zeros(1))

    def summed(self, x: Tensor) -> Tensor:
        """Over all processes, which must come here in the same order; `x` stays as it is. Raises LostError."""
        from torch import distributed  # noqa: PLC0415

        total = x.detach().clone(memory_format=torch.contiguous_format)
        with _lost():
            distributed.all_reduce(total)
        return total


class _Sum(Function):
    """The sum over all processes. Each has the gradient of its own loss alone: that of the whole is their sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Several) -> Tensor:
        ctx.group = group
        return group.summed(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        gradient: Tensor = _Sum.apply(grad_outputs[0], ctx.group)
        return gradient, None


@contextmanager
def join(meeting: Path, rank: int, count: int, device: str) -> Iterator[Several]:
    """The group of `count` processes that meet at a file, which is there for this group alone."""
    from torch import distributed  # noqa: PLC0415

    for name, interface in LOOPBACK.items():
        os.environ.setdefault(name, interface)
    if device != "cpu":
        torch.cuda.set_device(rank)
    store = distributed.FileStore(str(meeting), count)  # type: ignore[attr-defined]
    backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
    with _lost():
        distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=WAIT)
    yield Several(rank, count)
    distributed.destroy_process_group()  # not after an error: the others would see that first, and why it was later


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's has no class of its own
        raise LostError(f"another process of this run has ended ({error})") from error
