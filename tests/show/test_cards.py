"""The cards: Hugging Face's own classes read them, and what they say is what the files say."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, replace

import pytest
import tomli_w
from click.testing import CliRunner
from huggingface_hub import DatasetCard, ModelCard
from report_rows import dataset, row

from curate.report import report_csv
from gan.evaluate.fidelity import Figures, Measured, Surface, Verdict
from scrapbag import decision
from scrapbag.decision import Decision
from scrapbag.layout import Data, Run
from scrapbag.recipe import dump, load
from scrapbag.web import markdown
from show.__main__ import main

HOSTILE = 'x | y](javascript:alert(1)) <img src=x onerror="1"> `*_\n# Head\n---'
RECIPE = """
name = "quilts"
[[source]]
name = "shop"
kind = "folder"
path = "p"
[curate]
targets = ["quilt"]
size = 32
"""
FIGURES = Figures(3.25, 0.1, 0.7, 0.3, 0.4, 0.55, 0.021, 0.9)


@pytest.fixture
def made(tmp_path):
    """A dataset of three sources and four licences, and a run that was measured."""
    data, run = Data(tmp_path / "data" / "quilts"), Run(tmp_path / "runs" / "quilts")
    rows = dataset(300)
    rows += [row(number=1000 + i, licence="CC BY-SA 4.0", creator=f"Ada {i}", source="museum") for i in range(5)]
    rows += [row(number=2000, licence=HOSTILE, creator="=1+1", source=HOSTILE, licence_disputed="a | b")]
    rows += [row(number=3000, licence="", answer="yes", fetched_at="2026-11-02T10:00:00+00:00")]
    report_csv.write(data.report_csv, rows)
    (tmp_path / "q.toml").write_text(RECIPE)
    for stage in ("scrape", "curate"):
        data.settings.mkdir(exist_ok=True)
        data.settings_of(stage).write_text(dump(load(tmp_path / "q.toml"), stage))
    decision.write(data, Decision("resnet50.tv_in1k", "softmax", ("quilt",), (7,), 0.9))
    run.root.mkdir(parents=True)
    table = {"from": str(data.root), "computer": "a small computer", "machine": {"device": "cpu"}}
    run.settings.write_text(tomli_w.dumps({**table, "values": {"teacher": "lite0", "crop": 0}}))
    run.generator.with_suffix(".json").write_text(json.dumps({"size": 32}))
    finish(run)
    return data, run, rows


def finish(run, **changes):
    done = {"images_seen": 12_000, "seconds": 90.0, "preset": "dcgan64", "data": "k1", "pictures": 75, "held": 25}
    run.done.write_text(json.dumps(done | {"teacher": "lite0", "teacher_licence": "Apache-2.0"} | changes))


def measure(run, **changes):
    floor = replace(FIGURES, kid=0.5, copies=0.02)
    surface = Surface((1.0, 2.0, 3.0), 20.0, 1.0)
    one = Measured("random", "ab12", FIGURES, floor)
    verdict = Verdict(12_000, 512, 1024, 600, 600, 64, (one,), "", surface, surface, ("soft: it is",))
    run.evaluation.write_text(json.dumps({"last": asdict(replace(verdict, **changes))}))


def written(data, run, *words):
    done = CliRunner().invoke(
        main, ["card", f"--data={data.root}", f"--run={run.root}", *words], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return data.card.read_text(), run.card.read_text()


def test_hugging_faces_classes_read_both(made):
    data, run, _ = made
    measure(run)
    written(data, run)
    card = DatasetCard.load(data.card)
    assert card.data.license == ["cc-by-sa-4.0", "cc0-1.0", "other", "unknown"]
    assert card.data.pretty_name == "quilts"
    assert card.data.size_categories == ["n<1K"]
    model = ModelCard.load(run.card)
    assert (model.data.license, model.data.library_name) == ("unknown", "pytorch")
    found = {one.metric_type: one.metric_value for one in model.data.eval_results}
    assert found == {"kid": 3.2, "coverage": 0.4, "recall": 0.3, "precision": 0.7, "copy_auc": 0.55, "copies": 0.021}
    assert model.data.model_name == "quilts"


def test_counts_are_those_of_the_table(made):
    data, run, rows = made
    kept = sum(one.kept for one in rows)
    shown, _ = written(data, run)
    assert f"{kept:,} squares of 32x32 pixels of: quilt, chosen among" in shown
    free = sum(one.kept and one.licence == "CC0-1.0" for one in rows)
    assert f"| CC0-1.0 | {free} |" in shown
    assert "| CC BY-SA 4.0 | 5 |" in shown
    assert "| shop | folder | " in shown
    assert "unknown: nothing is stated" in shown
    assert "1 picture has pages that state several licences" in shown
    assert "6 different makers are named" in shown
    assert "Uncertified" in shown
    for reason in {one.reason for one in rows if not one.kept}:
        assert f"| {markdown.text(reason)} | {sum(one.reason == reason for one in rows)} |" in shown
    report_csv.write(data.report_csv, [row(number=1, certificate="at least 0.913 with 95 % confidence from 0.8 up")])
    shown, _ = written(data, run)
    assert "The certificate: precision at least 0.913" in shown
    assert "Uncertified" not in shown
    assert "nothing is certified" not in shown


def test_what_came_from_the_web_is_shown_and_never_obeyed(made):
    data, run, _ = made
    for text in written(data, run):
        body = text.partition("\n---\n")[2]
        assert "<img" not in body
        assert "](javascript" not in body.replace(r"\](", "")
        assert not [line for line in body.splitlines() if line.startswith("# Head")]
        assert r"x \| y\](javascript" in body


def test_the_model_card_says_what_was_looked_through_and_measured_beside_its_floor(made):
    data, run, _ = made
    _, text = written(data, run)
    assert "looked through lite0, a pretrained network that never learnt; its licence is Apache-2.0." in text
    assert "75 pictures, 25 more held out" in text
    assert "12,000 images seen in 1.5 minutes on a small computer" in text
    assert "Whether it copies training pictures has not been looked at" in text
    measure(run)
    run.blind.write_text(json.dumps([{"target": "quilt", "kinds": ["sample", "real"], "answers": ["no", "yes"]}]))
    _, text = written(data, run)
    assert "| KID x1000 (smaller is better), on random | 3.2 | 0.5 |" in text
    assert "2.1% of the samples are near copies of a training picture (2.0% of other real ones are)" in text
    assert "- soft: it is" in text
    assert "people took 0 of 1 samples for a quilt" in text
    finish(run, teacher="none", teacher_licence="")
    assert "No other network" in written(data, run)[1]
    finish(run, teacher="local-dir:/nowhere", teacher_licence="")
    assert "its licence is stated nowhere" in written(data, run)[1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "Random weights."),
        ({"start": "none", "before_kimg": 0.0}, "Random weights."),
        ({"start": "demo", "before_kimg": 550.144, "rehearse": 0.0}, "The weights of demo, after 550,144 images.\n"),
        (
            {"start": "/home/ada/runs/none", "before_kimg": 2.0, "rehearse": 0.25, "rehearse_kimg": 0.0},
            "The weights of none, after 2,000 images. 25% of each batch were pictures that those had learnt from, to",
        ),
        (
            {"start": "runs/a|b", "before_kimg": 2.0, "rehearse": 0.5, "rehearse_kimg": 60.0},
            "50% of each batch were pictures that those had learnt from, at first, fewer and fewer until",
        ),
    ],
)
def test_the_model_card_says_whose_weights_it_began_with_and_what_was_rehearsed(made, values, says):
    data, run, _ = made
    table = tomllib.loads(run.settings.read_text())
    run.settings.write_text(tomli_w.dumps({**table, "values": {**table["values"], **values}}))
    text = written(data, run)[1]
    assert says in text
    assert "ada" not in text.partition("## Began with")[2].partition("##")[0], "nobody's folders"


def test_a_dataset_that_was_curated_anew_is_not_passed_off_as_what_was_learnt_from(made):
    data, run, _ = made
    (data.packed / "k1").mkdir(parents=True)
    assert "curated anew" not in written(data, run)[1]
    (data.packed / "k1").rename(data.packed / "k2")
    assert "curated anew since" in written(data, run)[1]


def test_each_card_stands_without_the_other_and_without_both_it_says_what_to_run(made):
    data, run, _ = made
    run.done.unlink()
    done = CliRunner().invoke(main, ["card", f"--data={data.root}", f"--run={run.root}"])
    assert (done.exit_code, done.output) == (0, f"cards -> {data.card}\n")
    finish(run)
    data.report_csv.unlink()
    done = CliRunner().invoke(main, ["card", f"--run={run.root}"])
    assert (done.exit_code, done.output) == (0, f"cards -> {run.card}\n")
    assert "Sources and licences are not known" in run.card.read_text()
    run.done.unlink()
    done = CliRunner().invoke(main, ["card", f"--run={run.root}"])
    assert done.exit_code == 69
    assert "run make curate first" in done.output
    run.done.write_text("[")
    done = CliRunner().invoke(main, ["card", f"--run={run.root}"])
    assert done.exit_code == 2
    assert "done.json is damaged" in done.output


@pytest.mark.parametrize(
    ("stated", "name"),
    [("CC0-1.0", "cc0-1.0"), ("CC BY-SA 4.0", "cc-by-sa-4.0"), ("CC-BY-NC-ND-4.0", "cc-by-nc-nd-4.0"), ("", "unknown"),
     ("cc by 9.9", "other"), ("CC BY", "other"), ("All rights reserved", "other"), ("unknown", "unknown"),
     ("CC BY 2.0 de", "cc-by-2.0"), ("CC0", "cc0-1.0"), ("CC BY-NC 4.0", "cc-by-nc-4.0")],
)  # fmt: skip
def test_a_licence_has_the_name_that_the_hub_knows(stated, name):
    assert markdown.hub_licence(stated) == name
