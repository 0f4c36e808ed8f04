"""python -m benchmarks.big.politeness [--plot docs/politeness.svg]: how long so many requests take, asked politely.

A host is asked once in `delay_s`, and by at most `per_host` requests at once; all hosts together by `concurrency`. So
the time is that of the largest host, or that of all answers in so many places at once, whichever is longer. In small
the same is told by the crawl's own turns (spiders/engine/turns.py) with a clock that is moved by hand.
"""

from __future__ import annotations

import heapq
import json
import math
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scrapbag.catalog import connect
from scrapbag.crawl.frontier import Answer, Frontier, Page
from scrapbag.recipe import Scrape
from spiders.engine.clock import Clock
from spiders.engine.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapbag.crawl.frontier import Lease

REQUESTS = 10_000_000
ANSWER_S = 0.5  # from a request to the end of its answer
DELAYS_S = (0.25, 1.0, 5.0, 10.0)  # the second is a recipe's default
HOSTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
SMALL = ((20, 20, 20), (60, 10), (5,) * 40)  # requests by host, for the turns themselves
AGREE = 0.05  # share by which arithmetic and turns may differ
DAY_S = 86_400.0


def predicted(requests: Sequence[int], scrape: Scrape, answer_s: float) -> float:
    """Seconds for so many requests of each host, by arithmetic."""
    gap = max(scrape.delay_s, answer_s / scrape.per_host)
    alone = max((one - 1) * gap for one in requests) + answer_s
    return max(alone, sum(requests) * answer_s / scrape.concurrency)


def simulated(requests: Sequence[int], scrape: Scrape, answer_s: float) -> float:
    """Seconds for the same by the crawl's own turns, on a clock that stands still while they decide."""
    now, end, order = 0.0, 0.0, count()
    flying: list[tuple[float, int, Lease]] = []
    with tempfile.TemporaryDirectory() as folder, closing(connect(Path(folder) / "catalog.db", create=True)) as db:
        clock = Clock(lambda: now, lambda: 1_800_000_000.0 + now)
        frontier = Frontier(db, ["simulated"], clock.wall)
        frontier.begin({}, retry=False, fresh=False)
        frontier.add(
            "simulated", [Page(f"https://h{h}.example/{n}") for h, many in enumerate(requests) for n in range(many)]
        )
        turns = Turns(frontier, scrape, clock)
        turns.begin()
        while turns.busy:
            while (lease := turns.next(lambda lease: lease, lambda _host: 0.0)) is not None:
                heapq.heappush(flying, (now + answer_s, next(order), lease))
            wait = turns.wait()
            turn = math.inf if wait is None else now + wait
            if (coming := min(turn, flying[0][0] if flying else math.inf)) == math.inf:
                break
            now = coming
            while flying and flying[0][0] <= now:
                end, _, lease = heapq.heappop(flying)
                turns.spoke(lease, well=True)
                frontier.page_done(lease, [], Answer(200))
    return end


def days(hosts: int, delay_s: float, concurrency: int = Scrape.concurrency) -> float:
    """Days for REQUESTS of equally large hosts."""
    scrape = Scrape(delay_s=delay_s, concurrency=concurrency)
    return predicted([math.ceil(REQUESTS / hosts)] * hosts, scrape, ANSWER_S) / DAY_S


@click.command()
@click.option("--plot", type=click.Path(path_type=Path), help="Write the curves there as SVG.")
def main(plot: Path | None) -> None:
    """Print a table of days, what the turns say in small, and last a line of JSON."""
    curves = {f"{delay:g} s": [days(hosts, delay) for hosts in HOSTS] for delay in DELAYS_S}
    curves["1 s, concurrency 64"] = [days(hosts, 1.0, 64) for hosts in HOSTS]
    click.echo(
        f"days for {REQUESTS:,} requests, {ANSWER_S} s an answer\n{'hosts':>22}" + "".join(f"{h:>9,}" for h in HOSTS)
    )
    for name, line in curves.items():
        click.echo(f"{name:>22}" + "".join(f"{one:>9,.1f}" for one in line))
    both = {
        f"{len(one)} hosts, {sum(one)} requests, {delay:g} s": (
            predicted(one, Scrape(delay_s=delay), ANSWER_S),
            simulated(one, Scrape(delay_s=delay), ANSWER_S),
        )
        for one in SMALL
        for delay in DELAYS_S
    }
    for name, (ours, turns) in both.items():
        click.echo(f"{name:<34} by arithmetic {ours:8.1f} s, by the turns {turns:8.1f} s")
    if plot:
        from benchmarks.big.log_plot import drawn  # noqa: PLC0415

        plot.write_text(drawn(HOSTS, curves, "hosts", f"days for {REQUESTS:,} requests"), encoding="utf-8")
    apart = max(abs(turns / ours - 1) for ours, turns in both.values())
    figures = {
        "days": {name: [round(one, 2) for one in line] for name, line in curves.items()},
        "apart": round(apart, 3),
    }
    click.echo(json.dumps({"figures": figures, "reached": {"the turns agree with the arithmetic": apart <= AGREE}}))


if __name__ == "__main__":
    main()
