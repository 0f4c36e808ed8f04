"""A blind test: real squares and samples by lot, each called the target or not by a person who does not know which."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from scipy.stats import binomtest

from gan.pictures import batches
from gan.sample import sample
from scrapbag import decision
from scrapbag.check import build
from scrapbag.disk import write_text
from scrapbag.errors import MissingError, UsageError

if TYPE_CHECKING:
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels
    from scrapbag.layout import Data, Run

COUNT = 40  # pictures, half of them real
SURE = 0.95  # of the interval


@dataclass(frozen=True)
class Blind:
    """One test of one generator. A picture is `("real", i)`, the i-th held-out one, or `("sample", i)` of the seed."""

    images_seen: int  # by the generator
    data: str  # the hash of the pictures
    target: str  # what is asked for
    seed: int  # of the lot and of the samples
    kinds: tuple[str, ...]  # real | sample, in the order of asking
    places: tuple[int, ...]  # i of each
    answers: tuple[str, ...] = field(default=())  # yes | no, of the first ones


@dataclass(frozen=True)
class Taken:
    """How many of a kind were taken for the target, with a 95 % interval of the probability."""

    kind: str
    yes: int
    count: int
    low: float
    high: float


def begin(run: Run, pictures: Pictures, data: Data, seed: int, level: int = 3) -> tuple[Blind, list[Pixels]]:
    """The test that was begun of this generator, seed and pictures, or a new one; and its pictures, in their order.

    It asks for the target that curate decided by; where no classifier did, for a real picture. Real ones are held out,
    and of the levels that a run of `level` learnt from.
    """
    generator = sample.load(run.generator)
    try:
        target = " or ".join(decision.read(data).targets)
    except MissingError:
        target = "real picture"
    known = pictures.held[: batches.pool_held(pictures, generator.values, level)]
    held = batches.some(known, generator.values, len(known))
    test = next((one for one in read(run) if _same(one, generator.images_seen, pictures.key, target, seed)), None)
    test = test or _lot(generator.images_seen, pictures.key, target, seed, len(held))
    fakes = batches.to_bytes(sample.draw(generator, max(test.places) + 1, seed))
    if any(place >= len(held) for kind, place in zip(test.kinds, test.places, strict=True) if kind == "real"):
        raise UsageError(f"{run.blind} names pictures that are not held out; move it away")
    return test, [
        held[place] if kind == "real" else fakes[place] for kind, place in zip(test.kinds, test.places, strict=True)
    ]


def answered(run: Run, test: Blind, answers: tuple[str, ...]) -> Blind:
    """The test with these answers, written to RUN/blind.json beside those of other generators."""
    new = replace(test, answers=answers)
    others = [one for one in read(run) if replace(one, answers=()) != replace(test, answers=())]
    write_text(run.blind, json.dumps([asdict(one) for one in [*others, new]], indent=1) + "\n")
    return new


def read(run: Run) -> list[Blind]:
    """Every test of the run, the last answered at the end. Raises UsageError when the file is damaged."""
    try:
        tables = json.loads(run.blind.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise UsageError(f"{run.blind} is damaged ({error}); move it away") from None
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise UsageError(f"{run.blind} is damaged (it is no list of tables); move it away")
    return [build(Blind, one, str(run.blind)) for one in tables]


def shares(test: Blind) -> list[Taken]:
    """Of samples and of reals, as far as they are answered; a kind without answers is left out.

    Wilson's interval (1927): for twenty answers it covers as often as it says on the average, near 0 and 1 too, where
    Clopper and Pearson's is a fifth wider than it need be (L. D. Brown, T. T. Cai, A. DasGupta, Statistical Science 16,
    2001). Nothing is promised by it, unlike a certificate of make review, whose errors must never exceed their level.
    """
    found = []
    for kind in ("sample", "real"):
        said = [answer for one, answer in zip(test.kinds, test.answers, strict=False) if one == kind]
        if said:
            ends = binomtest(said.count("yes"), len(said)).proportion_ci(SURE, method="wilson")
            found.append(Taken(kind, said.count("yes"), len(said), float(ends.low), float(ends.high)))
    return found


def lines(test: Blind) -> list[str]:
    """The shares for people."""
    words = {"sample": "samples", "real": "held-out real pictures"}
    return [
        f"{one.yes} of {one.count} {words[one.kind]} were taken for a {test.target} "
        f"({one.yes / one.count:.0%}, with 95 % confidence {one.low:.0%} to {one.high:.0%})"
        for one in shares(test)
    ]


def _same(one: Blind, images_seen: int, data: str, target: str, seed: int) -> bool:
    return (one.images_seen, one.data, one.target, one.seed) == (images_seen, data, target, seed)


def _lot(images_seen: int, data: str, target: str, seed: int, held: int) -> Blind:
    """Half of each kind, in an order by lot; reals are held-out ones, each once."""
    lot = random.Random(f"blind {seed} {images_seen} {data}")
    half = min(COUNT // 2, held)
    pictures = [("real", place) for place in lot.sample(range(held), half)] + [("sample", i) for i in range(half)]
    lot.shuffle(pictures)
    kinds, places = zip(*pictures, strict=True)
    return Blind(images_seen, data, target, seed, kinds, places)
