"""The Ray cluster that a stage works on: the one at RAY_ADDRESS, or one of this computer's cores for the time being."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapbag.errors import MissingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_CONNECT_S, _JOIN_S = 5, 60  # seconds that an address may take to take a call, and then to show itself as Ray
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to Ray's makers
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # one is raised here; those of the tasks beside it are not printed, too
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a warning about GPUs
}
_STORE, _STORE_A_WORKER = 2**27, 2**24  # bytes of shared memory, taken as results come; 75 MiB is Ray's least
_OOM_RETRIES = 3  # times that a task is begun again because the memory was full; Ray's own default is for ever
# What a child does to see whether a cluster is there: ray.init takes minutes to give up, and cannot be interrupted
_JOIN = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')"


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process has joined."""

    workers: int
    at_once: int  # tasks that may be under way together
    reader: Any  # an actor beside the data that reads files for other computers; None where all is on this one
    folder: Path | str = ""  # of a cluster that was started here: its sockets and logs

    def close(self) -> None:
        """Leave it, or end its processes and delete its logs where it was started here."""
        import ray  # noqa: PLC0415  an extra

        ray.shutdown()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class FileReader:
    """Reads files on the computer of the dataset for those that lack them."""

    def read(self, path: Path) -> bytes:
        """The file's bytes. Raises OSError."""
        return path.read_bytes()


def join(workers: int) -> Cluster:
    """The cluster at RAY_ADDRESS (host:port, or `auto` for the one of this computer); without it, a new one.

    `workers` limits how many of its cores are used; 0 is all of them. Raises MissingError where no cluster answers,
    within a minute or so, and UsageError for an address of another kind.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    address = os.environ.get("RAY_ADDRESS", "")
    return _start(workers or os.cpu_count() or 1) if address in {"", "local"} else _join(address, workers)


def beside(kind: type, *given: Any, threads: int = 1, **how: Any) -> Any:
    """An actor of that kind, made of what is `given`, on this computer, where the data is. It takes no core."""
    import ray  # noqa: PLC0415  an extra
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(kind)
    return actor.options(num_cpus=0, max_concurrency=threads, scheduling_strategy=here, **how).remote(*given)


def _start(workers: int) -> Cluster:
    """A cluster for this process. The kernel ends its processes with this one, however that ends.

    Its ports are open to the network; a token, which no file holds, keeps others out.
    """
    if "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:  # Ray reads it when it is imported
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    folder = tempfile.mkdtemp(prefix="scrapbag-", dir="/tmp")
    _init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=_STORE + workers * _STORE_A_WORKER,
        _temp_dir=folder,
        _system_config={"task_oom_retries": _OOM_RETRIES},
    )
    return Cluster(workers, sys.maxsize, None, folder)


def _join(address: str, workers: int) -> Cluster:
    _check(address)
    _init(address=address)
    import ray  # noqa: PLC0415  an extra

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cores = int(resources.get("CPU", 0))
    if not cores:
        raise MissingError(f"the Ray cluster at {address} has no core; join one with ray start --address={address}")
    reader = beside(FileReader, threads=8, max_restarts=-1, max_task_retries=-1)
    return Cluster(min(workers, cores) if workers else cores, workers or sys.maxsize, reader)


def _init(**given: Any) -> None:
    """Call ray.init without its noise, and without its handler of SIGTERM, which would give another exit code.

    Raises MissingError where it gives up, as it does on a computer that is too busy to start Ray within 30 s.
    """
    import ray  # noqa: PLC0415  an extra

    handlers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(log_to_driver=False, configure_logging=False, **given)
    except Exception as error:
        said = (str(error).strip().splitlines() or ["no reason was given"])[0]
        raise MissingError(f"Ray does not start ({said}); run it again, or go on with ENGINE=local") from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    for one, handler in handlers.items():
        signal.signal(one, handler)


def _check(address: str) -> None:
    """Raise UsageError for what is no address of a head, MissingError where no cluster answers there."""
    wrong = f"RAY_ADDRESS={address}: no Ray cluster answers there"
    host, _, port = address.rpartition(":")
    if address != "auto":
        if "://" in address or not host or not port.isdecimal():
            raise UsageError(f"RAY_ADDRESS={address} is no address of a cluster; write auto, or HOST:PORT of its head")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
        except (OSError, OverflowError, UnicodeError) as error:
            raise MissingError(f"{wrong} ({error}); start it with ray start --head, or unset RAY_ADDRESS") from None
    said = f"nothing within {_JOIN_S} s"
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [sys.executable, "-c", _JOIN, address], capture_output=True, text=True, timeout=_JOIN_S, check=False
        )
        if not done.returncode:
            return
        said = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
    raise MissingError(f"{wrong}, or it takes no call from this computer ({said})")
