"""What a certificate is worth: how often it is wrong, how many clicks it takes, and how much it keeps.

    .venv/bin/python -m benchmarks.certify

Simulated datasets of 20,000 pictures: wanted ones score `separation` higher on a normal axis; the softmax is right,
2.5 times too sure, or 0.35 times. The first table takes every way of asking and stopping at once: a run counts as wrong
if at any moment of the first 400 answers to any set a certificate would have been false. The second one clicks as
`make review` does, 5 at a time. The last line is JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import product
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from curate.choose.betting import log_capital
from curate.choose.certify import ALPHA, UNASKED, Pool, asked_next, choose, ladder, loosest

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURES = 20_000
PROMISE = 0.9
SEPARATIONS = (2.0, 3.0)
PREVALENCES = (0.05, 0.1, 0.2, 0.35, 0.5)
SURENESS = (1.0, 2.5, 0.35)
LOOKS = 400
MARKS = (50, 100, 200, 400)
RUNS, CLICKED_RUNS = 150, 45


@dataclass(frozen=True)
class World:
    """One dataset, its pictures in the fixed random order."""

    wanted: NDArray[np.bool_]
    confidence: NDArray[np.float64]

    def precision(self, threshold: float) -> float:
        kept = self.confidence >= threshold
        return float(self.wanted[kept].mean()) if kept.any() else 1.0

    def recall(self, threshold: float) -> float:
        return float(self.wanted[self.confidence >= threshold].sum() / max(1, self.wanted.sum()))


def world(rng: np.random.Generator, separation: float, prevalence: float, sureness: float) -> World:
    """Pictures drawn from two normal distributions, and what a softmax of the given sureness says of them."""
    wanted = rng.random(PICTURES) < prevalence
    score = rng.normal(size=PICTURES) + separation * wanted
    logit = separation * score - separation**2 / 2 + np.log(prevalence / (1 - prevalence))
    return World(wanted, 1 / (1 + np.exp(-sureness * logit)))


def ever_wrong(one: World) -> tuple[bool, bool, bool]:
    """Who ever promises too much: our certificate, an exact binomial bound of each set on its own, plain 0.9."""
    sets = ladder(one.confidence, PROMISE)
    inside = [one.wanted[one.confidence >= step.cut] for step in sets]
    sizes = np.array([len(answers) for answers in inside])
    paths = np.zeros((len(sets), LOOKS))
    for path, answers in zip(paths, inside, strict=True):
        path[: len(answers)] = answers[:LOOKS]
    capital = log_capital(paths, sizes, PROMISE)
    capital[np.arange(LOOKS) >= sizes[:, None]] = -np.inf
    refuted = np.zeros(len(sets), dtype=bool)

    def test(place: int, level: float) -> bool:
        refuted[place] = capital[place].max() >= -np.log(level)
        return bool(refuted[place])

    loosest(sets, test)
    false = np.array([one.precision(step.cut) < PROMISE for step in sets])
    errors = np.where(np.arange(LOOKS) < sizes[:, None], np.cumsum(1 - paths, axis=1), np.inf)
    naive = (errors <= _allowed()).any(axis=1)
    return bool((refuted & false).any()), bool((naive & false).any()), one.precision(PROMISE) < PROMISE


@cache
def _allowed() -> NDArray[np.int64]:
    """The most errors among n answers with which the Clopper-Pearson lower bound is at the promise; -1 for none."""
    return np.array(
        [sum(beta.ppf(ALPHA, n - k, k + 1) >= PROMISE for k in range(n // 8 + 1)) - 1 for n in range(1, LOOKS + 1)]
    )


def click(one: World, clicks: int) -> tuple[int | None, dict[int, float]]:
    """Clicks until the first certificate, and the recall of what is certified at each mark."""
    answer = np.full(PICTURES, UNASKED, dtype=np.int8)
    first, recalls = None, {}
    for done in range(0, clicks + 1, 5):
        found = choose(Pool(one.confidence, answer), PROMISE)
        if found.certificate and first is None:
            first = done
        if done in MARKS:
            recalls[done] = one.recall(found.value) if found.certificate else 0.0
        if found.ask is not None:
            chosen = asked_next(Pool(one.confidence, answer), found.ask)[:5]
            answer[chosen] = one.wanted[chosen]
    return first, recalls


def main() -> None:
    started = process_time()
    rng = np.random.default_rng(2026)
    wrong = _wrong(rng)
    certified = _clicked(rng)
    worst = min(share for (separation, _), share in certified.items() if separation == 3)
    figures = {
        "wrong_certificate": round(float(wrong[:, 0].mean()), 4),
        "wrong_certificate_worst": round(float(wrong[:, 0].max()), 4),
        "wrong_binomial": round(float(wrong[:, 1].mean()), 4),
        "wrong_plain_softmax": round(float(wrong[:, 2].mean()), 4),
        "certified_at_200_separation_3_worst": round(worst, 3),
        "cpu_seconds": round(process_time() - started, 1),
    }
    reached = {
        "wrong in at most 5 % of runs": bool(wrong[:, 0].max() <= ALPHA),
        "200 clicks certify .90 at separation 3 in 85 % of runs": bool(worst >= 0.85),
    }
    print(json.dumps({"figures": figures, "reached": reached}))


def _wrong(rng: np.random.Generator) -> NDArray[np.float64]:
    print(f"promises of {PROMISE} that were false at any of {LOOKS} looks, share of {RUNS} runs; 5 % is allowed")
    print("separation  prevalence   certificate   binomial bound of every set   plain 0.9")
    table = []
    for separation, prevalence in product(SEPARATIONS, PREVALENCES):
        runs = [ever_wrong(world(rng, separation, prevalence, SURENESS[run % 3])) for run in range(RUNS)]
        ours, binomial, plain = np.mean(runs, axis=0)
        print(f"{separation:10} {prevalence:11} {ours:13.3f} {binomial:29.3f} {plain:11.3f}", flush=True)
        table.append((ours, binomial, plain))
    return np.array(table)


def _clicked(rng: np.random.Generator) -> dict[tuple[float, float], float]:
    """Prints what clicks bring, and returns the share of runs that were certified after 200."""
    print(f"\nclicks to the first certificate of {PROMISE}, share certified after 200, and recall after clicks;")
    print("beside it precision and recall of plain 0.9, and the best recall there is at that precision")
    heads = "".join(f"{mark:>7}" for mark in MARKS)
    print(f"separation  prevalence  median  85th  at 200{heads}   plain 0.9   best")
    certified = {}
    for separation, prevalence in product(SEPARATIONS, PREVALENCES):
        worlds = [world(rng, separation, prevalence, SURENESS[run % 3]) for run in range(CLICKED_RUNS)]
        runs = [click(one, MARKS[-1]) for one in worlds]
        first = np.array([np.inf if clicks is None else clicks for clicks, _ in runs])
        share = certified[separation, prevalence] = float((first <= 200).mean())
        middle, late = np.quantile(first, [0.5, 0.85], method="higher")
        recalls = "".join(f"{np.mean([recall[mark] for _, recall in runs]):7.2f}" for mark in MARKS)
        plain = np.mean([(one.precision(PROMISE), one.recall(PROMISE)) for one in worlds], axis=0)
        best = np.mean([_best(one) for one in worlds])
        line = f"{separation:10} {prevalence:11} {middle:7.0f} {late:5.0f} {share:7.2f}{recalls}"
        print(f"{line}   {plain[0]:.2f}, {plain[1]:.2f} {best:6.2f}", flush=True)
    return certified


def _best(one: World) -> float:
    """The recall of the loosest threshold that keeps the promise, known to nobody."""
    order = np.argsort(-one.confidence)
    hits = np.cumsum(one.wanted[order])
    good = np.flatnonzero(hits >= PROMISE * np.arange(1, PICTURES + 1))
    return float(hits[good[-1]] / hits[-1]) if good.size else 0.0


if __name__ == "__main__":
    main()
