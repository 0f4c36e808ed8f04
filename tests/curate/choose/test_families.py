"""Families: how the 5 % is shared, what opens one, and that who moves whatever they like sees no false promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.certify import USERS
from benchmarks.support.review_users import Person, at_the_edge, world
from curate.choose.certify import NO, UNASKED, YES, Pool, Standing, bounds, choose
from curate.choose.families import ALPHA, Family, opened
from scrapbag.labels import Label

CUTS = [step / 100 for step in range(101)]
HUGE = Pool(np.linspace(0, 1, 400_000), np.full(400_000, UNASKED, dtype=np.int8))


def label(picture: int, family: str, *, at: str = "now", purpose: str = "certify", undone: bool = False) -> Label:
    drawn = {"family": family, "promise": 0.9}
    return Label(f"{picture:064x}", "yes", ("quilt",), purpose, drawn, at, undone=undone)


def random_pool(seed: int, asked: int, count: int = 600) -> tuple[Pool, np.ndarray]:
    one = world(np.random.default_rng(seed), count, 2.5, 0.3, 1.0)
    answer = np.where(one.wanted, YES, NO).astype(np.int8)
    answer[asked:] = UNASKED
    return Pool(one.confidence, answer), one.wanted


def test_all_families_together_have_five_percent_and_each_hands_out_all_of_its_own() -> None:
    levels = [Family(number, 0.9).alpha for number in range(1, 20_000)]
    assert levels == sorted(levels, reverse=True)
    assert ALPHA - 1e-6 < sum(levels) <= ALPHA
    assert levels[:3] == pytest.approx([0.04, 0.005, 0.01 / 6])
    for number in (1, 2, 7):
        family = Family(number, 0.9)
        assert family.at_home + 12 * family.each(12) == pytest.approx(family.alpha)


def test_families_are_numbered_as_they_were_opened_and_taking_back_gives_no_number_back() -> None:
    found = opened([label(1, "a"), label(2, "a"), label(3, "b", purpose="teach"), label(4, "c", undone=True)])
    assert {name: family.number for name, family in found.items()} == {"a": 1, "c": 2}
    assert opened([label(1, "a", at="then")])["a"].seed != opened([label(1, "a")])["a"].seed
    assert opened([label(2, "a")])["a"].seed != opened([label(1, "a")])["a"].seed


@pytest.mark.parametrize("drawn", [{}, {"family": "a"}, {"family": 3, "promise": 0.9}, {"family": "a", "promise": "x"}])
def test_a_label_from_elsewhere_without_a_family_or_a_promise_opens_none(drawn: dict[str, object]) -> None:
    assert opened([Label("0" * 64, "yes", ("quilt",), "certify", drawn)]) == {}


@pytest.mark.parametrize(("number", "most"), [(1, 39), (2, 61), (10, 98)], ids=["first", "second", "tenth"])
def test_what_a_certificate_of_90_costs_in_a_dataset_of_any_size(number: int, most: int) -> None:
    assert choose(HUGE, 0.9, family=Family(number, 0.9)).missing == most


def test_a_promise_away_from_home_costs_more_and_a_lower_one_than_a_certified_home_nothing() -> None:
    confidence = np.random.default_rng(0).permutation(np.linspace(0, 1, 5000))
    above = np.flatnonzero(confidence >= 0.9)  # what a family at .9 asks about first
    answer = np.full(5000, UNASKED, dtype=np.int8)
    answer[above[:45]] = YES
    pool = Pool(confidence, answer)
    for promise in (0.5, 0.8, 0.9):
        assert choose(pool, promise, family=Family(1, 0.9)).certificate is not None
    assert choose(pool, 0.9, family=Family(3, 0.9)).certificate is None
    assert choose(pool, 0.95, family=Family(1, 0.9)).certificate is None
    assert choose(pool, 0.9, family=Family(1, 0.5)).certificate is None
    answer[above] = YES
    assert choose(pool, 0.97, family=Family(1, 0.9)).certificate is not None


@given(seed=st.integers(0, 10_000), steps=st.lists(st.integers(1, 150), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_more_answers_never_take_a_certificate_back_nor_lower_a_bound(seed: int, steps: list[int]) -> None:
    family, least, lows = Family(1, 0.9), 0, np.zeros(101)
    for asked in np.minimum(np.cumsum(steps), 600).tolist():
        pool, _ = random_pool(seed, asked)
        found = choose(pool, 0.9, family=family)
        kept = found.certificate.size if found.certificate else 0
        assert kept >= least
        new = np.array([bound[0] if bound else 0 for bound in bounds(pool, CUTS, family)])
        assert (new >= lows - 1e-9).all()
        least, lows = kept, new


@given(seed=st.integers(0, 10_000), promise=st.sampled_from([0.6, 0.8, 0.9, 0.95]))
@settings(max_examples=40, deadline=None)
def test_every_bound_follows_from_those_of_the_ladder_and_the_certificate_agrees(seed: int, promise: float) -> None:
    family = Family(1, promise)
    pool, wanted = random_pool(seed, 300)
    tested = Standing(pool, family)
    lower = [tested.lower(place) for place in range(len(tested.rungs))]
    precision = [wanted[pool.confidence >= rung.cut].mean() for rung in tested.rungs]
    for cut, bound in zip(CUTS, bounds(pool, CUTS, family), strict=True):
        if bound and all(low <= true for low, true in zip(lower, precision, strict=True)):
            assert bound[0] <= wanted[pool.confidence >= cut].mean()
    own = bounds(pool, [rung.cut for rung in tested.rungs], family)
    assert all(bound is None or bound[0] >= low - 2e-4 for bound, low in zip(own, lower, strict=True))
    if found := choose(pool, promise, family=family).certificate:
        assert found.lower >= promise


@pytest.mark.parametrize("name", ["THRESH up", "nine scrapes"])
def test_who_moves_whatever_they_like_sees_nothing_false_where_every_promise_is_just_not_kept(name: str) -> None:
    wrong = {True: 0, False: 0}
    for apart in wrong:
        for run in range(30):
            rng = np.random.default_rng([run, 5])
            one = at_the_edge(world(rng, 2000, rng.choice([2.0, 3.0]), rng.choice([0.1, 0.2, 0.35]), 1.0))
            person = Person(rng, one, apart=apart)
            USERS[name](person, rng)
            wrong[apart] += person.certificate or person.bound
    assert wrong[False] <= 1
    assert wrong[True] > wrong[False]  # with a level of its own for each, the same people are promised too much
