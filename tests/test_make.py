"""Make's three rules, by real calls of make: what runs, what does not, and what a Ctrl-C leaves standing."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from making import ROOT, command, environment, make
from safetensors.numpy import load_file, save_file
from servers import Answer as SiteAnswer
from servers import Site, serving
from workshop import RECIPE, STAGES, Workshop

from scrapbag.catalog import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("make"))


def test_only_what_was_named_given_or_edited_and_what_lies_downstream_runs_again(workshop: Workshop) -> None:
    report = workshop.data / "report" / "report.csv"
    assert workshop.make("train") == ["scrape", "score", "curate", "train"], "the first train runs all"
    assert workshop.make("train") == [], "again: nothing"

    loose = report.read_bytes()
    assert workshop.make("curate", "THRESH=0.9") == ["curate"], "a threshold re-decides only"
    assert report.read_bytes() != loose
    assert workshop.make("train") == ["train"], "train uses the 0.9 set, and curate keeps it"
    assert workshop.make("train") == []

    text = workshop.recipe.read_text(encoding="utf-8")
    workshop.recipe.touch()
    assert workshop.make("train") == [], "touching the recipe does nothing"

    workshop.recipe.write_text(text.replace("images = 256", "images = 320"), encoding="utf-8")
    assert workshop.make("train") == ["train"], "editing [train] trains only"

    workshop.recipe.write_text(text.replace("images = 256", "images = 320").replace("0.5", "0.6"), encoding="utf-8")
    assert workshop.make("train")[:1] == ["curate"], "editing [curate] lets the recipe win over the earlier THRESH"
    assert "threshold = 0.6" in (workshop.data / "settings" / "curate.toml").read_text(encoding="utf-8")

    assert workshop.make("scrape") == ["scrape"], "the network is asked when told"
    assert workshop.make("train") == [], "a scrape with nothing new leaves the rest alone"


@pytest.mark.parametrize(("own", "passed"), [({}, "1"), ({"THP_MEM_ALLOC_ENABLE": "0"}, "0")])
def test_torch_is_asked_for_huge_pages_unless_the_environment_says_otherwise(own: dict[str, str], passed: str) -> None:
    around = {key: value for key, value in environment().items() if key != "THP_MEM_ALLOC_ENABLE"} | own
    words = ["make", "--no-print-directory", "--eval", "print/it:;@echo $$THP_MEM_ALLOC_ENABLE", "print/it"]
    done = subprocess.run(words, cwd=ROOT, env=around, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == passed, done.stderr


def test_a_dataset_that_was_pulled_is_trained_on_at_once(workshop: Workshop, tmp_path: Path) -> None:
    workshop.make("curate")
    store, other = f"STORE={tmp_path / 'disk'}", tmp_path / "data"
    done = make(workshop.command("push", store))
    assert done.returncode == 0, done.stderr
    done = make(command(workshop.recipe, other, tmp_path / "run", "pull", store))
    assert done.returncode == 0, done.stderr
    assert workshop.make("curate") == [], "a push makes nothing stale"
    locks = [other / f".{stage}.lock" for stage in ("scrape", "score", "curate")]
    before = [path.stat().st_mtime_ns for path in locks]
    done = make(command(workshop.recipe, other, tmp_path / "run", "train"))
    assert done.returncode == 0, done.stderr
    assert "trained on" in done.stdout
    assert [path.stat().st_mtime_ns for path in locks] == before, "no other stage ran"


def test_new_labels_make_the_curation_stale(workshop: Workshop, tmp_path: Path) -> None:
    workshop.make("curate")
    report = (workshop.data / "report" / "report.csv").read_text(encoding="utf-8").splitlines()
    column = report[0].split(",").index("sha256")
    labels = tmp_path / "labels.csv"
    sha256 = next(line.split(",")[column] for line in report[1:] if line.split(",")[1] == "True")
    labels.write_text(f'sha256,answer,targets\n{sha256},no,"[""quilt""]"\n', encoding="utf-8")
    python = Path(sys.executable)
    subprocess.run(
        [python, "-m", "curate", "labels", "--data", workshop.data, "--import", labels], cwd=ROOT, check=True
    )
    assert workshop.make("train")[:1] == ["curate"]
    again = (workshop.data / "report" / "report.csv").read_text(encoding="utf-8")
    assert "human_reject" in again
    assert workshop.make("train") == []


def test_new_weights_under_an_old_name_make_the_scores_stale(workshop: Workshop, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(ROOT / "demo" / "model", model)
    workshop.make("curate", f"MODEL=local-dir:{model}")
    assert workshop.make("curate") == []
    index = (workshop.data / "scored" / "index.json").read_bytes()

    weights = load_file(model / "model.safetensors")
    name = next(name for name in weights if name.endswith("fc.weight"))
    save_file(weights | {name: weights[name] * 0.5}, model / "model.safetensors")
    assert workshop.make("curate") == ["score", "curate"], "retrained"
    assert (workshop.data / "scored" / "index.json").read_bytes() != index
    assert workshop.make("curate") == []

    config = (model / "config.json").read_text(encoding="utf-8")
    (model / "config.json").write_text(config.replace('"quilt"', '"quilt, comforter"'), encoding="utf-8")
    assert workshop.make("curate") == ["score", "curate"], "its classes are called otherwise"
    workshop.make("score", "MODEL=demo")


def test_what_a_killed_scrape_has_stored_is_curated_and_no_host_is_asked(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    site = Site({f"/{path.name}": SiteAnswer(path.read_bytes()) for path in sorted((tmp_path / "pictures").iterdir())})
    source = f'kind = "urls"\npath = "{tmp_path / "list.txt"}"'
    with serving(site):
        (tmp_path / "list.txt").write_text("".join(f"{site.url}{path}\n" for path in site.routes))
        text = RECIPE.replace('kind = "folder"\npath = "{folder}"', source)
        scrape = f'[scrape]\ncontact = "a@b.c"\ndelay_s = 0.02\nper_host = 1\nallow_hosts = ["{site.host}"]\n'
        workshop.recipe.write_text(text + scrape, encoding="utf-8")
        for least in (30, 60):
            process = subprocess.Popen(
                workshop.command("scrape"), cwd=ROOT, env=environment(), start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            patience = time.monotonic() + 60
            while len(site.asked()) < least:
                assert time.monotonic() < patience
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            site.hits.clear()
            assert workshop.make("curate") == ["score", "curate"]
            assert site.hits == []
            with closing(connect(workshop.data / "catalog.db")) as catalog:
                (stored,) = catalog.execute("select count(*) from picture").fetchone()
            with (workshop.data / "report" / "report.csv").open(newline="", encoding="utf-8") as file:
                reasons = [row["reason"] for row in csv.DictReader(file)]
            assert least // 2 < stored == len(reasons) < 170
            assert "waiting" not in reasons


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("scrape", ("scrape", "FRESH=1")),
        ("score", ("score", "BACKEND=torch", "MODEL=local-dir:demo/model")),
        ("curate", ("curate", "THRESH=0.7")),
        ("train", ("train", "IMAGES=100000")),
    ],
    ids=STAGES,
)
def test_ctrl_c_ends_a_stage_in_five_seconds_and_loses_nothing(
    workshop: Workshop, stage: str, words: tuple[str, ...]
) -> None:
    workshop.make("train")
    before = workshop.standing()
    assert workshop.interrupt(stage, *words) < 5
    after = workshop.standing()
    assert before.keys() <= after.keys()
    if stage in ("scrape", "score"):
        assert all(after[path] == content for path, content in before.items())
    again = words if stage != "train" else ("train", "IMAGES=320")  # which is kept from then on; 100,000 take minutes
    assert workshop.make(*again), "the same command goes on"


def test_a_mistake_is_one_sentence_and_nothing_is_lost(workshop: Workshop) -> None:
    workshop.make("train")
    before = workshop.standing()
    done = make(workshop.command("curate", "THRESH=1.9"))
    assert done.returncode == 2
    assert "threshold is 1.9; write a number from 0 to 1" in done.stderr
    assert workshop.standing() == before


def test_status_says_what_was_found_kept_and_trained_and_what_to_open(workshop: Workshop) -> None:
    workshop.make("train")
    done = make(workshop.command("status"))
    assert done.returncode == 0
    assert "found    172 picture addresses" in done.stdout
    assert "kept" in done.stdout
    assert "dropped" in done.stdout
    assert "report.html" in done.stdout
    assert len(done.stdout.splitlines()) <= 24, "one screen"


@pytest.mark.parametrize(
    ("gone", "stage"),
    [
        ("data/curated", "curate"),
        ("data/scored", "score"),
        ("data/squares", "curate"),
        ("data/report/report.csv", "curate"),
        ("data/packed", "train"),
        ("run/generator.safetensors", "train"),
    ],
    ids=lambda one: Path(one).name,
)
def test_an_output_that_is_missing_is_made(workshop: Workshop, gone: str, stage: str) -> None:
    workshop.make("train")
    path = workshop.data.parent / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert stage in workshop.make("train")
    assert path.exists()
    assert workshop.make("train") == [], "and once"


def test_more_images_go_on_with_the_run_of_the_seed_that_was_named_before(workshop: Workshop) -> None:
    done = make(workshop.command("train", "SEED=3", "IMAGES=64"))
    assert f"next: make evaluate RECIPE={workshop.recipe} DATA={workshop.data} RUN={workshop.run}" in done.stdout
    aside = sorted(workshop.run.parent.glob("run.*"))
    assert workshop.make("train", "IMAGES=96") == ["train"]
    assert sorted(workshop.run.parent.glob("run.*")) == aside, "it was not moved away"
    assert "seed = 3" in (workshop.run / "train.toml").read_text(encoding="utf-8")
    assert json.loads((workshop.run / "done.json").read_bytes())["images_seen"] == 96


def test_clean_keeps_the_run_and_what_was_scored(workshop: Workshop) -> None:
    workshop.make("train")
    weights = (workshop.run / "generator.safetensors").read_bytes()
    done = make(workshop.command("clean"))
    assert done.returncode == 0, done.stderr
    assert not (workshop.data / "curated").exists()
    moved = workshop.data.parent / done.stdout.split(" to ")[1].partition(";")[0]
    assert (moved / "generator.safetensors").read_bytes() == weights
    assert workshop.make("train") == ["curate", "train"], "what was scraped and scored is still there"
