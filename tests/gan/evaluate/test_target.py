"""What the curation model says of samples: the same decision as curate's, beside reals and pictures that it dropped."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import timm
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file
from truth_pictures import drawn

from benchmarks.rulers import warped
from benchmarks.support.folder_data import dataset
from demo.drawing import small_quilts
from gan.__main__ import main
from gan.evaluate import features, metrics, recognition, target
from gan.evaluate.recognition import Recogniser
from gan.evaluate.target import Target
from scrapbag import decision
from scrapbag.decision import Decision
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Data

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network of three classes that nobody trained."""
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = timm.create_model("test_resnet", num_classes=3)
    save_file(net.state_dict(), folder / "model.safetensors")
    shown = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}
    config = {"architecture": "test_resnet", "num_classes": 3, "pretrained_cfg": {**shown, "num_classes": 3}}
    (folder / "config.json").write_text(json.dumps(config))
    return f"local-dir:{folder}"


def logits(model: str, pictures: np.ndarray) -> torch.Tensor:
    net = timm.create_model(model, pretrained=True).eval()
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        found: torch.Tensor = net(
            torch.nn.functional.interpolate(x, size=(64, 64), mode="bilinear", align_corners=False)
        )
    return found


def test_confidences_are_the_targets_softmax_or_sigmoid_and_corrected_where_curates_were(model: str) -> None:
    pictures = drawn(40, 1)
    found, plain = logits(model, pictures), Decision(model, "softmax", ("quilt",), (0, 2), 0.5)
    assert torch.allclose(Target(plain).confidences(pictures), found.softmax(1)[:, [0, 2]].sum(1), atol=1e-4)
    both = found[:, [0, 2]].sigmoid().sum(1).clamp(max=1)
    assert torch.allclose(Target(replace(plain, activation="sigmoid")).confidences(pictures), both, atol=1e-4)
    odds = found.softmax(1) * torch.tensor([0.7, 0.2, 0.1])
    corrected = (odds[:, 0] + odds[:, 2]) / odds.sum(1)
    ours = Target(replace(plain, prior=(7.0, 2.0, 1.0)))
    assert torch.allclose(ours.confidences(pictures), corrected, atol=1e-4)
    assert "corrected for this dataset's class prior: quilt at 0.50 or more" in ours.words


@pytest.mark.parametrize("wrong", [{"outputs": (0, 3)}, {"prior": (0.5, 0.5)}, {"outputs": ()}])
def test_a_model_of_other_outputs_than_the_decision_is_refused(model: str, wrong: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(UsageError, match="3 outputs"):
        Target(replace(Decision(model, "softmax", ("quilt",), (0,), 0.5), **wrong))  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """One picture is kept, two were dropped by the classifier (one of these is broken), one for its size."""
    files = []
    for number, colour in enumerate(("red", "green", "blue", "white")):
        files.append(tmp_path / f"{number}.jpg")
        Image.new("RGB", (96, 48), colour).save(files[-1], quality=95)
    files[1].write_bytes(b"no picture")
    made = dataset(tmp_path / "data", files)
    names = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    made.report_csv.parent.mkdir(parents=True)
    with made.report_csv.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("reason", "sha256"))
        rows.writerows(zip(("", "off_target", "low_confidence", "too_small"), names, strict=True))
    return made


def test_dropped_are_squares_of_what_the_classifier_did_not_take_and_no_others(data: Data) -> None:
    found = target.dropped(data, SIDE, 9)
    assert found.shape == (1, SIDE, SIDE, 3)
    assert np.abs(found[0].astype(int) - (0, 0, 255)).max() < 8
    assert target.dropped(data, SIDE, 0).shape == (0, SIDE, SIDE, 3)
    assert target.dropped(Data(data.root / "elsewhere"), SIDE, 9).shape == (0, SIDE, SIDE, 3)


def test_the_shares_are_those_of_the_cut_and_of_the_median_real(model: str, data: Data) -> None:
    reals, samples = drawn(200, 1), drawn(50, 2)
    kept = Decision(model, "softmax", ("quilt",), (0,), 0.3)
    asked = Target(kept)
    ours, held = asked.confidences(samples), asked.confidences(reals[:80])
    cut = float(ours.median())
    decision.write(data, replace(kept, cut=cut))
    found = Recogniser(reals[:100], reals[100:], reals[:80], data).recognise(samples)
    assert found.kept is not None
    assert found.kept.counts == (50, 80, 1)
    assert found.kept.cut.samples == pytest.approx(float((ours >= cut).double().mean()))
    assert found.kept.cut.samples >= 0.5
    assert found.kept.cut.reals == pytest.approx(float((held >= cut).double().mean()))
    assert found.kept.median.reals == pytest.approx(0.5, abs=0.02)
    assert (found.unmeasured, found.warning) == ((), "")
    assert recognition.restore(json.loads(json.dumps(asdict(found)))) == found


def test_without_a_decision_there_is_a_reason_and_the_taps_and_a_teacher_is_named(data: Data) -> None:
    reals = drawn(128, 1)
    found = Recogniser(reals[:64], reals[64:], reals[64:], data, "lite0").recognise(drawn(64, 2))
    assert found.kept is None
    assert "make curate" in found.unmeasured[0]
    assert "lite0" in found.warning
    assert "arXiv 2203.06026" in recognition.notes(found)[-1]


def test_the_taps_tell_pictures_from_what_has_only_their_strokes() -> None:
    reals = np.stack([small_quilts.quilt(seed, 64) for seed in range(96)])
    kind = features.taps(reals[:48])
    reference = kind.look(reals[:48])
    other, strokes = (metrics.kid(reference, kind.look(one))[0] for one in (reals[48:], warped(reals[48:])))
    assert strokes > 3 * abs(other)
    assert strokes > other + 100
    assert kind.sha256 != features.taps(reals[48:]).sha256


def test_evaluate_says_both_on_the_terminal_in_the_file_and_on_the_page(finished, model: str) -> None:
    data, job, _ = finished
    decision.write(data, Decision(model, "softmax", ("quilt",), (1,), 0.2))
    result = CliRunner().invoke(main, ["evaluate", "--run", str(job.run.root)])
    assert result.exit_code == 0, result.output
    kept = json.loads(job.run.evaluation.read_text())["last"]["recognition"]["kept"]
    assert f"kept as the target{'':<28}{kept['cut']['samples']:>10.3f}{kept['cut']['reals']:>10.3f}" in result.output
    page = job.run.report.read_text()
    assert "What a person would see" in page
    assert f"<td>{kept['cut']['samples']:.3f}</td>" in page
    with pytest.raises(MissingError):
        decision.read(Data(data.root / "nowhere"))
