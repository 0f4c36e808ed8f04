"""decide() is a pure function: the same facts and settings give the same decisions, with every reason."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from curate.choose.decide import Facts, decide
from curate.choose.duplicates import Links
from scrapbag.recipe import Curate

NO_LINKS = Links(*(np.empty(0, dtype=np.int64),) * 3)
SETTINGS = Curate(targets=("quilt",), threshold=0.9, size=64, fit="crop")
GOOD = {
    "number": 1, "problem": "", "width": 800, "height": 600, "bytes": 90_000, "blur": 900.0, "entropy": 7.0,
    "border_uniform": 0.2, "panels": 1, "confidence": 0.95, "on_target": True, "answer": "", "licensed": True,
}  # fmt: skip
KINDS = {"problem": object, "answer": object}


def facts(*changes):
    """Thirty good pictures, so that the dataset has a middle, and before them those with the changes."""
    rows = [GOOD | change | {"number": n + 1} for n, change in enumerate([*changes, *[{}] * 30])]
    return Facts(**{f.name: np.array([row[f.name] for row in rows], dtype=KINDS.get(f.name)) for f in fields(Facts)})


def linked(*pairs):
    both = sorted({*pairs, *((b, a) for a, b in pairs)})
    return Links(*np.array([(a, b, 1) for a, b in both]).T)


def reasons(decisions, picture=0):
    return [reason for reason, which in decisions.failed.items() if which[picture]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"problem": "unreadable"}, "unreadable"),
        ({"problem": "not_image"}, "not_image"),
        ({"problem": "too_large"}, "too_large"),
        ({"width": 60, "height": 60}, "too_small"),
        ({"width": 4000, "height": 300}, "odd_aspect"),
        ({"entropy": 0.4}, "low_information"),
        ({"blur": 3.0}, "blurry"),
        ({"panels": 4}, "collage"),
        ({"licensed": False}, "licence"),
        ({"confidence": 0.5}, "low_confidence"),
        ({"confidence": 0.5, "on_target": False}, "off_target"),
        ({"answer": "no"}, "human_reject"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_drops_a_picture_with_its_reason(change, reason):
    decisions = decide(facts(change), NO_LINKS, SETTINGS, 0.9)
    assert not decisions.kept[0]
    assert reasons(decisions) == [reason]
    assert decisions.kept[1:].all()


def test_all_reasons_are_told_and_the_first_rule_comes_first():
    decisions = decide(
        facts({"width": 50, "height": 40, "confidence": 0.1, "licensed": False}), NO_LINKS, SETTINGS, 0.9
    )
    assert reasons(decisions) == ["too_small", "licence", "low_confidence"]


def test_a_person_wins_over_the_classifier_and_over_looks_but_not_over_a_licence():
    yes = {"answer": "yes", "confidence": 0.01, "on_target": False}
    decisions = decide(facts(yes, yes | {"panels": 4, "blur": 1.0}, yes | {"licensed": False}), NO_LINKS, SETTINGS, 0.9)
    assert decisions.kept[:3].tolist() == [True, True, False]
    assert reasons(decisions, 2) == ["licence"]


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.9])
def test_a_confidence_that_is_not_a_number_passes_no_threshold(cut):
    unknown = {"confidence": np.nan}
    decisions = decide(facts(unknown, unknown | {"answer": "yes"}), NO_LINKS, SETTINGS, cut)
    assert decisions.kept.tolist()[:2] == [False, True]
    assert reasons(decisions) == ["low_confidence"]
    assert np.isnan(decisions.margin[0])
    assert decide(facts(unknown), NO_LINKS, SETTINGS, None).kept[0]  # nobody asks for a confidence


def test_near_copies_inherit_an_answer():
    decisions = decide(facts({"answer": "no"}, {}), linked((0, 1)), SETTINGS, 0.9)
    assert reasons(decisions, 1)[0] == "human_reject"


def test_the_margin_says_how_far_a_decision_is_from_flipping():
    decisions = decide(facts({"confidence": 0.92}, {"confidence": 0.85}, {"licensed": False}), NO_LINKS, SETTINGS, 0.9)
    assert decisions.margin[:2] == pytest.approx([0.02, -0.05], abs=1e-6)
    assert np.isnan(decisions.margin[2])  # no number brings a licence back


def test_of_copies_the_largest_is_the_original_and_has_the_best_confidence_of_them():
    small, large = {"width": 400, "height": 300, "confidence": 0.96}, {"width": 1600, "confidence": 0.88}
    decisions = decide(facts(small, large), linked((0, 1)), SETTINGS, 0.9)
    assert decisions.kept[:2].tolist() == [False, True]
    assert reasons(decisions, 0) == ["dup_near"]
    assert decisions.confidence[1] == pytest.approx(0.96)


def test_a_higher_cut_keeps_a_subset():
    rng = np.random.default_rng(0)
    many = facts(
        *[
            {"confidence": float(c), "width": int(w)}
            for c, w in zip(rng.random(80), rng.integers(300, 900, 80), strict=True)
        ]
    )
    links = linked(*[tuple(sorted(rng.choice(80, 2, replace=False).tolist())) for _ in range(60)])
    kept = [decide(many, links, SETTINGS, cut).kept for cut in (0.2, 0.5, 0.8, 0.95)]
    for loose, strict in pairwise(kept):
        assert not (strict & ~loose).any()
    assert kept[0].sum() > kept[-1].sum() > 0


def test_without_targets_no_classifier_decides():
    decisions = decide(facts({"confidence": np.nan}, {"blur": 2.0}), NO_LINKS, replace(SETTINGS, targets=()), 0.9)
    assert decisions.kept[:2].tolist() == [True, False]


def test_nothing_is_enlarged_unless_asked():
    small = facts({"width": 100, "height": 90})
    assert reasons(decide(small, NO_LINKS, replace(SETTINGS, size=128), 0.9)) == ["too_small"]
    bigger = decide(small, NO_LINKS, replace(SETTINGS, size=128, enlarge=True), 0.9)
    assert bigger.kept[0]
    assert bigger.enlargement[0] == pytest.approx(128 / 90, rel=1e-4)


def test_in_a_dataset_of_soft_pictures_softness_is_no_fault():
    soft = facts(*[{"blur": 20.0 + n} for n in range(40)])
    assert decide(soft, NO_LINKS, SETTINGS, 0.9).kept[:40].all()
