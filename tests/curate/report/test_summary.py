import re

from report_rows import dataset, lost, row

from curate.report.summary import summary

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


def test_an_empty_dataset_has_a_summary_too():
    assert "kept" in summary([])
