"""A start's generator that becomes a wider one: the pictures stay, and its copies learn apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan.nets import networks, presets
from gan.train import fitting, start
from gan.train.job import Origin


def generator(row: str, size: int, *values: str) -> nn.Module:
    torch.manual_seed(0)
    net = networks.build(networks.generator(presets.resolve(row, values), size))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after some training
            for one in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(one, 0.5, 1.5)
    return net.eval()


def narrow(harm=()):
    own = presets.resolve("auto-cpu-64", ["width=8", "z=16"])
    weights = {f"ema.{name}": one for name, one in generator("auto-cpu-64", 64, "width=8", "z=16").state_dict().items()}
    return Origin("other", "auto-cpu-64", 64, 1000, presets.plain(own), weights | dict(harm), None)


@pytest.mark.parametrize("width", [9, 12, 26], ids="width {}".format)
@pytest.mark.parametrize(
    ("row", "size", "values"),
    [("auto-cpu", 32, ()), ("auto-cpu-64", 64, ()), ("auto-cpu-64", 64, ("norm_g=none",))],
    ids=["transposed", "nearest", "without norms"],
)
def test_a_wider_generator_draws_the_same_pictures(monkeypatch, row, size, values, width):
    monkeypatch.setattr(fitting, "_NOISE", 0.0)
    before, after = (generator(row, size, f"width={w}", "z=16", *values) for w in (8, width))
    assert fitting.grows(*(presets.resolve(row, [f"width={w}", *values]) for w in (8, width)))
    after.load_state_dict(fitting.widened(before.state_dict(), after))
    z = torch.randn(4, 16, 1, 1)
    with torch.no_grad():
        assert torch.allclose(before(z), after(z), atol=1e-4)


def test_d_stays_as_wide_as_it_was_also_where_only_the_copy_of_the_start_is_left():
    origin = narrow()
    found = fitting.wide(origin, presets.resolve("auto-cpu-64", ["width=12", "z=16"]), 64)
    assert (found.values["width"], found.values["beside"]) == (12, 8)
    assert start.given(found, "auto")["beside"] == start.given(origin, "auto")["beside"] == 8


def test_copies_learn_apart_and_are_the_same_at_every_start():
    before, after = (generator("auto-cpu-64", 64, f"width={w}", "z=16") for w in (8, 12))
    wide = fitting.widened(before.state_dict(), after)
    assert all(torch.equal(tensor, other) for tensor, other in zip(
        wide.values(), fitting.widened(before.state_dict(), after).values(), strict=True))  # fmt: skip
    first = wide["0.0.0.weight"].transpose(0, 1)
    assert torch.equal(first[:64], before.state_dict()["0.0.0.weight"].transpose(0, 1))
    for copy in first[64:]:
        nearest = (first[:64] - copy).flatten(1).norm(dim=1).min()
        assert 0 < nearest < 0.05 * copy.norm()


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [(["width=12"], ["width=8"]), (["width=8"], ["width=8"]), (["width=8", "block=residual"], ["width=12"])],
    ids=["narrower", "as wide", "of other blocks"],
)
def test_other_generators_are_not_widened(theirs, mine):
    assert not fitting.grows(*(presets.resolve("auto-cpu-64", one) for one in (theirs, mine)))


@pytest.mark.parametrize(
    ("size", "values", "harm"),
    [(32, (), {}), (64, ("kernel=[5]",), {}), (64, (), {"ema.0.0.0.weight": torch.zeros(3, 3, 4, 4)})],
    ids=["of another size", "with other kernels", "whose weights are not its own"],
)
def test_a_start_stays_as_it_is(size, values, harm):
    origin = narrow(harm)
    wider = presets.resolve("auto-cpu-64", ["width=12", "z=16"])
    assert harm or fitting.wide(origin, wider, 64).values["width"] == 12
    assert fitting.wide(origin, presets.resolve("auto-cpu-64", ["width=12", "z=16", *values]), size) is origin
