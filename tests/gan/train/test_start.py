"""A run that begins with another one's weights (INIT): what it takes over and keeps, and that it can be resumed."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gan_data import TINY, job, squares

from gan.nets import presets
from gan.pictures import data
from gan.step import losses, players
from gan.step.players import Machine
from gan.train import checkpoint, fitting, loop, runs, start
from gan.train.job import Moment
from scrapbag.errors import RecipeError, UsageError
from scrapbag.layout import Run, Start
from scrapbag.recipe import Train


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """(its dataset, its folder), trained on 80 images; nothing in it may be changed."""
    root = tmp_path_factory.mktemp("origin")
    dataset = squares(root / "data", count=140)
    loop.train(job(dataset, root / "run", images=80))
    return dataset, root / "run"


def begun(dataset, root, init, *values, images=40, say=lambda _: None, **asked):
    root.mkdir(parents=True, exist_ok=True)
    settings = Train(images=images, init=str(init), values=values, **asked)
    return runs.prepare(dataset, Run(root), settings, say)


@pytest.fixture
def other(tmp_path):
    return squares(tmp_path / "other", seed=7)


def test_the_networks_begin_with_the_weights_of_the_other_run_and_the_optimisers_anew(tmp_path, origin, other):
    one = begun(other, tmp_path / "run", origin[1])
    team = players.make(one.values, one.size, 5, one.machine)
    start.begin(team, one.origin)
    state = checkpoint.load(origin[1] / "checkpoints")
    assert state is not None
    for part in ("g", "d", "ema"):
        for name, tensor in getattr(team, part).state_dict().items():
            assert torch.equal(tensor, state[part][name]), f"{part}.{name}"
    assert not team.opt_g.state_dict()["state"]
    assert not team.opt_d.state_dict()["state"]


def test_schedules_go_on_where_the_other_run_had_got_to(tmp_path, origin, other):
    values = begun(other, tmp_path / "run", origin[1]).values
    assert (values.before_kimg, values.age(20)) == (0.08, 100)
    assert losses.gamma(values, 20) == losses.gamma(replace(values, before_kimg=0.0), 100)
    loop.train(begun(other, tmp_path / "run", origin[1]))
    after = begun(other, tmp_path / "third", tmp_path / "run").values
    assert after.before_kimg == 0.12, "a start that had a start itself has seen the images of both"


def test_auto_takes_the_networks_of_the_start_and_slower_rates(tmp_path, origin, other):
    values = begun(other, tmp_path / "run", origin[1]).values
    assert (values.width, values.batch, values.z) == (4, 4, 8), "as the start was made, though nobody asks for it here"
    assert {name: getattr(values, name) for name in presets.TRANSFER} == presets.TRANSFER
    assert (values.rate, values.ema_share) == (0.25, 0.25)
    assert begun(other, tmp_path / "own", origin[1], "rate=0.5").values.rate == 0.5
    wide = begun(other, tmp_path / "preset", origin[1], *TINY, preset="dcgan64").values
    assert wide.penalty == "none", "a preset that is asked for is taken"


def test_what_a_start_rehearsed_itself_is_not_handed_down(tmp_path, origin, other):
    first = begun(other, tmp_path / "first", origin[1], "rehearse=0.25", "rehearse_kimg=0.0", images=20)
    loop.train(first)
    assert first.values.rehearse == 0.25
    second = begun(origin[0], tmp_path / "second", tmp_path / "first").values
    assert (second.rehearse, second.rehearse_kimg) == (0, 100), "its own pictures are another run's subject"


def test_the_decay_of_a_starts_rates_is_over_and_that_of_a_row_is_not(origin):
    found = start.of_run("x", Run(origin[1]))
    found = replace(found, values=found.values | {"decay": 0.5})
    assert start.given(found, "auto")["decay"] == 1.0
    assert "decay" not in start.given(found, "dcgan256")


def test_both_rates_are_multiplied(tmp_path, origin, other):
    loop.train(begun(other, tmp_path / "run", origin[1], "rate=0.125"))
    last = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[-1]
    assert "," + f"{4e-4 / 8:.6g}" + "," in last


class _Stop:
    def __init__(self, after):
        self.after = after

    def __call__(self, _ema, images_seen):
        if images_seen >= self.after:
            raise KeyboardInterrupt


def test_stopping_and_going_on_changes_no_weight_though_the_start_is_gone(tmp_path, monkeypatch, origin, other):
    gone = tmp_path / "origin"
    shutil.copytree(origin[1], gone)
    _, calm = loop.train(begun(other, tmp_path / "calm", gone, "frozen=1", "rehearse=0.5", images=300))
    (tmp_path / "stopped").mkdir()
    shutil.copy(tmp_path / "calm" / "settings.toml", tmp_path / "stopped")
    with monkeypatch.context() as patch:
        patch.setattr("gan.train.progress.GRID_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            loop.train(
                begun(other, tmp_path / "stopped", gone, "frozen=1", "rehearse=0.5", images=300), keeper=_Stop(200)
            )
    shutil.rmtree(gone)
    _, resumed = loop.train(begun(other, tmp_path / "stopped", gone, "frozen=1", "rehearse=0.5", images=300))
    assert resumed == calm


def test_a_kill_before_the_copy_was_made_is_made_good(tmp_path, origin, other):
    _, calm = loop.train(begun(other, tmp_path / "calm", origin[1]))
    (tmp_path / "killed").mkdir()
    shutil.copy(tmp_path / "calm" / "settings.toml", tmp_path / "killed")  # the probe could choose otherwise
    begun(other, tmp_path / "killed", origin[1])
    shutil.rmtree(tmp_path / "killed" / "start")
    _, again = loop.train(begun(other, tmp_path / "killed", origin[1]))
    assert again == calm


def test_another_start_is_another_run(tmp_path, origin, other):
    begun(other, tmp_path / "run", origin[1])
    copy = tmp_path / "origin"
    shutil.copytree(origin[1], copy)
    begun(other, tmp_path / "run", copy)
    assert tomllib.loads((tmp_path / "run.1" / "settings.toml").read_text())["asked"]["init"] == str(origin[1])
    assert Start(tmp_path / "run.1" / "start").card.exists()
    assert json.loads(Start(tmp_path / "run" / "start").card.read_text())["name"] == str(copy)


def test_what_it_began_from_stands_beside_the_generator(tmp_path, origin, other):
    loop.train(begun(other, tmp_path / "run", origin[1]))
    card = json.loads((tmp_path / "run" / "generator.json").read_text())
    assert (card["values"]["start"], card["values"]["before_kimg"]) == (str(origin[1]), 0.08)


def test_pictures_that_the_start_held_out_are_not_rehearsed(tmp_path, origin, other):
    one = begun(other, tmp_path / "run", origin[1])
    known = data.load(origin[0].curated, origin[0].packed)
    train, held = ({picture.tobytes() for picture in pictures} for pictures in (known.train, known.held))
    kept = {square.tobytes() for square in one.origin.squares}
    assert len(kept) == 96, "whole rows of sixteen of its 105 training pictures"
    assert kept <= train
    assert not kept & held


def test_the_share_that_is_rehearsed_falls_linearly_and_is_the_same_in_every_replay(tmp_path, origin, other):
    one = begun(other, tmp_path / "run", origin[1], "rehearse=0.3", "rehearse_kimg=1", "batch=10")
    reals = np.zeros((10, 32, 32, 3), np.uint8)

    def share(images_seen):
        found = [
            start.rehearse(reals, one, Moment(step=step, images_seen=images_seen)).any((1, 2, 3)).mean()
            for step in range(300)
        ]
        return float(np.mean(found))

    assert share(0) == pytest.approx(0.3, abs=0.02)
    assert share(500) == pytest.approx(0.15, abs=0.02)
    assert share(1000) == share(5000) == 0
    moment = Moment(step=3)
    assert np.array_equal(start.rehearse(reals, one, moment), start.rehearse(reals, one, moment))
    for_ever = replace(one, values=replace(one.values, rehearse_kimg=0.0))
    assert start.rehearse(reals, for_ever, Moment(images_seen=10**6)).any()


def test_without_its_pictures_a_start_is_begun_from_all_the_same(tmp_path, origin, other):
    copy = tmp_path / "origin"
    shutil.copytree(origin[1], copy)
    text = (copy / "settings.toml").read_text()
    (copy / "settings.toml").write_text(text.replace(str(origin[0].root), str(tmp_path / "nowhere")))
    said: list[str] = []
    one = begun(other, tmp_path / "run", copy, say=said.append)
    assert one.origin.squares is None
    assert "no pictures to rehearse" in said[0]
    loop.train(one)


def test_frozen_convolutions_of_d_keep_their_weights_and_the_others_learn():
    values = presets.resolve("auto-cpu", ["batch=4", "width=4", "frozen=2"])
    team = players.make(values, 32, 0, Machine())
    convolutions = [m for m in team.d.modules() if isinstance(m, torch.nn.Conv2d)]
    before = [m.weight.detach().clone() for m in convolutions]
    x = torch.randn((4, 3, 32, 32), generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    for step in range(2):
        loop.play(team, x, values, Machine(), Moment(step=step), 0)
    kept = [torch.equal(old, m.weight) for old, m in zip(before, convolutions, strict=True)]
    assert kept == [True, True] + [False] * (len(kept) - 2)
    assert [p.requires_grad for p in convolutions[1].parameters()] == [False] * len(list(convolutions[1].parameters()))


@pytest.mark.parametrize(("side", "least"), [(48, 0.3), (64, 0.3)])
def test_another_size_takes_the_layers_that_fit_and_says_how_many(tmp_path, origin, side, least):
    said: list[str] = []
    larger = squares(tmp_path / "large", side=side)
    one = begun(larger, tmp_path / "run", origin[1], say=said.append)
    assert "tensors fit, the others are new" in said[0]
    team = players.make(one.values, side, 0, one.machine)
    pairs = fitting.match({k.removeprefix("d."): v for k, v in one.origin.weights.items() if k.startswith("d.")},
                        team.d.state_dict())  # fmt: skip
    assert len(pairs) > least * len(team.d.state_dict())
    assert one.origin.squares.shape[1:] == (side, side, 3)
    loop.train(one)


def test_networks_with_a_layer_more_are_matched_in_order():
    theirs = {"0.weight": torch.zeros(8, 3), "1.weight": torch.zeros(16, 8), "2.weight": torch.zeros(1, 16)}
    mine = {"0.weight": torch.zeros(4, 3), "1.weight": torch.zeros(8, 4),
            "2.weight": torch.zeros(16, 8), "3.weight": torch.zeros(1, 16)}  # fmt: skip
    assert fitting.match(theirs, mine) == {"2.weight": "1.weight", "3.weight": "2.weight"}


def test_a_small_start_holds_the_average_in_half_precision_and_is_begun_from(tmp_path, origin, other):
    whole = start.of_run("x", Run(origin[1]))
    start.write(whole, tmp_path / "small", small=True)
    small = start.read(tmp_path / "small")
    assert {name.partition(".")[0] for name in small.weights} == {"d", "ema"}
    assert small.weights["d.0.0.weight"].dtype == torch.float16
    assert small.squares.shape == whole.squares.shape
    assert np.abs(small.squares.astype(int) - whole.squares).mean() < 12, "WebP's loss"
    said: list[str] = []
    one = begun(other, tmp_path / "run", tmp_path / "small", say=said.append)
    assert "80 images of 32x32: all its layers fit; 96 pictures to rehearse" in said[0]
    team = players.make(one.values, one.size, 0, one.machine)
    start.begin(team, one.origin)
    for mine, average in zip(team.g.state_dict().values(), team.ema.state_dict().values(), strict=True):
        assert torch.equal(mine, average)
    loop.train(one)


def _no_run(root):
    root.mkdir()
    return "is no run: there is no .*settings.toml"


def _without_checkpoint(root):
    shutil.rmtree(root / "checkpoints")
    return "has no checkpoint to begin from"


def _strange_settings(root):
    (root / "settings.toml").write_text("size = 'large'\n")
    return "is no start that can be read"


def _of_a_later_version(root):
    text = (root / "settings.toml").read_text()
    (root / "settings.toml").write_text(text.replace("[values]\n", "[values]\nwarp = 1\n"))
    return r"settings.toml \[values\] has no key 'warp'"


def _cut_off(root):
    start.write(start.of_run("x", Run(root)), root)
    Start(root).weights.write_bytes(Start(root).weights.read_bytes()[:100])
    return "is no start that can be read"


def _too_few_squares(root):
    start.write(start.of_run("x", Run(root)), root)
    card = json.loads(Start(root).card.read_text())
    Start(root).card.write_text(json.dumps({**card, "squares": 4000}))
    return "is no start that can be read"


def _more_than_a_whole_batch(root):
    start.write(start.of_run("x", Run(root)), root)
    card = json.loads(Start(root).card.read_text())
    Start(root).card.write_text(json.dumps({**card, "rehearse": 7}))
    return r"is no start that can be read \(rehearse is 7"


@pytest.mark.parametrize(
    "harm",
    [
        _no_run, _without_checkpoint, _strange_settings, _of_a_later_version, _cut_off, _too_few_squares,
        _more_than_a_whole_batch,
    ],
)  # fmt: skip
def test_a_start_that_cannot_be_used_is_refused_in_a_sentence(tmp_path, origin, other, harm):
    root = tmp_path / "origin"
    if harm is not _no_run:
        shutil.copytree(origin[1], root)
    says = harm(root)
    with pytest.raises(UsageError, match=says) as error:
        begun(other, tmp_path / "run", root)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "settings.toml").exists()


def test_networks_of_other_shapes_are_refused_in_a_sentence(tmp_path, origin, other):
    with pytest.raises(UsageError, match=r"no layer of INIT=.* fits this preset at 32x32; write PRESET=auto"):
        begun(other, tmp_path / "run", origin[1], "width=12", "z=20", preset="dcgan64")


def test_a_run_does_not_begin_from_itself(tmp_path, origin, other):
    copy = tmp_path / "origin"
    shutil.copytree(origin[1], copy)
    with pytest.raises(UsageError, match="is the run itself"):
        begun(other, copy, Path(copy))


def test_what_init_writes_cannot_be_set_by_hand(tmp_path, other):
    with pytest.raises(RecipeError, match="write INIT="):
        job(other, tmp_path / "run", "start=runs/somebody")
