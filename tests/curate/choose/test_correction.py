"""The class prior in the curate stage: when it decides, what it is computed from, and when it steps aside."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.support.simulated_data import Set, answer, dataset
from curate import run
from curate.choose import correction
from curate.choose.certificate import judge
from curate.choose.facts import current
from curate.model import prior
from curate.report.summary import advice, how_decided
from scrapbag import decision
from scrapbag.errors import MissingError, UsageError
from scrapbag.recipe import Curate

AUTO = Curate(targets=("quilt",), size=32)
RAW = Curate(targets=("quilt",), size=32, by="prob")
COUNT = 800


@pytest.fixture
def made(tmp_path) -> Set:
    """A network of 300 classes, and pictures of which a third are what it takes for one in sixty."""
    return dataset(tmp_path / "quilts", COUNT, classes=300)


def decided(made: Set, settings: Curate = AUTO):
    return run.choose(run.gather(settings, made.data), settings)


def precision_and_recall(made: Set, outcome) -> tuple[float, float]:
    kept = [made.wanted[row.sha256] for row in outcome.rows if row.kept]
    return sum(kept) / max(len(kept), 1), sum(kept) / sum(made.wanted.values())


def everything(count: int):
    """All are usable, and none is a copy."""
    return np.ones(count, dtype=bool), np.arange(count)


def corrected(made: Set):
    return correction.correction(current(made.data), [0], *everything(COUNT))


def test_auto_decides_by_the_corrected_confidences_and_keeps_what_the_softmax_drops(made):
    auto, raw = decided(made), decided(made, RAW)
    assert precision_and_recall(made, raw)[1] < 0.5
    precision, recall = precision_and_recall(made, auto)
    assert precision > 0.95
    assert recall > 0.85
    assert auto.share == pytest.approx(np.mean([row.confidence for row in auto.rows]), abs=1e-3)
    assert auto.changed is None
    assert "class prior corrected" in how_decided(auto)
    assert (raw.share, raw.correction) == (0, "")


def drawn_for(made: Set, settings: Curate) -> dict[str, object]:
    scores = judge(run.evidence(run.gather(settings, made.data)), settings).scores
    return {"version": scores.version, "family": scores.family, "promise": 0.9}


def test_answers_certify_the_confidences_that_decide_and_no_bound_is_of_the_other_ones(made):
    names = sorted(made.wanted, key=lambda name: -made.confidence[name])
    before = decided(made)
    answer(made, [(n, "yes" if made.wanted[n] else "no") for n in names[:300]], "certify", drawn_for(made, AUTO))
    auto, raw = decided(made), decided(made, RAW)
    assert auto.certificate is not None
    assert auto.share == before.share > 0.2
    assert [row.confidence for row in auto.rows] == [row.confidence for row in before.rows]
    assert [row.raw_confidence for row in auto.rows] == [row.confidence for row in raw.rows]
    assert any(row.confidence != row.raw_confidence for row in auto.rows)
    assert "class prior corrected, precision at least 0.9" in how_decided(auto)
    assert any(row.certified is not None for row in auto.rows)
    assert all(row.kept == (row.answer != "no") for row in auto.rows if row.confidence >= auto.cut)
    assert raw.certificate is None
    assert all(row.certified is None for row in raw.rows)


def test_it_is_computed_once_and_anew_when_the_pictures_the_copies_or_the_targets_change(made, monkeypatch):
    calls = []
    real = prior.correct
    monkeypatch.setattr(prior, "correct", lambda *words: calls.append(1) or real(*words))
    one, again = corrected(made), corrected(made)
    assert len(calls) == 1
    assert np.array_equal(one.confidence, again.confidence)
    correction.correction(current(made.data), [0], np.ones(COUNT, dtype=bool), np.zeros(COUNT, dtype=int))
    correction.correction(current(made.data), [0, 1], *everything(COUNT))
    assert len(calls) == 3
    shards = current(made.data).shards
    columns = {name: shards.column(name)[:5] for name in ("problem", "below", "norm", "top", "best", "features")}
    rest = {name: shards.column(name)[:5] for name in _others(shards)}
    shards.append([f"{number:064x}" for number in range(5)], columns | rest)
    correction.correction(current(made.data), [0], *everything(COUNT + 5))
    assert len(calls) == 4


def test_of_a_wide_network_the_rare_classes_are_one_column_and_hardly_matter(made, monkeypatch):
    whole = corrected(made)
    monkeypatch.setattr(correction, "COLUMNS", 40)
    monkeypatch.setattr(correction, "VERSION", 99)
    narrow = corrected(made)
    assert np.abs(whole.confidence - narrow.confidence).mean() < 0.02


def test_a_file_that_is_unusable_or_whose_logits_are_not_finite_has_no_confidence_and_no_vote(made, monkeypatch):
    usable, group = everything(COUNT)
    usable[::7] = False
    shards = current(made.data).shards
    real = type(shards).column

    def column(self, name):
        values = real(self, name)
        if name == "norm":
            values[3] = np.nan
        return values

    monkeypatch.setattr(type(shards), "column", column)
    found = correction.correction(current(made.data), [0], usable, group)
    usable[3] = False
    assert np.array_equal(np.isnan(found.confidence), ~usable)
    assert not found.on_target[~usable].any()
    assert 0 < found.share < 1


def test_with_one_class_too_many_none_is_left_for_the_last_column(made, monkeypatch):
    shards = current(made.data).shards
    p = np.exp(shards.column("below").astype(np.float32)) / shards.column("norm")[:, None]
    rarest = [int(p.sum(axis=0).argmin())]  # the others fill the columns, and it is the one class that is left
    whole = correction.of_shards(shards, rarest, *everything(COUNT))
    monkeypatch.setattr(correction, "COLUMNS", 299)
    monkeypatch.setattr(correction, "VERSION", 98)
    assert np.allclose(correction.of_shards(shards, rarest, *everything(COUNT)).confidence, whole.confidence)


def test_it_steps_aside_for_a_sigmoid_and_for_a_network_of_few_classes_and_says_so(made, tmp_path):
    few = decided(dataset(tmp_path / "few", 200))
    assert "2 classes" in few.correction
    assert few.share == 0
    scores = current(made.data)
    scores.info["link"] = "sigmoid"
    assert "sigmoid" in correction.correction(scores, [0], *everything(COUNT)).aside
    assert decided(made, Curate(size=32)).correction == ""  # without targets nobody asked


def test_who_keeps_next_to_nothing_is_told_what_would_help(made):
    strict = Curate(targets=("quilt",), size=32, by="prob", threshold=0.9999)
    said = advice(decided(made, strict))
    assert "under 2% was kept" in said
    assert "make review" in said
    assert "take BY=auto" in said
    assert "quilt (" not in said
    assert advice(decided(made)) == ""


def _others(shards):
    from safetensors import safe_open  # noqa: PLC0415

    known = {"sha256", "problem", "below", "norm", "top", "best", "features"}
    with safe_open(next(shards.folder.glob("shard-*")), framework="numpy") as file:
        return [name for name in file.keys() if name not in known]  # noqa: SIM118


@pytest.mark.parametrize("columns", [1000, 100], ids=["every class", "rare classes in one column"])
def test_what_is_kept_of_the_decision_gives_the_posterior_under_the_datasets_prior(made, monkeypatch, columns):
    monkeypatch.setattr(correction, "COLUMNS", columns)
    run.curate(AUTO, made.data)
    kept = decision.read(made.data)
    assert (kept.activation, kept.targets, kept.outputs, kept.cut) == ("softmax", ("quilt",), (0,), AUTO.threshold)
    shards = current(made.data).shards
    p = np.exp(shards.column("below").astype(np.float32))
    p /= p.sum(axis=1, keepdims=True)
    q = p * np.array(kept.prior)
    q /= q.sum(axis=1, keepdims=True)
    if columns == 1000:
        none = np.zeros((COUNT, 0), np.int32)
        expected = prior.correct(p, np.arange(COUNT), none, spreads=0).posterior
        assert np.allclose(q, expected, atol=2e-3)
    raw = p[:, 0] >= AUTO.threshold
    assert raw.mean() < 0.5 * (q[:, 0] >= AUTO.threshold).mean()


def test_a_decision_goes_when_no_classifier_decides_and_a_damaged_one_is_a_sentence(made):
    run.curate(AUTO, made.data)
    assert made.data.decision.exists()
    run.curate(Curate(targets=(), size=32), made.data)
    with pytest.raises(MissingError, match="make curate"):
        decision.read(made.data)
    made.data.decision.write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        decision.read(made.data)
