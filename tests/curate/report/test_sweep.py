import csv

import pytest
from report_rows import dataset, lost, outcome, row, write

from curate.choose.certify import Certificate
from curate.report import sweep
from scrapbag.layout import Data


def kept_at(rows, threshold):
    return next(step.kept for step in sweep.sweep(rows) if step.threshold == threshold)


@pytest.mark.parametrize("threshold", [0.0, 0.07, 0.45, 0.9, 1.0])
def test_a_threshold_keeps_what_is_confident_enough_and_passes_every_other_rule(threshold):
    rows = [*dataset(3000, threshold), row(number=9999, confidence=1.0)]
    assert kept_at(rows, threshold) == sum(one.kept for one in rows) > 0


def test_it_goes_from_nothing_to_everything_by_hundredths(tmp_path):
    sweep.write(tmp_path / "sweep.csv", sweep.sweep(dataset(500)))
    with (tmp_path / "sweep.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(one["threshold"]) for one in table] == [i / 100 for i in range(101)]
    counts = [int(one["kept"]) for one in table]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_a_picture_that_stands_on_the_threshold_is_kept():
    assert kept_at([row(confidence=0.29)], 0.29) == 1
    assert kept_at([row(confidence=0.29)], 0.3) == 0


def test_what_another_rule_dropped_stays_dropped():
    rows = [
        row(number=1, kept=False, reason="blurry", reasons="blurry; low_confidence", confidence=0.5),
        row(number=2, kept=False, reason="low_confidence", reasons="low_confidence; dup_near", confidence=0.5),
        row(number=3, kept=False, reason="off_target", confidence=0.5),
        lost(4, "timeout"),
    ]
    assert kept_at(rows, 0.0) == 1


def test_a_persons_yes_stands_at_every_threshold():
    assert kept_at([row(confidence=0.2, answer="yes")], 1.0) == 1


def test_without_a_classifier_every_threshold_keeps_the_same():
    assert {step.kept for step in sweep.sweep([row(confidence=None)])} == {1}


def test_the_certificate_of_a_threshold_is_that_of_the_least_confident_picture_it_keeps():
    rows = [row(number=1, confidence=0.8, certified=0.7), row(number=2, confidence=0.9, certified=0.93)]
    certified = {step.threshold: step.certified for step in sweep.sweep(rows)}
    assert (certified[0.5], certified[0.85], certified[0.95]) == (0.7, 0.93, None)


def test_a_bound_names_its_method_and_its_answers_and_the_certificate_has_a_row_of_its_own(tmp_path):
    rows = [row(number=1, confidence=0.8, certified=0.7, certified_answers=41, certified_errors=2)]
    given = Certificate(cut=0.8713, promise=0.9, lower=0.912, n=64, errors=1, size=50, labels="0123456789abcdef")
    write(outcome(rows, by="precision", cut=0.8713, certificate=given, labels=given.labels), Data(tmp_path))
    with (tmp_path / "report" / "sweep.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(one["threshold"]) for one in table] == sorted([*(i / 100 for i in range(101)), 0.8713])
    own = next(one for one in table if one["threshold"] == "0.8713")
    assert own == {
        "threshold": "0.8713", "kept": "1", "certified": "0.912", "answers": "64", "errors": "1",
        "method": given.method, "labels": given.labels,
    }  # fmt: skip
    beside = [one for one in table if one["certified"] == "0.7"]
    assert len(beside) == 81
    assert all((one["answers"], one["errors"], one["labels"]) == ("41", "2", given.labels) for one in beside)
    assert all("all thresholds at once" in one["method"] for one in beside)
    assert all(one["method"] == one["labels"] == "" for one in table if not one["certified"])
