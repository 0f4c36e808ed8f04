"""ENGINE=local: threads of this process, for work that lets go of Python's lock, as decoders and networks do."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from concurrent.futures import Future

State = TypeVar("State")
Portion = TypeVar("Portion")
Result = TypeVar("Result")
_AHEAD = 2  # portions under way for each thread, so that none waits for a slow one before it


class Local:
    """So many threads; 0 is one for each core. What it does is said in `engines.Engine`."""

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers or os.cpu_count() or 1

    def run(
        self,
        setup: Callable[[], State],
        function: Callable[[State, Portion], Result],
        portions: Sequence[Portion],
        together: int = 1,  # noqa: ARG002  nothing is sent
    ) -> Generator[Result, None, None]:
        """The results, in the order of the portions. All threads share one state."""
        state = setup()
        under_way: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                for portion in portions:
                    under_way.append(pool.submit(function, state, portion))
                    if len(under_way) >= _AHEAD * self._workers:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for one in under_way:
                    one.cancel()
