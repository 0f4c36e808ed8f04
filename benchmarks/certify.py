"""What a certificate is worth: how often it is wrong, how many clicks it takes, and how much it keeps.

    .venv/bin/python -m benchmarks.certify

Simulated datasets: wanted pictures score `separation` higher on a normal axis; the softmax is right, 2.5 times too
sure, or 0.35 times. The first table takes every way of asking, stopping and moving THRESH at once: a run counts as
wrong if at any moment of the first 400 answers to any set anything printed would have been false, at any THRESH. The
second one clicks as `make review` does, and so does the third, with people who move THRESH, change SIZE and scrape in
between. The last line is JSON.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from resource import RUSAGE_CHILDREN, getrusage
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import beta

from benchmarks.support.review_users import Person, World, at_the_edge, world
from curate.choose.betting import log_capital
from curate.choose.certify import UNASKED, Pool, asked_next, choose, ladder, loosest
from curate.choose.families import ALPHA, Family

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

PICTURES = 20_000
PROMISE = 0.9
SEPARATIONS = (2.0, 3.0)
PREVALENCES = (0.05, 0.1, 0.2, 0.35, 0.5)
SURENESS = (1.0, 2.5, 0.35)
LOOKS = 400
MARKS = (50, 100, 200, 400)
RUNS, CLICKED_RUNS, MOVED_RUNS, APART_RUNS = 150, 30, 300, 60
MOVED_PICTURES = 2000
THRESHOLDS = (0.5, 0.7, 0.85, 0.9, 0.97)


def ever_wrong(one: World) -> tuple[bool, bool, bool]:
    """Who ever prints what is false: a first family, an exact binomial bound of each set on its own, plain 0.9."""
    family = Family(1, PROMISE)
    sets = ladder(one.confidence, family.home)
    inside = [one.wanted[one.confidence >= step.cut] for step in sets]
    sizes = np.array([len(answers) for answers in inside])
    paths = np.zeros((len(sets), LOOKS))
    for path, answers in zip(paths, inside, strict=True):
        path[: len(answers)] = answers[:LOOKS]
    false = np.array([answers.mean() < PROMISE for answers in inside])
    refuted = np.zeros(len(sets), dtype=bool)

    def test(place: int, level: float) -> bool:
        refuted[place] = _most(paths[place], sizes[place], PROMISE) >= -np.log(level)
        return bool(refuted[place])

    loosest(sets, test, family.at_home)
    above = np.array([(answers.sum() + 0.5) / len(answers) for answers in inside])  # any more than this is false
    bounds = _most(paths, sizes, above) >= -np.log(family.each(len(sets)))
    errors = np.where(np.arange(LOOKS) < sizes[:, None], np.cumsum(1 - paths, axis=1), np.inf)
    naive = (errors <= _allowed()).any(axis=1)
    ours = (refuted & false).any() or (bounds & (above < 1)).any()
    return bool(ours), bool((naive & false).any()), one.precision(PROMISE) < PROMISE


def _most(paths: NDArray[np.float64], sizes: NDArray[np.int64], promise: NDArray[np.float64] | float) -> Any:
    """The largest logarithm of the capital of each path, within its set."""
    capital = log_capital(paths, sizes, promise)
    return np.where(np.arange(LOOKS) < np.asarray(sizes)[..., None], capital, -np.inf).max(axis=-1)


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
    for done in (*range(0, 100, 5), *range(100, clicks + 1, 20)):
        found = choose(Pool(one.confidence, answer), PROMISE)
        if found.certificate and first is None:
            first = done
        if done in MARKS:
            recalls[done] = one.recall(found.value) if found.certificate else 0.0
        if found.ask is not None:
            chosen = asked_next(Pool(one.confidence, answer), found.ask)[: 5 if done < 100 else 20]
            answer[chosen] = one.wanted[chosen]
    return first, recalls


def main() -> None:
    started = process_time()
    rng = np.random.default_rng(2026)
    wrong = _wrong(rng)
    certified = _clicked(rng)
    moved, apart = _moved()
    worst = min(share for (separation, _), share in certified.items() if separation == 3)
    figures = {
        "wrong_certificate": round(float(wrong[:, 0].mean()), 4),
        "wrong_certificate_worst": round(float(wrong[:, 0].max()), 4),
        "wrong_binomial": round(float(wrong[:, 1].mean()), 4),
        "wrong_plain_softmax": round(float(wrong[:, 2].mean()), 4),
        "certified_at_200_separation_3_worst": round(worst, 3),
        "wrong_page_of_who_moves": round(float(moved.mean()), 4),
        "wrong_page_of_who_moves_worst": round(float(moved.max()), 4),
        "wrong_page_of_who_moves_without_families_worst": round(float(apart.max()), 4),
        "cpu_seconds": round(process_time() - started + getrusage(RUSAGE_CHILDREN).ru_utime, 1),
    }
    reached = {
        "wrong in at most 5 % of runs": bool(wrong[:, 0].max() <= ALPHA),
        "anything false on the page of who moves, in at most 5 % of runs": bool(moved.max() <= ALPHA),
        "200 clicks certify .90 at separation 3 in 85 % of runs": bool(worst >= 0.85),
    }
    print(json.dumps({"figures": figures, "reached": reached}))


def _wrong(rng: np.random.Generator) -> NDArray[np.float64]:
    print(f"promises of {PROMISE} that were false at any of {LOOKS} looks, share of {RUNS} runs; 5 % is allowed")
    print("separation  prevalence   certificate   binomial bound of every set   plain 0.9")
    table = []
    for separation, prevalence in product(SEPARATIONS, PREVALENCES):
        runs = [ever_wrong(world(rng, PICTURES, separation, prevalence, SURENESS[run % 3])) for run in range(RUNS)]
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
        worlds = [world(rng, PICTURES, separation, prevalence, SURENESS[run % 3]) for run in range(CLICKED_RUNS)]
        runs = [click(one, MARKS[-1]) for one in worlds]
        first = np.array([np.inf if clicks is None else clicks for clicks, _ in runs])
        share = certified[separation, prevalence] = float((first <= 200).mean())
        middle, late = np.quantile(first, [0.5, 0.85], method="higher")
        recalls = "".join(f"{np.mean([recall[mark] for _, recall in runs]):7.2f}" for mark in MARKS)
        plain = np.mean([(one.precision(PROMISE), one.recall(PROMISE)) for one in worlds], axis=0)
        best = np.mean([_best_recall(one) for one in worlds])
        line = f"{separation:10} {prevalence:11} {middle:7.0f} {late:5.0f} {share:7.2f}{recalls}"
        print(f"{line}   {plain[0]:.2f}, {plain[1]:.2f} {best:6.2f}", flush=True)
    return certified


def _moved() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prints what was false for whom, and returns it: in each world with families, and in the last one without."""
    print(
        f"\npages with anything false at any look, share of {MOVED_RUNS} runs; 5 % is allowed. At the end: no families,"
    )
    print(f"but each THRESH and each pool with a first family's level of its own, {APART_RUNS} runs")
    print("who                     right   too sure   not sure   at the edge   without")
    ours, theirs = [], []
    with ProcessPoolExecutor() as others:
        cells = {
            name: [others.submit(_visited, name, sureness) for sureness in (*SURENESS, None)]
            + [others.submit(_visited, name, None, apart=True)]
            for name in USERS
        }
        for name, shares in cells.items():
            found = [share.result() for share in shares]
            print(f"{name:20}" + "{:9.3f}{:11.3f}{:11.3f}{:14.3f}{:10.2f}".format(*found), flush=True)
            ours.append(found[:-1])
            theirs.append(found[-1])
    return np.array(ours), np.array(theirs)


