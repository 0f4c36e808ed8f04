"""Make's three rules, by real calls of make: what runs, what does not, and what a Ctrl-C leaves standing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from making import ROOT, command, environment, make
from safetensors.numpy import load_file, save_file

from demo.drawing.develop import develop
from demo.drawing.stock import stock

STAGES = ("scrape", "score", "curate", "train")
RECIPE = """
name = "tiny"

[[source]]
name = "drawn"
kind = "folder"
path = "{folder}"
licence = "CC0-1.0"

[score]
model = "demo"

[curate]
targets = ["quilt"]
threshold = 0.5
size = 32

[train]
preset = "dcgan64"
images = 256
values = ["batch=16", "width=8"]
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


class Workshop:
    """A recipe with its own data and run folders, and the make that works on them."""

    def __init__(self, folder: Path) -> None:
        self.recipe, self.data, self.run = folder / "tiny.toml", folder / "data", folder / "run"
        pictures = stock({"quilt": 150, "bag": 10, "logo": 10}, {"truncated": 2})
        (folder / "pictures").mkdir()
        for picture in pictures:
            (folder / "pictures" / f"{picture.number:04d}.jpg").write_bytes(develop(picture, pictures))
        self.recipe.write_text(RECIPE.format(folder=folder / "pictures"), encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return command(self.recipe, self.data, self.run, *words)

    def locks(self) -> dict[str, int]:
        """When each stage last took its lock, which every stage does before anything else."""
        files = {s: (self.run if s == "train" else self.data) / f".{s}.lock" for s in STAGES}
        return {stage: file.stat().st_mtime_ns for stage, file in files.items() if file.exists()}

    def make(self, *words: str) -> list[str]:
        """Call make; returns the stages that ran."""
        before = self.locks()
        done = make(self.command(*words))
        assert done.returncode == 0, done.stdout + done.stderr
        return [stage for stage in STAGES if self.locks().get(stage) != before.get(stage)]

    def interrupt(self, stage: str, *words: str) -> float:
        """Call make, press Ctrl-C once `stage` is at work; returns the seconds until everything had ended."""
        before = self.locks().get(stage)
        process = subprocess.Popen(
            self.command(*words), cwd=ROOT, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        patience = time.monotonic() + 60
        while self.locks().get(stage) == before:
            assert process.poll() is None, f"make ended before {stage} began: {process.communicate()[1]}"
            assert time.monotonic() < patience
            time.sleep(0.01)
        pressed = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "Error 130" in said, said
        return time.monotonic() - pressed

    def standing(self) -> dict[str, bytes]:
        """What a person would not want to lose: exports, squares, weights."""
        kept = [*self.data.glob("report/*"), *self.data.glob("curated/*.png"), *self.run.glob("*.safetensors")]
        return {str(path): path.read_bytes() for path in kept}


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
    workshop.make("score")


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
    if stage != "train":
        assert workshop.make(*words), "the same command goes on"


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


@pytest.mark.parametrize("name", ["RECIPE", "DATA", "RUN"])
def test_a_name_with_a_space_is_one_sentence(name: str) -> None:
    said = make(["make", "--no-print-directory", f"{name}=my own", "status"])
    assert said.returncode == 2
    assert len(said.stderr.splitlines()) == 1
    assert name in said.stderr.partition(" may have no spaces")[0]


def test_a_recipe_whose_name_has_a_space_is_one_sentence(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "My Quilts"\n', encoding="utf-8")
    words = command(recipe, tmp_path, tmp_path, "settings")
    said = make([word for word in words if not word.startswith(("DATA=", "RUN="))])
    assert said.returncode == 2
    assert "name is 'My Quilts'; write small letters" in said.stderr + said.stdout


def test_help_names_every_target_that_a_user_calls() -> None:
    done = make(["make", "help"])
    assert done.returncode == 0
    named = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {"demo", "test", "scrape", "curate", "review", "report", "train", "sample", "export", "status"} <= named
    used = set(re.findall(r"make ([a-z]+)", readme))
    assert used <= named, used - named
