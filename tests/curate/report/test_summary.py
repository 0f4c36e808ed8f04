import re

import pytest
from report_rows import dataset, lost, outcome, row

from curate.choose.certify import Certificate
from curate.report.summary import advice, given_up, how_decided, summary
from scrapbag.recipe import Curate

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e=cmd|' /C calc'!A0\r\n" + "漢" * 60


def test_every_line_fits_eighty_columns_and_holds_no_control_character():
    rows = [*dataset(300), row(number=9999, title=HOSTILE, source=HOSTILE, margin=0.0), lost(1, "tls")]
    for line in summary(rows).splitlines():
        wide = len(re.findall("[\u2e80-\uffdc]", line))
        assert len(line) + wide <= 80
        assert line.isprintable()


def test_counts_by_reason_and_source_add_up():
    rows = [*dataset(400), *(row(number=1000 + i, source=f"s{i % 7}") for i in range(70))]
    table = summary(rows).split("\n\n")[0].splitlines()[1:]
    counts = [[int(n.replace(",", "")) for n in re.findall(r"(?<=\s)[\d,]+(?=\s|$)", line)] for line in table]
    whole = counts.pop()
    assert whole[0] == 470
    assert [sum(column) for column in zip(*counts, strict=True)] == whole
    assert all(one[0] == sum(one[1:]) for one in [*counts, whole])


def test_the_ten_nearest_to_flipping_come_nearest_first():
    rows = [row(number=i, title=f"<{i}>", margin=abs(49.6 - i) / 100, confidence=0.5) for i in range(100)]
    lines = summary(rows).split("nearest to flipping\n")[1].splitlines()[1:]
    assert {int(re.search("<(.+)>", line)[1]) for line in lines} == set(range(45, 55))
    margins = [float(line.split()[0]) for line in lines]
    assert margins == sorted(margins)


def test_nothing_under_the_threshold_reads_as_if_it_stood_on_it():
    assert "0.9000" not in summary([row(confidence=0.89999, reason="low_confidence", margin=0.00001)])


@pytest.mark.parametrize(
    ("before", "by_prob", "said"),
    [
        (102, 102, "uncertified it kept 102, and BY=prob has them back"),
        (102, 21, "uncertified it kept 102 by the corrected class prior, and BY=prob, uncorrected, keeps 21"),
        (3, 3, ""),
        (None, None, ""),
    ],
    ids=["as prob", "corrected", "kept no more", "not asked"],
)
def test_what_a_certificate_costs_is_said_with_the_way_back(before, by_prob, said):
    rows = [row(number=number) for number in range(57)]
    certificate = Certificate(cut=0.92228, promise=0.9, lower=0.9, n=60, errors=1, size=50)
    made = outcome(rows, cut=0.92228, by="precision", certificate=certificate, before=before, by_prob=by_prob)
    assert given_up(made) == said
    assert how_decided(made).startswith("cut at 0.9222, precision at least 0.90 with 95 % confidence")
    assert how_decided(made).endswith(said)


def test_one_rule_that_drops_most_is_named_with_what_would_help():
    small = [row(number=number, reason="too_small") for number in range(296)]
    rows = [
        *small,
        *(row(number=1000 + number) for number in range(4)),
        *(lost(number, "timeout") for number in range(900)),
    ]
    said = advice(outcome(rows, settings=Curate(size=1024), cut=None))
    assert said.startswith("too_small dropped 296 of 300: ")
    assert "enlarge = true" in said
    assert said.endswith("(SIZE=1024)")
    assert advice(outcome([row(number=number, reason="off_target") for number in range(9)], cut=None)) == ""
    assert advice(outcome([], cut=None)) == ""


def test_an_empty_dataset_has_a_summary_too():
    assert "kept" in summary([])
