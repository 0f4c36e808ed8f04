"""D may be two: one that looks through a teacher, and a plain one beside it, which weighs as much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from gan.nets import networks, presets
from gan.pictures import batches
from gan.step import balance, graphs, losses, players
from gan.step.balance import StepMetrics
from gan.step.halves import Halves
from gan.step.players import Machine
from gan.train import loop, preflight, show, start
from gan.train.job import Moment, Origin
from scrapbag.errors import RecipeError

SMALL = ("batch=4", "width=4", "mix=4", "beside=4")


def _team(*values: str, size: int = 32) -> tuple[Any, Any]:
    settings = presets.resolve("projected-cpu", [*SMALL, *values])
    return settings, players.make(settings, size, 0, Machine())


def _pictures(count=4, size=32):
    return batches.to_floats(torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8).numpy(), "cpu")


@torch.no_grad()
def test_both_weigh_the_same_in_the_mean_of_the_scores():
    _, team = _team()
    x = _pictures()
    through, plain = team.d[0](x), team.d[1](x)
    assert plain.shape == (4, 1)
    assert torch.allclose(team.d(x).mean(1), (through.mean(1) + plain[:, 0]) / 2, atol=1e-6)


def test_the_plain_one_is_the_d_of_the_row_without_a_teacher():
    values, team = _team()
    alone = networks.build(networks.discriminator(replace(values, teacher="none"), 32))
    assert {name: one.shape for name, one in team.d[1].state_dict().items()} == {
        name: one.shape for name, one in alone.state_dict().items()
    }


def test_the_penalty_is_that_of_the_plain_one_alone():
    values, team = _team("lazy=1", "mirror=false")
    x = _pictures()
    seen = x.clone().requires_grad_()
    plain = losses.penalty(team.d[1](seen), seen).item()
    metrics = loop.play(team, x, values, Machine(), Moment(balance=balance.start(values)), 0)
    assert plain > 0
    assert metrics.penalty == pytest.approx(plain, rel=1e-4)


def test_a_gradient_for_the_pictures_of_a_penalty_does_not_pass_the_teacher():
    _, team = _team()
    leaf = _pictures().requires_grad_()
    (beside,) = torch.autograd.grad(team.d(leaf)[:, 0].sum(), leaf, create_graph=True)
    (through,) = torch.autograd.grad(team.d(leaf * 1)[:, 0].sum(), leaf, create_graph=True)
    (plain,) = torch.autograd.grad(team.d(leaf)[:, -1].sum(), leaf, create_graph=True)
    assert beside.count_nonzero() == 0
    assert through.abs().sum() > 0
    assert plain.abs().sum() > 0


def test_reals_and_fakes_are_batches_of_their_own_for_its_batch_norms():
    values, team = _team("mirror=false", "penalty=none")
    x, moment = _pictures(), Moment(balance=balance.start(values))
    with torch.no_grad():
        real = team.d(x).mean().item()  # in training mode, of these pictures alone
    half = Halves(team, values, Machine())
    half.seed(0, 0)
    assert half.of_d(x, moment.balance, 0, 0.0, due=False).real.mean().item() == pytest.approx(real, rel=1e-4)


def test_frozen_are_the_first_convolutions_of_the_plain_one():
    _, team = _team("frozen=2")
    learning = {name for name, one in team.d[1].named_parameters() if one.requires_grad}
    every = {name for name, _ in team.d[1].named_parameters()}
    assert len(every - learning) >= 2
    assert all(one.requires_grad for name, one in team.d[0].named_parameters() if "body" not in name)


def _origin(row, *values, settled=False):
    asked = presets.resolve(row, ["width=6", "z=8", *values])
    team = players.make(asked, 64, 0, Machine())
    if settled:  # G's norms, as after some training: at first all but the tint is next to nothing
        team.g.train()(torch.randn(64, 8, 1, 1))
        for norm in (one for one in team.g.modules() if isinstance(one, torch.nn.BatchNorm2d)):
            norm.momentum = None
            norm.reset_running_stats()
        for _ in range(4):
            team.g(torch.randn(64, 8, 1, 1))
        team.ema.load_state_dict(team.g.state_dict())
        team.g.eval()
    weights = {f"{part}.{name}": one for part in start.PARTS for name, one in getattr(team, part).state_dict().items()}
    return Origin("other", row, 64, 1000, presets.plain(asked), weights, None), team


def test_a_run_that_begins_from_one_without_a_teacher_goes_on_with_both():
    origin, before = _origin("auto-cpu-64")
    assert start.row(origin, "auto") == "projected-cpu"
    values = presets.resolve("projected-cpu", (), start.given(origin, "auto"))
    assert (values.teacher, values.beside, values.width) == ("lite0", 6, 6)
    assert (values.rate, values.gamma, values.every) == (0.5, 1.0, 2)
    team: Any = players.make(values, 64, 1, Machine())
    start.begin(team, start.fit(origin, values, 64, lambda _: None))
    for name, tensor in before.d.state_dict().items():
        assert torch.equal(team.d[1].state_dict()[name], tensor), name
    for name, tensor in before.g.state_dict().items():
        assert torch.equal(team.g.state_dict()[name], tensor), name


def test_a_start_that_has_heads_goes_on_with_them_at_the_same_rates():
    origin, before = _origin("projected-cpu", "mix=4", "beside=6")
    values = presets.resolve("projected-cpu", (), start.given(origin, "auto"))
    assert (values.teacher, values.mix, values.beside, values.rate) == ("lite0", 4, 6, 0.5)
    origin.weights["d.0.0.sha256"] = torch.zeros(32, dtype=torch.uint8)  # of other weights under the same name
    team: Any = players.make(values, 64, 1, Machine())
    start.begin(team, start.fit(origin, values, 64, lambda _: None))
    for name, tensor in before.d.state_dict().items():
        assert torch.equal(team.d.state_dict()[name], tensor), f"{name}: all of D but whose weights its teacher has"


@pytest.mark.parametrize("beside", [6, 4], ids=["as wide as G", "narrower"])
def test_without_a_teacher_a_start_that_has_heads_gives_its_plain_d(beside):
    origin, before = _origin("projected-cpu", "mix=4", f"beside={beside}")
    values = presets.resolve("auto-cpu-64", ("teacher=none",), start.given(origin, "auto"))
    assert values.gamma == 10.0, "the penalty is of all of D again"
    team = players.make(values, 64, 1, Machine())
    said: list[str] = []
    start.begin(team, start.fit(origin, values, 64, said.append))
    assert "all its layers fit" in said[0]
    assert len(next(iter(team.d.parameters()))) == beside, "channels of its first layer"
    for name, tensor in before.d[1].state_dict().items():
        assert torch.equal(team.d.state_dict()[name], tensor), name


def test_a_wider_generator_begins_with_the_pictures_of_the_start():
    origin, before = _origin("projected-cpu", "mix=4", "beside=6", settled=True)
    values = presets.resolve("projected-cpu", ("width=8",), start.given(origin, "auto"))
    said: list[str] = []
    found = start.fit(origin, values, 64, said.append)
    assert "all its layers fit; G is widened from 6 to 8; " in said[0]
    team: Any = players.make(values, 64, 1, Machine())
    start.begin(team, found)
    z = torch.randn(8, 8, 1, 1)
    with torch.no_grad():
        for part in ("g", "ema"):
            wide, narrow = (getattr(one, part).eval()(z) for one in (team, before))
            seen = narrow - narrow.mean((2, 3), keepdim=True)  # all but the tint
            assert (wide - narrow).abs().mean() < 0.2 * seen.abs().mean(), part
    assert start.fit(found, values, 64, said.append) == found, "the copy in RUN/start is as wide already"
    assert "widened" not in said[1]


@pytest.mark.parametrize(("row", "preset", "found"), [
    ("auto-cpu", "auto", "auto-cpu"), ("projected-cpu", "auto", "projected-cpu"), ("auto-cpu-64", "dcgan64", ""),
])  # fmt: skip
def test_other_starts_go_on_as_they_were(row, preset, found):
    origin, _ = _origin(row)
    assert start.row(origin, preset) == found
    given = start.given(origin, preset)
    assert given.get("teacher") == (origin.values["teacher"] if preset == "auto" else None)


def test_a_start_that_learnt_from_crops_goes_on_without_a_teacher():
    origin, _ = _origin("auto-cpu-64", "crop=32")
    assert start.row(origin, "auto") == "auto-cpu-64"
    assert presets.resolve("auto-cpu-64", (), start.given(origin, "auto")).crop == 32


def test_a_d_of_patches_is_refused_beside_a_teacher():
    with pytest.raises(RecipeError, match="write beside=0"):
        presets.resolve("projected-cpu", ["head=patch"])


def test_teacher_none_takes_the_plain_one_alone():
    values = presets.resolve("projected-cpu", ["teacher=none"])
    assert not values.both
    assert networks.discriminator(values, 64) == networks.discriminator(presets.resolve("auto-cpu-64"), 64)


def test_where_no_teacher_can_be_had_the_row_without_one_is_taken(monkeypatch):
    monkeypatch.setattr("scrapbag.models.lite0.PACKAGE", "no-such-package")
    said = []
    row, overrides = preflight.taught("projected-cpu", ("width=8",), lambda: "", said.append)
    assert row == "auto-cpu-64"
    assert not presets.resolve(row, overrides, {"teacher": "lite0", "beside": 32}).both
    assert "without a teacher D learns from the pictures alone" in said[0]


def test_to_a_plain_one_that_is_half_of_d_nothing_is_another_but_the_half():
    """Its gradient is half of what it is alone: of the loss, and of the penalty that keeps it smooth."""
    values, team = _team("lazy=1", "mirror=false", "norm_g=none")
    alone = replace(values, teacher="none")
    other = players.make(alone, 32, 0, Machine())
    other.d.load_state_dict(team.d[1].state_dict())
    other.g.load_state_dict(team.g.state_dict())
    x, turn = _pictures(), balance.start(values)
    gradients = []
    for settings, one, d in ((values, team, team.d[1]), (alone, other, other.d)):
        half = Halves(one, settings, Machine())
        half.seed(0, 0)
        half.of_d(x, turn, 0, losses.gamma(settings, 0), due=True)
        gradients.append([p.grad for p in d.parameters() if p.requires_grad])
    for both, single in zip(*gradients, strict=True):
        assert torch.allclose(2 * both, single, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("every", "step", "through"), [(1, 1, True), (2, 0, True), (2, 1, False), (3, 6, True)])
def test_every_so_many_steps_d_looks_through_its_teacher_and_between_them_it_is_the_one_beside(every, step, through):
    values, team = _team(f"every={every}", "mirror=false")
    x, turn = _pictures(), balance.start(values)
    half = Halves(team, values, Machine())
    half.seed(0, step)
    seen = half.of_d(x, turn, 0, 1.0, due=step % 8 == 0)
    heads, plain = ([p.grad is not None for p in d.parameters() if p.requires_grad] for d in team.d)
    assert (all(heads) if through else not any(heads), all(plain)) == (True, True)
    assert (seen.real.shape[1] > 1) is through
    half.of_g(seen, turn, 0)
    assert all(p.grad is not None for p in team.g.parameters())


def test_between_two_steps_with_a_teacher_the_loss_is_wholly_that_of_the_one_beside():
    values, team = _team("every=2", "mirror=false", "norm_g=none", "lazy=1")
    alone = replace(values, teacher="none")
    other = players.make(alone, 32, 0, Machine())
    other.d.load_state_dict(team.d[1].state_dict())
    other.g.load_state_dict(team.g.state_dict())
    x, turn, gradients = _pictures(), balance.start(values), []
    for settings, one, d in ((values, team, team.d[1]), (alone, other, other.d)):
        half = Halves(one, settings, Machine())
        half.seed(0, 1)
        half.of_g(half.of_d(x, turn, 0, settings.gamma, due=True), turn, 0)
        gradients.append([p.grad for p in (*d.parameters(), *one.g.parameters())])
    for both, single in zip(*gradients, strict=True):
        assert torch.equal(both, single)


def test_a_teacher_that_is_all_of_d_is_looked_through_in_every_step():
    values, team = _team("beside=0", "every=2", "penalty=none")
    half = Halves(team, values, Machine())
    half.seed(0, 1)
    assert half.of_d(_pictures(), balance.start(values), 0, 0.0, due=False).real.shape[1] > 1


def test_a_line_of_the_metrics_is_of_a_step_with_a_teacher_and_of_one_without():
    first, second = (StepMetrics(*(k + n for n in range(5))) for k in (1.0, 4.0))
    values = presets.resolve("projected-cpu", [*SMALL, "every=2"])
    moment, lines = Moment(balance=balance.start(values)), show.Lines(values)
    for metrics, took in ((second, 9.0), (first, 0.2), (second, 0.6)):
        line = lines.after(moment, metrics, took, 9, 1.0)
    assert (line.loss_d, line.loss_g, line.accuracy, line.sign) == (2.5, 3.5, 4.5, 5.5)
    assert line.penalty == second.penalty
    assert line.images_per_s == pytest.approx(4 / 0.4)


@pytest.mark.parametrize(("row", "overrides", "recorded"), [
    ("projected", (), True), ("projected", ("beside=8",), True), ("projected", ("beside=8", "every=2"), False),
    ("projected-cpu", (), False), ("auto-cuda", ("penalty=none", "balance=none"), False),
])  # fmt: skip
def test_steps_that_differ_are_not_recorded_as_one(row, overrides, recorded):
    assert graphs.same(presets.resolve(row, overrides)) is recorded
