"""What a stage asks of an engine, and which engines there are: ENGINE=local, the default, and ENGINE=ray."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TypeVar

from scrapbag.errors import MissingExtraError
from scrapbag.workers.local import Local

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

ENGINES = ("local", "ray")
State = TypeVar("State")
Portion = TypeVar("Portion")
Result = TypeVar("Result")


class Engine(Protocol):
    """Applies one function to many portions, on several cores or computers."""

    def run(
        self,
        setup: Callable[[], State],
        function: Callable[[State, Portion], Result],
        portions: Sequence[Portion],
        together: int = 1,
    ) -> Generator[Result, None, None]:
        """`function(state, portion)` for each portion, in their order, whichever is done first.

        `function` must give the same for the same portion however often it is called, because a portion is begun again
        where its worker dies. A process makes its `state` once, by `setup`. Where portions are sent to processes, all
        three are pickled, and up to `together` portions go at once. Few results wait at a time, so that memory does not
        grow with the number of portions. What `function` raises is raised here, in the place of its result.
        """
        ...


@contextmanager
def engine(name: str, workers: int = 0) -> Iterator[Engine]:
    """The engine of that name, with so many workers; 0 is as many as there are cores.

    What it starts it ends, too. Raises MissingExtraError for Ray where that is not installed.
    """
    if name != "ray":
        yield Local(workers)
        return
    if find_spec("ray") is None:
        raise MissingExtraError("ENGINE=ray", "ray", "cluster")
    from scrapbag.workers.on_ray import OnRay  # noqa: PLC0415  an extra

    cluster = OnRay(workers)
    try:
        yield cluster
    finally:
        cluster.close()
