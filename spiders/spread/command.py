"""The command's part of a crawl by several processes: it starts workers as sites are found, and waits for them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scrapbag.errors import MissingExtraError, TooManyFailuresError
from scrapbag.sources import Smithsonian
from scrapbag.workers.cluster import beside, join
from scrapbag.workers.on_ray import RETRIES, result
from spiders.engine.learnt import Learnt
from spiders.engine.run import caps, scripted
from spiders.spread.clerk import Clerk, Depot
from spiders.spread.worker import work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.layout import Data
    from scrapbag.recipe import Scrape
    from scrapbag.sources import Source
    from scrapbag.workers.cluster import Cluster
    from spiders.engine.bar import CrawlBar
    from spiders.engine.run import Spread
    from spiders.spread.clerk import SoFar

_LOOK_S = 1.0
_GRACE_S = 20.0  # for workers to close in order, on a busy computer


@contextmanager
def spreading(data: Data, scrape: Scrape, sources: list[Source], workers: int) -> Iterator[Spread | None]:
    """What asks hosts on a Ray cluster, which is joined or started first; None where nothing is for workers.

    Raises MissingExtraError where Ray is not installed, and what `cluster.join` raises.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("ENGINE=ray", "ray", "cluster")
    if all(map(stays, sources)):
        yield None
        return
    cluster = join(workers)
    try:
        yield partial(ask, cluster, data, scrape, sources)
    finally:
        cluster.close()


def stays(source: Source) -> bool:
    """Whether this process asks for what the source names: files of this computer, by Chromium, or with a key."""
    return source.local or scripted(source) or isinstance(source, Smithsonian)


def ask(cluster: Cluster, data: Data, scrape: Scrape, sources: list[Source], progress: CrawlBar) -> Learnt:
    """Let workers ask until nothing is left for any. What one of them raises is raised here, once all have ended."""
    import ray  # noqa: PLC0415  an extra

    data = replace(data, root=data.root.resolve())  # the clerk may be in another folder
    left = [source.name for source in sources if stays(source)]
    clerk = beside(Clerk, data, scrape, caps(sources), [source.name for source in sources], left, cluster.workers)
    depot = beside(Depot, data, threads=4)
    task: Any = ray.remote(num_cpus=1, max_retries=RETRIES, max_calls=1)(work).options(name="scrapbag")
    begin = partial(
        task.remote,
        clerk=clerk,
        depot=depot,
        data=data,
        scrape=scrape,
        sources=[source for source in sources if not stays(source)],
    )
    tasks: dict[int, Any] = {}  # by the worker's number
    try:
        learnt = Learnt()
        while so_far := _look(clerk, progress):
            tasks |= {number: begin(number) for number in sorted(so_far.workers - tasks.keys())}
            ended, going = ray.wait([*tasks.values()], num_returns=len(tasks), timeout=_LOOK_S) if tasks else ([], [])
            for one in ended:
                result(one, "sites")
            if not going:
                break
        for one in tasks.values():
            learnt.add(result(one))
        _look(clerk, progress)
    except ray.exceptions.RayActorError as error:
        said = "the process that writes the catalog for the workers has died; what came is in it, run it again"
        raise TooManyFailuresError(said) from error
    except BaseException:
        _close(clerk, [*tasks.values()])
        raise
    result(clerk.end.remote(ended=True))
    return learnt


def _look(clerk: Any, progress: CrawlBar) -> SoFar:
    so_far: SoFar = result(clerk.so_far.remote())
    for _ in range(so_far.pages - progress.pages):
        progress.page()
    for _ in range(so_far.pictures - progress.pictures):
        progress.picture()
    return so_far


def _close(clerk: Any, tasks: list[Any]) -> None:
    """Let the workers close in order, and note what they left."""
    import ray  # noqa: PLC0415  an extra

    with suppress(ray.exceptions.RayActorError):
        result(clerk.stop.remote())
        _, going = ray.wait(tasks, num_returns=len(tasks), timeout=_GRACE_S) if tasks else ([], [])
        for one in going:
            ray.cancel(one, force=True)
        result(clerk.end.remote(ended=not going))
