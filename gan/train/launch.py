"""`make train PROCESSES=2`: the command starts itself so many times under torchrun's agent, and all end as one.

A process of a run is the same command again, with GROUP in its environment: a folder where all meet, which is there for
one start. What was killed is started again, RESTARTS times, from the last checkpoint. An error that is said in a
sentence would come again, so it ends the run. Processes end with the command that started them, however that one ends.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, NoReturn

import click

from scrapbag import errors
from scrapbag.errors import STOPPED, TooManyFailuresError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gan.step.processes import Processes
    from scrapbag.layout import Run

GROUP, PARENT = "SCRAPBAG_GROUP", "SCRAPBAG_PARENT"  # in the environment of a process: the folder, and who started it
RESTARTS = 3
AGAIN = "a process of this run was killed; all start again from the last checkpoint (at most {} times)"
_LOST = 76  # processes.LostError's, which torch need not be imported for
_LINGER_S = 1.0  # of one that lost another, so that the agent finds that one first
_LOOK_S = 0.2  # between looks whether the command that started a process is still there


def inside() -> bool:
    """Whether this process is one of a group."""
    return GROUP in os.environ


def count(run: Run, asked: int | None) -> int:
    """How many processes train: as asked; else as many as the run has; else one, or one for each GPU.

    Raises UsageError for more than there are GPUs, or cores where there are none.
    """
    if inside():
        return int(os.environ["WORLD_SIZE"])
    import torch  # noqa: PLC0415 - it takes two seconds

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked and gpus and asked > gpus:
        raise UsageError(f"PROCESSES={asked} is more than this computer's GPUs; write PROCESSES={gpus} or less")
    cores = max(2, os.cpu_count() or 1)  # with one, two of them are slow and no harm
    if asked and not gpus and asked > cores:
        raise UsageError(f"PROCESSES={asked} is more than this computer's cores; write PROCESSES={cores} or less")
    known = _known(run)
    return asked or (min(known, gpus) if gpus else known) or max(1, gpus)


def start(processes: int) -> int:
    """Run this command again, `processes` times, until it ends; returns its exit code.

    The agent meets them by a file: its store in memory would listen on every interface, with nobody to ask who comes.
    Raises TooManyFailuresError where one was killed too often.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException  # noqa: PLC0415

    quiet = logging.getLogger("torch.distributed.elastic")  # what it has to say is said below, in a sentence
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    try:
        for left in range(RESTARTS, -1, -1):
            if (code := _once(processes, left)) is not None:
                return code
            if left:
                click.echo(AGAIN.format(left))
    except SignalException:
        raise KeyboardInterrupt from None
    raise TooManyFailuresError(
        f"processes of this run were killed {RESTARTS + 1} times, as where the memory is full; write fewer PROCESSES, "
        "and the same command goes on from the last checkpoint"
    )


def _once(processes: int, left: int) -> int | None:
    """Start them once; their exit code, None where one was killed. What the agent writes goes with its folder."""
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException  # noqa: PLC0415
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    with TemporaryDirectory(prefix="scrapbag-") as name, _named(name):
        folder = Path(name)
        config = LaunchConfig(
            min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=str(left), max_restarts=0,
            rdzv_backend="c10d", rdzv_endpoint=f"{folder}/agent", rdzv_configs={"store_type": "file"},
            local_addr="127.0.0.1", logs_specs=DefaultLogsSpecs(f"{folder}/logs"),
        )  # fmt: skip
        try:
            elastic_launch(config, sys.executable)("-m", "gan", *sys.argv[1:])
        except SignalException:
            if _said(folder).exists():
                return STOPPED
            raise
        except ChildFailedError as failed:
            if _said(folder).exists():
                return int(_said(folder).read_text())
            codes = [int(one.exitcode) for one in failed.failures.values()]
            if faulty := [code for code in codes if code > 0 and code not in (_LOST, STOPPED)]:
                return faulty[0]
            if STOPPED in codes and min(codes) > 0:  # beside one that was killed the agent stops the others
                raise KeyboardInterrupt from None
            return None
        return 0


@contextmanager
def _named(folder: str) -> Iterator[None]:
    """With what the processes find in their environment, and this one must not: it is none of them."""
    given = {GROUP: folder, PARENT: str(os.getpid()), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    os.environ |= given
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)


@contextmanager
def joined(processes: int) -> Iterator[Processes]:
    """The group that this process is one of; processes.ALONE where it is none."""
    if inside():
        Thread(target=_end_with, args=(int(os.environ[PARENT]),), daemon=True).start()
    from gan.step.processes import ALONE, join  # noqa: PLC0415
    from gan.train import preflight  # noqa: PLC0415

    if not inside():
        yield ALONE
        return
    rank = int(os.environ["RANK"])
    if rank:
        logging.disable(logging.WARNING)
    with join(Path(os.environ[GROUP]) / "processes", rank, processes, preflight.device()) as group:
        yield group


def end(sentence: str, code: int) -> NoReturn:
    """As errors.end; of the processes of a group only the first one says it, and notes its code for `start`.

    That they were stopped the command itself says, which alone knows whether it was by who called it.
    """
    if not inside():
        errors.end(sentence, code)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: os._exit(code))
    if code == _LOST:
        time.sleep(_LINGER_S)
    if code in (_LOST, STOPPED):
        os._exit(code)
    try:
        with _said(Path(os.environ[GROUP])).open("x") as file:
            file.write(str(code))
    except OSError:
        os._exit(code)
    errors.end(sentence, code)


def _said(folder: Path) -> Path:
    return folder / "said"


def _known(run: Run) -> int:
    """How many processes the run has; 0 where there is none, or none that can be read, which runs.prepare says."""
    try:
        return int(tomllib.loads(run.settings.read_text(encoding="utf-8"))["machine"].get("processes", 1))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return 0


def _end_with(parent: int) -> None:
    """Nobody stops the processes of a command that was killed, and they would go on."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGKILL)