def _visited(name: str, sureness: float | None, *, apart: bool = False) -> float:
    false, runs = 0, APART_RUNS if apart else MOVED_RUNS
    for run in range(runs):
        rng = np.random.default_rng([run, int(100 * (sureness or 0))])
        separation, prevalence = rng.choice(SEPARATIONS), rng.choice(PREVALENCES)
        one = world(rng, MOVED_PICTURES, separation, prevalence, sureness or 1.0)
        person = Person(rng, one if sureness else at_the_edge(one), apart=apart)
        USERS[name](person, rng)
        false += person.certificate or person.bound
    return false / runs


def _up(person: Person, _: np.random.Generator) -> None:
    person.review(np.ones(MOVED_PICTURES, dtype=bool), [(promise, 60) for promise in THRESHOLDS])


def _down(person: Person, _: np.random.Generator) -> None:
    person.review(np.ones(MOVED_PICTURES, dtype=bool), [(promise, 60) for promise in reversed(THRESHOLDS)])


def _best(person: Person, rng: np.random.Generator) -> None:
    """Begins at .9 and tries all others in any order, twice: whichever is best, it was looked at."""
    tried = [PROMISE, *rng.permutation(THRESHOLDS), *rng.permutation(THRESHOLDS)]
    person.review(np.ones(MOVED_PICTURES, dtype=bool), [(float(promise), 30) for promise in tried])


def _sizes(person: Person, rng: np.random.Generator) -> None:
    """Eight SIZEs, each of which drops the pictures that are smaller."""
    side = rng.random(MOVED_PICTURES)
    for number in rng.permutation(8):
        person.review(side >= 0.06 * number, [(PROMISE, 30)])


def _scrapes(person: Person, rng: np.random.Generator) -> None:
    """A look after each of nine scrapes, which bring a twentieth of the pictures each."""
    found = rng.random(MOVED_PICTURES)
    for number in range(9):
        person.review(found < 0.6 + 0.05 * number, [(PROMISE, 30)])


USERS: Mapping[str, Callable[[Person, np.random.Generator], None]] = {
    "THRESH up": _up,
    "THRESH down": _down,
    "THRESH to the best": _best,
    "eight SIZEs": _sizes,
    "nine scrapes": _scrapes,
}


def _best_recall(one: World) -> float:
    """The recall of the loosest threshold that keeps the promise, known to nobody."""
    order = np.argsort(-one.confidence)
    hits = np.cumsum(one.wanted[order])
    good = np.flatnonzero(hits >= PROMISE * np.arange(1, PICTURES + 1))
    return float(hits[good[-1]] / hits[-1]) if good.size else 0.0


if __name__ == "__main__":
    main()
