"""ENGINE=ray: tasks of Ray Core, on the cluster that RAY_ADDRESS names or on one of this computer's own cores."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from scrapbag.errors import TooManyFailuresError
from scrapbag.workers import cluster, files

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

State = TypeVar("State")
Portion = TypeVar("Portion")
Result = TypeVar("Result")
RETRIES = 9  # times that a task is begun again because its worker died
_AHEAD = 2  # tasks under way for each worker
_SHARE = 4  # tasks for each worker, at least, so that all end at about the same time

_state: tuple[str, Any] = ("", None)  # of a worker: the digest of a `setup`, and what it made


class OnRay:
    """So many workers, 0 for as many as there are cores. The cluster is joined, or started, when work comes.

    What it does is said in `engines.Engine`.
    """

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers
        self._cluster: cluster.Cluster | None = None

    def close(self) -> None:
        """Leave the cluster, or end it where it was started here."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def run(
        self,
        setup: Callable[[], State],
        function: Callable[[State, Portion], Result],
        portions: Sequence[Portion],
        together: int = 1,
    ) -> Generator[Result, None, None]:
        """The results, in the order of the portions. A worker makes its state when its first task comes."""
        if not portions:
            return
        if self._cluster is None:
            self._cluster = cluster.join(self._workers)
        import ray  # noqa: PLC0415  an extra; `join` says by the environment how it begins

        workers = self._cluster.workers
        size = max(1, min(together, -(-len(portions) // (_SHARE * workers))))
        task: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_work).options(name="scrapbag")
        pickled: bytes = ray.cloudpickle.dumps(setup)  # type: ignore[no-untyped-call]
        name = hashlib.sha256(pickled).hexdigest()  # the same set-up again finds its state
        common = ray.put((name, setup, function, self._cluster.reader))
        order: deque[Any] = deque()
        try:
            for start in range(0, len(portions), size):
                if len(order) >= _AHEAD * workers:
                    yield from result(order.popleft())
                _wait(order, self._cluster.at_once)
                order.append(task.remote(common, portions[start : start + size]))
            while order:
                yield from result(order.popleft())
        finally:
            for one in order:
                ray.cancel(one, force=True)


def _work(common: tuple[str, Callable[[], State], Callable[[State, Portion], Result], Any], portions: Any) -> list[Any]:
    """A task, in a worker: some portions, one after the other."""
    global _state  # noqa: PLW0603  a worker is a process, and its model is loaded once
    name, setup, function, reader = common
    if _state[0] != name:
        _state = (name, setup())
    if reader is None:
        return [function(_state[1], portion) for portion in portions]

    def fetch(path: Path) -> bytes:
        return bytes(result(reader.read.remote(path)))

    with files.fetching(fetch):
        return [function(_state[1], portion) for portion in portions]


def _wait(order: Sequence[Any], most: int) -> None:
    """Return once fewer than `most` of the tasks are still at work."""
    import ray  # noqa: PLC0415

    if len(order) >= most:
        ray.wait(list(order), num_returns=len(order) - most + 1, fetch_local=False)


def result(reference: Any, over: str = "pictures", seconds: float | None = None) -> Any:
    """What a task returned, within so many `seconds`.

    Raises what it raised, Ray's GetTimeoutError, and TooManyFailuresError where its worker died again and again.
    """
    import ray  # noqa: PLC0415

    try:
        return ray.get(reference, timeout=seconds)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
    except ray.exceptions.OutOfMemoryError as error:
        raise MemoryError from error
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError) as error:
        raise TooManyFailuresError(
            f"{RETRIES + 1} workers of Ray died over the same {over}; see how much memory they have, or go on with"
            " ENGINE=local"
        ) from error
