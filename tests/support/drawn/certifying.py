"""Answers to certificate and teaching questions of a simulated dataset, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.support.simulated_data import Set, answer
from curate import run
from curate.choose.certificate import Judgement, judge
from scrapbag.recipe import Curate

if TYPE_CHECKING:
    from curate.rows import Outcome

SETTINGS = Curate(targets=("quilt",), size=32)


def judged(made: Set, settings: Curate = SETTINGS, *, newest: bool = False) -> Judgement:
    return judge(run.evidence(run.gather(settings, made.data)), settings, newest=newest)


def decided(made: Set, settings: Curate = SETTINGS) -> Outcome:
    return run.choose(run.gather(settings, made.data), settings)


def order(made: Set, settings: Curate = SETTINGS) -> list[str]:
    """The pictures in the order in which they are drawn, those above the cut that is asked about alone."""
    now = judged(made, settings, newest=not settings.targets)
    names = run.gather(settings, made.data).scores.shards.sha256
    least = 0.9 if settings.targets else now.cut.ask
    assert least is not None
    return [names[row] for row in now.scores.pool_row[now.scores.pool_confidence >= least]]


def truth(made: Set, names: list[str]) -> list[tuple[str, str]]:
    return [(name, "yes" if made.wanted[name] else "no") for name in names]


def certify(made: Set, count: int, settings: Curate = SETTINGS) -> None:
    drawn = drawn_for(judged(made, settings, newest=not settings.targets))
    answer(made, truth(made, order(made, settings)[:1]), "certify", drawn, settings.targets)  # opens the family
    answer(made, truth(made, order(made, settings)[:count]), "certify", drawn, settings.targets)


def drawn_for(now: Judgement, promise: float = 0.9) -> dict[str, object]:
    scores = now.scores
    return {
        "how": "uniform", "version": scores.version, "family": scores.family, "threshold": 0.9, "promise": promise
    }  # fmt: skip


def teach(made: Set, count: int, settings: Curate = SETTINGS) -> None:
    names = sorted(made.wanted)
    names = [n for n in names if made.wanted[n]][: count // 2] + [n for n in names if not made.wanted[n]][: count // 2]
    answer(made, truth(made, names), "teach", None, settings.targets)
