"""Textures of any size, seamless to the bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from gan.__main__ import main
from gan.nets import networks, presets
from gan.pictures import batches, films
from gan.sample import interpolate, sample, textures
from gan.step import players
from gan.step.players import Machine
from gan.train import checkpoint
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Run


def _generator(root, preset="texture", *values):
    """An untrained one with lively weights, exported as a run does."""
    run = Run(root / preset)
    crop = "crop" in presets.PRESETS[preset]
    chosen = presets.resolve(preset, ["width=4", "z=8", *(["crop=32"] if crop else []), *values])
    team = players.make(chosen, 32, 0, Machine())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks.initialise(team.ema, normed=False)
    checkpoint.write_generator(run.generator, team.ema, chosen, 32, 0)
    return run


@pytest.mark.parametrize("preset", ["texture", "psgan"])
@pytest.mark.parametrize("rolled", [(2, 3), (1, 0), (0, 3)])
def test_a_seamless_tile_rolled_by_cells_is_the_tile_of_the_rolled_field(tmp_path, preset, rolled):
    generator = sample.load(_generator(tmp_path, preset).generator, seamless=True)
    net, z = textures.field(generator, (4, 6), 1.0, (), seamless=True, seed=3)
    whole, moved = net(z), net(z.roll(rolled, (2, 3)))
    assert torch.equal(whole.roll([cells * generator.grows for cells in rolled], (2, 3)), moved)
    assert whole.std() > 0.01


@pytest.mark.parametrize("preset", ["texture", "psgan"])
def test_the_waves_of_a_seamless_field_wrap_round(tmp_path, preset):
    generator = sample.load(_generator(tmp_path, preset).generator, seamless=True)
    tile = textures.tile(generator, (64, 96), 1.0, (), seamless=True, seed=3)
    twice = tile.repeat(1, 1, 2, 2)
    across = (twice[..., 95] - twice[..., 96]).abs().mean()
    inside = (tile[..., 1:] - tile[..., :-1]).abs().mean()
    assert across < 2 * inside


def test_halves_of_a_seamless_tile_match_when_swapped(tmp_path):
    generator = sample.load(_generator(tmp_path).generator, seamless=True)
    net, z = textures.field(generator, (2, 4), 1.0, (), seamless=True, seed=0)
    left, right = net(z).chunk(2, 3)
    assert torch.equal(net(z.roll(2, 3)), torch.cat([right, left], 3))


def test_a_texture_has_exactly_the_pixels_asked_for(tmp_path):
    (path,) = textures.write(_generator(tmp_path), "100x37", 1.4, "", seamless=False, seed=0)
    with Image.open(path) as image:
        assert image.size == (100, 37)


def test_a_seamless_tile_of_another_size_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="multiples of 8; write PIXELS=96x40"):
        textures.write(_generator(tmp_path), "100x37", 1.0, "", seamless=True, seed=0)


def test_std_changes_how_far_a_texture_strays(tmp_path):
    generator = sample.load(_generator(tmp_path).generator, seamless=True)
    still, wild = (textures.tile(generator, (64, 64), std, (), seamless=True, seed=0).std() for std in (0.1, 2.0))
    assert wild > still


def test_types_run_from_one_to_the_other_and_back_when_seamless(tmp_path):
    generator = sample.load(_generator(tmp_path, "psgan").generator, seamless=True)
    local = generator.values.z
    for seamless, last in ((False, 1.0), (True, 0.0)):
        z = batches.latents(generator.values, 1, torch.Generator().manual_seed(0), (4, 9))
        mixed = textures._mixed(generator.values, (3, 7), 9, seamless=seamless)
        ends = [textures._mixed(generator.values, (k, k), 9, seamless=seamless)[:, 0, 0] for k in (3, 7)]
        assert torch.allclose(mixed[:, 0, 0], ends[0])
        assert z[:, local : local + generator.values.types].shape[1] == len(mixed)
        if last:
            assert torch.allclose(mixed[:, 0, -1], ends[1])
        else:
            step = (mixed[:, 0, 1:] - mixed[:, 0, :-1]).norm(dim=0)
            assert (mixed[:, 0, -1] - mixed[:, 0, 0]).norm() <= 1.01 * step.max()


@pytest.mark.parametrize(
    ("preset", "kinds", "says"),
    [("texture", "1..2", "TYPE needs PRESET=psgan"), ("dcgan64", "", "need PRESET=texture or psgan")],
)
def test_what_a_generator_cannot_do_is_said(tmp_path, preset, kinds, says):
    with pytest.raises(UsageError, match=says):
        textures.write(_generator(tmp_path, preset), "64x64", 1.0, kinds, seamless=False, seed=0)


@pytest.mark.parametrize("text", ["64", "64x", "0x64", "-1x5", "64x64x3"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="PIXELS is"):
        textures.parse_size(text)


def test_a_type_that_is_none_is_refused():
    assert textures.parse_kinds("3..7") == (3, 7)
    with pytest.raises(UsageError, match="TYPE is 'a'"):
        textures.parse_kinds("a")


def test_a_circular_net_has_the_same_weights(tmp_path):
    spec = networks.generator(presets.resolve("psgan", ["width=4"]), 32)
    plain, wrapped = (networks.build(one).state_dict() for one in (spec, networks.circular(spec)))
    assert {k: v.shape for k, v in plain.items()} == {k: v.shape for k, v in wrapped.items()}


def test_samples_of_a_seed_stay_when_more_are_asked_for(tmp_path):
    generator = sample.load(_generator(tmp_path, "dcgan64").generator)
    assert torch.allclose(sample.draw(generator, 8, 5)[:3], sample.draw(generator, 3, 5), atol=1e-5)


def test_no_generator_says_what_to_run(tmp_path):
    with pytest.raises(MissingError, match="run make train first"):
        sample.load(Run(tmp_path).generator)


def test_a_film_ends_where_it_began(tmp_path):
    generator = sample.load(_generator(tmp_path, "dcgan64").generator)
    frames = [frame.astype(float) for frame in interpolate.walk(generator, 2, 4.0, 0)]
    assert len(frames) == 96
    steps = [np.abs(a - b).mean() for a, b in pairwise(frames)]
    assert np.abs(frames[-1] - frames[0]).mean() <= 2 * max(steps)


def test_a_film_is_an_mp4_or_else_a_gif(tmp_path, monkeypatch):
    run = _generator(tmp_path, "dcgan64")
    assert interpolate.write(run, 2, 1.0, 0).stat().st_size > 1000
    monkeypatch.setattr(films, "mp4", lambda *_: False)
    path = interpolate.write(run, 2, 1.0, 0)
    with Image.open(path) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("GIF", 24)


def test_as_many_textures_are_made_as_are_asked_for(tmp_path):
    run = _generator(tmp_path)
    paths = textures.write(run, "64x32", 1.0, "", seamless=False, seed=3, count=3)
    assert [path.name for path in paths] == [f"texture-64x32-seed3{end}.png" for end in ("", "-1", "-2")]
    made = [path.read_bytes() for path in paths]
    assert len(set(made)) == 3
    (first,) = textures.write(run, "64x32", 1.0, "", seamless=False, seed=3)
    assert first.read_bytes() == made[0], "a larger N changes no texture"
    result = CliRunner().invoke(main, ["sample", "--run", str(run.root), "--pixels", "64x32", "--n", "2"])
    assert "2 textures of seed 0" in result.output
    assert len(list(run.samples.glob("texture-64x32-seed0*.png"))) == 2
