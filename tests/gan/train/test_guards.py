"""No training is lost to a mistake, a kill or a damaged file; pictures that cannot be trained on are refused."""

from __future__ import annotations

import csv
import os
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gan_data import TINY, job, squares, texture
from making import command, make
from PIL import Image

from gan.__main__ import main
from gan.nets import presets
from gan.pictures import data
from gan.train import checkpoint, loop, preflight, runs
from scrapbag.disk import lock
from scrapbag.errors import LockedError, RecipeError, UsageError
from scrapbag.layout import Run
from scrapbag.recipe import Train
from scrapbag.recipe import load as load_recipe


def test_a_gpu_that_is_too_full_is_a_sentence_and_nothing_begins(tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise torch.OutOfMemoryError("CUDA out of memory")

    dataset = squares(tmp_path / "data")
    monkeypatch.setattr("gan.train.preflight.torch.randn", full)
    said = CliRunner().invoke(
        main, ["train", "--data", str(dataset.root), "--run", str(tmp_path / "run"), "--images", "8"]
    )
    assert said.exit_code == 2
    assert "memory is too full for a step" in said.output
    assert "SET=batch=16" in said.output
    assert not (tmp_path / "run" / "settings.toml").exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_gpu_that_fills_up_later_ends_the_run_with_a_sentence(tmp_path, monkeypatch, error):
    def full(*_args, **_more):
        raise error

    dataset = squares(tmp_path / "data")
    asked = [
        "train",
        "--data",
        str(dataset.root),
        "--run",
        str(tmp_path / "run"),
        *(f"--set={value}" for value in TINY),
    ]
    assert CliRunner().invoke(main, [*asked, "--images", "8"]).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr("torch.optim.Adam.step", full)
        said = CliRunner().invoke(main, [*asked, "--images", "16"])
    assert said.exit_code == 2
    assert "the same command goes on from here" in said.output
    again = CliRunner().invoke(main, [*asked, "--images", "16"])
    assert again.exit_code == 0
    assert "goes on" in again.output


def test_another_fault_of_torch_is_not_called_a_full_gpu():
    with pytest.raises(RuntimeError, match="shapes"), preflight.fits():
        raise RuntimeError("shapes do not match")


def standing(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def table(root, rows, columns=("file_name", "level")):
    with (root / "curated" / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _load(dataset, crop=0):
    return data.load(dataset.curated, dataset.packed, crop)


@pytest.mark.parametrize("harm", ["torn", "gone"])
def test_a_run_whose_checkpoints_are_lost_is_not_begun_anew_over_it(finished, harm):
    dataset, one, _ = finished
    for path in checkpoint.saved(one.run.checkpoints):
        path.write_bytes(b"torn") if harm == "torn" else path.unlink()
    before = standing(one.run.root)
    with pytest.raises(UsageError, match="none of the checkpoints"):
        loop.train(job(dataset, one.run.root, images=80))
    assert standing(one.run.root) == before


def test_one_flipped_byte_in_a_checkpoint_is_seen(finished):
    _, one, _ = finished
    path = checkpoint.saved(one.run.checkpoints)[-1]
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        weights = max(archive.infolist(), key=lambda info: info.file_size)
    for place in (weights.header_offset + 200, len(whole) // 50):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        assert checkpoint.load(one.run.checkpoints) is None


@pytest.mark.parametrize("values", [("batch=4096", "width=256"), ("real=[1.0, 0.5]",)])
def test_a_request_that_is_refused_moves_nothing(finished, values):
    dataset, one, _ = finished
    before = standing(one.run.root)
    with pytest.raises(UsageError):
        runs.prepare(dataset, one.run, Train(images=40, values=(*TINY, *values)), lambda _: None)
    assert standing(one.run.root) == before


def test_a_move_aside_that_was_killed_half_way_is_taken_back(finished):
    dataset, one, sha256 = finished
    moving = one.run.root.with_name("run.moving")
    moving.mkdir()
    for name in ("checkpoints", "metrics.csv"):
        (one.run.root / name).rename(moving / name)
    moment, again = loop.train(job(dataset, one.run.root))
    assert (moment.images_seen, again) == (40, sha256)
    assert not moving.exists()


def test_one_that_was_killed_at_its_end_is_ended(finished):
    dataset, one, _ = finished
    one.run.root.rename(one.run.root.with_name("run.moving"))
    job(dataset, one.run.root)
    assert checkpoint.saved(one.run.root.with_name("run.1") / "checkpoints")


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    dataset = squares(tmp_path / "data")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years")
    for folder in ("notes", "data"):
        with pytest.raises(UsageError, match="and no run"):
            job(dataset, tmp_path / folder)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "years"


def test_a_fault_beside_the_training_leaves_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("gan.train.progress.GRID_S", 0.0)
    one = job(squares(tmp_path / "data"), tmp_path / "run", images=300)

    def keeper(_ema, images_seen):
        if images_seen > 200:
            raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="of ours"):
        loop.train(one, keeper=keeper)
    assert checkpoint.saved(one.run.checkpoints)


def test_done_is_taken_back_while_a_run_goes_on(finished):
    dataset, one, _ = finished
    more = job(dataset, one.run.root, images=80)
    loop.train(more)
    assert not one.run.done.exists()


def test_textures_smaller_than_the_crops_are_left_out_and_never_held_out(tmp_path):
    dataset = squares(tmp_path, 100, side=24)
    for i in range(100):
        Image.fromarray(np.full((48, 48, 3), i, np.uint8)).save(dataset.curated / f"large{i}.png")
    table(tmp_path, [(path.name, 0) for path in dataset.curated.glob("*.png")])
    pictures = _load(dataset, 32)
    assert (len(pictures.train), len(pictures.held)) == (75, 25)
    assert all(min(one.shape[:2]) == 48 for one in pictures.train + pictures.held)


def test_pictures_without_variety_are_refused(tmp_path):
    dataset = squares(tmp_path / "same", 90)
    for path in dataset.curated.glob("*.png"):
        if path.name != "00000.png":
            shutil.copy(dataset.curated / "00000.png", path)
    flat = texture(tmp_path / "flat")
    Image.new("RGB", (128, 96), "red").save(flat.curated / "00001.png")
    for one, crop in ((dataset, 0), (flat, 32)):
        with pytest.raises(UsageError, match="one picture, or one colour"):
            _load(one, crop)


def test_two_do_not_pack_the_same_pictures_at_once(tmp_path):
    dataset = squares(tmp_path)
    with lock(dataset.root / "packed", "pack"), pytest.raises(LockedError, match="pack is already at work"):
        _load(dataset)


def test_what_a_small_set_needs_is_told_by_the_level_asked_for(tmp_path):
    dataset = squares(tmp_path / "data", 1200)
    table(tmp_path / "data", [(f"{i:05d}.png", 0 if i < 4 else 2 if i < 900 else 3) for i in range(1200)])
    said = []
    (tmp_path / "run").mkdir()
    asked = Train(images=8, values=TINY, level=2)
    with pytest.raises(UsageError, match="are of level 0 or less"):
        runs.prepare(dataset, Run(tmp_path / "run"), replace(asked, level=0), said.append)
    runs.prepare(dataset, Run(tmp_path / "run"), asked, said.append)
    assert any("under 1,000 pictures" in line and "colour=0.4" in line for line in said)
    assert not any("1,080 pictures to learn from" in line for line in said)


@pytest.mark.parametrize(
    ("columns", "row", "says"),
    [
        (("name", "level"), ("00000.png", 0), "file_name"),
        (("file_name", "level"), ("00000.png", "abc"), "none of 0 to 3"),
        (("file_name", "level"), ("00000.png", 7), "none of 0 to 3"),
        (("file_name", "level"), ("a\0.png", 0), "cannot read"),
        (("file_name", "level"), ("\xe9.png", 0), "utf-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, columns, row, says):
    dataset = squares(tmp_path)
    text = "\n".join(",".join(map(str, line)) for line in (columns, row)) + "\n"
    (dataset.curated / "metadata.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=says):
        _load(dataset)


def test_a_table_may_begin_with_a_mark_and_names_need_not_be_utf_8(tmp_path):
    dataset = squares(tmp_path / "marked")
    path = dataset.curated / "metadata.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    _load(dataset)
    path.unlink()
    (dataset.curated / "00000.png").rename(dataset.curated / os.fsdecode(b"\xff.png"))
    _load(dataset)


@pytest.mark.parametrize(
    "override",
    ["real=[1.0, 0.0]", "real=[nan, 1.0]", "colour=inf", "gamma=inf", "target=nan", "kernel=[]", "kernel=[0]",
     "kernel=[1000]", "beta1=1.0", "beta2=1"],
)  # fmt: skip
def test_values_that_no_training_survives_are_refused(override):
    with pytest.raises(RecipeError):
        presets.resolve("auto-cuda" if override.startswith("kernel") else "auto-cpu", [override])


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999999"])
def test_a_seed_that_cannot_be_is_one_sentence(tmp_path, seed):
    squares(tmp_path / "data")
    words = ["train", "--data", str(tmp_path / "data"), "--run", str(tmp_path / "run"), "--seed", seed]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "seed is" in result.output


def test_a_run_is_not_judged_by_other_pictures(finished, tmp_path):
    dataset, one, _ = finished
    shutil.rmtree(dataset.curated)
    squares(tmp_path / "others", seed=5).curated.rename(dataset.curated)
    with pytest.raises(UsageError, match="other pictures than"):
        runs.pictures(one.run)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"size = 32\n"])
def test_settings_that_cannot_be_read_are_one_sentence(finished, content):
    dataset, one, _ = finished
    one.run.settings.write_bytes(content)
    with pytest.raises(UsageError, match=r"settings\.toml (cannot be read|lacks)"):
        job(dataset, one.run.root)


def test_minutes_that_are_asked_for_win_over_a_recipe_s_images(tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\n[scrape]\ncontact = "me@example.org"\n[train]\nimages = 64\n')
    done = make(command(recipe, tmp_path / "data", tmp_path / "run", "settings", "MINUTES=5"))
    assert done.returncode == 0, done.stderr
    train = load_recipe(Run(tmp_path / "run").asked).train
    assert (train.minutes, train.images) == (5.0, 0)


def test_evaluate_is_told_the_data_only_where_somebody_wrote_it(tmp_path):
    (tmp_path / "r.toml").write_text('name = "r"\n')
    told = command(tmp_path / "r.toml", tmp_path / "data", tmp_path / "run", "-n", "evaluate", "SEED=3")
    assert f"--data '{tmp_path / 'data'}' --seed '3'" in make(told).stdout
    quiet = [word for word in told if not word.startswith("DATA=")]
    assert "--data" not in make(quiet).stdout


def test_zero_switches_seamless_off(tmp_path):
    (tmp_path / "r.toml").write_text('name = "r"\n')
    for value, on in (("0", False), ("1", True)):
        words = command(tmp_path / "r.toml", tmp_path / "data", tmp_path / "run", "-n", "sample", f"SEAMLESS={value}")
        assert ("--seamless" in make(words).stdout) == on


def test_augmentation_that_a_preset_has_is_not_called_turned_on(tmp_path):
    dataset, said = squares(tmp_path / "data"), []
    (tmp_path / "run").mkdir()
    asked = Train(preset="balanced-cpu", values=TINY, images=8)
    runs.prepare(dataset, Run(tmp_path / "run"), asked, said.append)
    assert "it has colour=0.4, shift=0.1" in next(one for one in said if "overfits" in one)
